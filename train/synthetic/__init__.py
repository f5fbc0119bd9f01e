"""Rendered faces with exact landmark labels: `sdfl synth`.

One picture's way: `person` draws who is seen and how, `head` shapes and turns the mesh, `hair`, `props` and `skin` add
the rest as numpy arrays, `labels` projects the points, `render` (the only module that needs Blender) makes the picture,
`photo` puts it before a background, and `generate` does so for many, each on its own seed.
"""

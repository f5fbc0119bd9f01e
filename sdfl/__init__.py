"""SDFL: structure-coherent face landmarks on the edge.

The folders of the repository are the sub-packages: `sdfl.runtime` (no torch), `sdfl.model`, `sdfl.train`,
`sdfl.convert`, `sdfl.benchmarks`. The modules beside this file hold what they share and need numpy and OpenCV only.
"""

__version__ = "0.1.0"

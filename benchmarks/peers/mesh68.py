"""The mesh point of MediaPipe nearest to each of the 68 points, as it is usually chosen.

Contour and mouth mean something else there (the mesh ends above the jaw line), so comparisons of accuracy use points
17 to 47: brows, nose and eyes.
"""

# fmt: off
MAP = [
    162, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 389,
    71, 63, 105, 66, 107, 336, 296, 334, 293, 301,
    168, 197, 5, 4, 75, 97, 2, 326, 305,
    33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380,
    61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181, 78, 82, 13, 312, 308, 317, 14, 87,
]
# fmt: on

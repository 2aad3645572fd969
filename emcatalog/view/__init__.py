"""Pictures of volumes: three planes at their physical proportions, with scale bars.

A consumer: it takes labelled arrays (dims z, y, x; coordinates in nm) from anywhere.
"""

from emcatalog.view.gallery import Words, gallery, orthoviews, subtitle
from emcatalog.view.planes import Plane, Planes, cut
from emcatalog.view.scale import bar_length, length_text

__all__ = [
    "Plane",
    "Planes",
    "Words",
    "bar_length",
    "cut",
    "gallery",
    "length_text",
    "orthoviews",
    "subtitle",
]

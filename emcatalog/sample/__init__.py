"""The embedded sample: the five sources in miniature, in their native formats.

`write_sample` fills a mirror directory in seconds, without a network; `truth` gives
the voxels that a reader must find there. The tissue is procedural, not measured.
"""

from emcatalog.sample.datasets import SAMPLES, Sample, instances, truth
from emcatalog.sample.tissue import CLASSES
from emcatalog.sample.writing import FORMAT_VERSION, write_sample

__all__ = [
    "CLASSES",
    "FORMAT_VERSION",
    "SAMPLES",
    "Sample",
    "instances",
    "truth",
    "write_sample",
]

"""Driver ``ngff``: OME-Zarr on Zarr v2 and v3, and N5 with COSEM or viewer metadata."""

from __future__ import annotations

from emcatalog.driver import VolumeSource, backend
from emcatalog_ngff.opening import open_pyramid

__all__ = ["NgffBackend", "NgffSource", "open_pyramid"]


class NgffSource(VolumeSource):
    """A multiscale image in OME-Zarr or N5 on S3, GCS, a web server or disk.

    It may lie in a zip file. Works without consolidated metadata and without
    ``_ARRAY_DIMENSIONS``. ``channel`` takes an index or a label, ``time`` an index.
    Chunks that are not stored read as the array's fill value; ``stored`` tells them
    apart.
    """

    name = "ngff"
    open_pyramid = staticmethod(open_pyramid)


NgffBackend = backend(NgffSource)

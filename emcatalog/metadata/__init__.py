"""One table over all sources, in which every field says where it came from.

>>> from emcatalog.metadata import conflicts, records, search, table
>>> found = records()  # doctest: +SKIP
>>> table(found)[["name", "depth", "pixel_size_in_nm"]]  # doctest: +SKIP
>>> print(found["dataset2"].explain("voxel_size_y"))  # doctest: +SKIP
>>> search(None, "FIB-SEM mouse voxel<10nm")  # doctest: +SKIP

What is known comes from snapshots of headers and archives' answers, so it needs no
network; a volume of which there is no snapshot is asked for its headers, never for
voxels.
"""

from __future__ import annotations

from emcatalog.metadata.face import conflicts, records, search, table

__all__ = ["conflicts", "records", "search", "table"]

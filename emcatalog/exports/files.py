"""The files of a record: a file, the numbered files of a range, or a whole folder."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from emcatalog.exports.told import location, text
from emcatalog.record import Record

_OCTETS = "application/octet-stream"
_FORMATS = {
    "tiff": "image/tiff",
    "ome-tiff": "image/tiff",
    "imagej": "image/tiff",
    "png": "image/png",
    "jpeg": "image/jpeg",
    "dm3": "http://www.er-c.org/cbb/info/dmformat/",
    "dm4": "http://www.er-c.org/cbb/info/dmformat/",
    "ome-zarr": "https://ngff.openmicroscopy.org/",
    "ome-ngff": "https://ngff.openmicroscopy.org/",
    "zarr": "https://zarr-specs.readthedocs.io/",
    "n5": "https://github.com/saalfeldlab/n5",
    "neuroglancer precomputed": (
        "https://github.com/google/neuroglancer/tree/master/src/datasource/precomputed"
    ),
}
"""Media types, and for formats that have none the page that defines them: Croissant 1.1
and RO-Crate both ask for these."""

_SUFFIXES = {
    ".tif": "tiff", ".tiff": "tiff", ".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg",
    ".dm3": "dm3", ".dm4": "dm4",
}  # fmt: skip
_PATTERN = re.compile(r"[*?\[{]")


@dataclass(frozen=True)
class Files:
    """Where data lies: one file, or what matches ``pattern`` in a folder.

    ``place`` is the address of the file or folder; ``pattern`` is empty for a file.
    ``encoding`` is a media type or the page that defines the format.
    """

    place: str
    pattern: str
    encoding: str


def files(record: Record) -> Files | None:
    """The files that ``record`` locates; None if it locates none.

    >>> from emcatalog.record import Claim
    >>> files(Record((Claim("url", "https://a.org/s_{0000..0015}.dm3", "catalog"),)))
    Files(place='https://a.org/', pattern='s_[0-9][0-9][0-9][0-9].dm3',
          encoding='http://www.er-c.org/cbb/info/dmformat/')
    """
    place = location(record)
    if not place:
        return None
    kind = _kind(record, place)
    folder, slash, name = place.rpartition("/")
    if _PATTERN.search(name):
        return Files(folder + slash, _glob(name), kind)
    if PurePosixPath(name).suffix.lower() in _SUFFIXES:
        return Files(place, "", kind)
    return Files(place.rstrip("/") + "/", "**", kind)


def _kind(record: Record, place: str) -> str:
    told = text(record, "format").casefold()
    for name in sorted(_FORMATS, key=len, reverse=True):
        if re.search(rf"\b{re.escape(name)}\b", told):
            return _FORMATS[name]
    return _FORMATS.get(_SUFFIXES.get(PurePosixPath(place).suffix.lower(), ""), _OCTETS)


def _glob(name: str) -> str:
    """A range ``{0000..0015}`` as a pattern of as many digits, else ``*``."""

    def digits(found: re.Match[str]) -> str:
        first, last = found[1], found[2]
        return "[0-9]" * len(first) if len(first) == len(last) else "*"

    return re.sub(r"\{(\d+)\.\.(\d+)\}", digits, name)

"""The files of a record: a file, the numbered files of a range, or a whole folder."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from emcatalog.exports.told import downloads, location, text
from emcatalog.record import Record

_OCTETS = "application/octet-stream"
_DM = "http://www.er-c.org/cbb/info/dmformat/"
_NGFF = "https://ngff.openmicroscopy.org/"
_FORMATS = {
    "tiff": "image/tiff",
    "bigtiff": "image/tiff",
    "png": "image/png",
    "jpeg": "image/jpeg",
    "bmp": "image/bmp",
    "webp": "image/webp",
    "dm3": _DM,
    "dm4": _DM,
    "ome-zarr": _NGFF,
    "zarr": "https://zarr-specs.readthedocs.io/",
    "n5": "https://github.com/saalfeldlab/n5",
    "neuroglancer precomputed": (
        "https://github.com/google/neuroglancer/tree/master/src/datasource/precomputed"
    ),
}
"""Media types, and for formats that have none the page that defines them: Croissant 1.1
and RO-Crate both ask for these."""

_SUFFIXES = {
    ".tif": "tiff", ".tiff": "tiff", ".btf": "tiff", ".tf8": "tiff", ".png": "png",
    ".jpg": "jpeg", ".jpeg": "jpeg", ".bmp": "bmp", ".webp": "webp", ".dm3": "dm3",
    ".dm4": "dm4", ".zip": "", ".pnm": "", ".pgm": "", ".ppm": "", ".pbm": "",
}  # fmt: skip
"""Suffixes of single files; what has another one is a folder."""

_SERVER = re.compile(r"(?:https?|ftp)://[^/]+/?")
_RANGE = re.compile(r"\{([0-9]{1,9})\.\.([0-9]{1,9})\}")
_PATTERN = re.compile(r"[*?\[{]")

MOST_NAMES = 256
"""Files of a range that are named one by one."""


@dataclass(frozen=True)
class Files:
    """Where data lies: one file, or what matches ``patterns`` in a folder.

    ``place`` is the address of the file or folder; a file has no ``patterns``.
    ``encoding`` is a media type or the page that defines the format.
    """

    place: str
    patterns: tuple[str, ...]
    encoding: str


def files(record: Record) -> Files | None:
    """The files that ``record`` locates; None if it locates none.

    >>> from emcatalog.record import Claim
    >>> files(Record((Claim("url", "https://a.org/s_{08..10}.dm3", "catalog"),)))
    Files(place='https://a.org/', patterns=('s_08.dm3', 's_09.dm3', 's_10.dm3'),
          encoding='http://www.er-c.org/cbb/info/dmformat/')
    """
    place = next(filter(_is_data, (location(record), *downloads(record))), "")
    if not place:
        return None
    kind = _kind(record, place)
    folder, slash, name = place.rpartition("/")
    if _PATTERN.search(name):
        return Files(folder + slash or "./", _patterns(name), kind)
    if PurePosixPath(name).suffix.lower() in _SUFFIXES:
        return Files(place, (), kind)
    return Files(place.rstrip("/") + "/", ("**",), kind)


def landing(record: Record) -> str:
    """Where one reads about the data: its DOI, else the file or folder."""
    number, found = text(record, "data_doi"), files(record)
    return f"https://doi.org/{number}" if number else found.place if found else ""


def _is_data(place: str) -> bool:
    """Whether it has more than a server's name, which is the same for all its data."""
    return bool(place) and not _SERVER.fullmatch(place)


def _kind(record: Record, place: str) -> str:
    told = text(record, "format").casefold()
    for name in sorted(_FORMATS, key=len, reverse=True):
        if re.search(rf"\b{re.escape(name)}\b", told):
            return _FORMATS[name]
    return _FORMATS.get(_SUFFIXES.get(PurePosixPath(place).suffix.lower(), ""), _OCTETS)


def _patterns(name: str) -> tuple[str, ...]:
    """The names of a range ``{0000..0015}``; of a long one, a pattern of its digits."""
    found = _RANGE.search(name)
    if not found:
        return (name,)
    before, after = name[: found.start()], name[found.end() :]
    first, last = int(found[1]), int(found[2])
    if abs(last - first) >= MOST_NAMES:
        alike = len(found[1]) == len(found[2])
        return (f"{before}{'[0-9]' * len(found[1]) if alike else '*'}{after}",)
    step = 1 if last >= first else -1
    numbers = range(first, last + step, step)
    padded = any(len(text) > 1 and text[0] == "0" for text in found.groups())
    width = max(map(len, found.groups())) if padded else 0
    return tuple(f"{before}{number:0{width}}{after}" for number in numbers)

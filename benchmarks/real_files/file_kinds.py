"""What a file is: by its first bytes, and by its suffix where they tell nothing."""

from __future__ import annotations

import re
import stat
import zipfile
from collections.abc import Container
from pathlib import Path

from benchmarks.real_files.findings import UNREADABLE

MAGIC = (
    (b"II*\0", "TIFF"), (b"MM\0*", "TIFF"), (b"II+\0", "TIFF"), (b"MM\0+", "TIFF"),
    (b"\0\0\0\3", "DM"), (b"\0\0\0\4", "DM"), (b"\x89PNG\r\n", "picture"),
    (b"\xff\xd8\xff", "picture"), (b"\x89HDF", "HDF5"), (b"PK\3\4", "zip"),
    (b"PK\5\6", "zip"), (b"\x1f\x8b", "gzip"), (b"BZh", "bzip2"),
    (b"\x93NUMPY", "NumPy"), (b"%PDF", "PDF"),
)  # fmt: skip
SUFFIXES = {
    ".dm3": "DM", ".dm4": "DM", ".tif": "TIFF", ".tiff": "TIFF", ".btf": "TIFF",
    ".tf8": "TIFF", ".tif.gz": "TIFF", ".tiff.gz": "TIFF", ".png": "picture",
    ".jpg": "picture", ".jpeg": "picture", ".pgm": "picture", ".pbm": "picture",
    ".ppm": "picture", ".bmp": "picture", ".webp": "picture", ".mrc": "MRC",
    ".map": "MRC", ".h5": "HDF5", ".hdf": "HDF5", ".json": "JSON", ".csv": "text",
    ".md": "text", ".txt": "text", ".yml": "text", ".yaml": "text", ".zip": "zip",
    ".ozx": "zip", ".npy": "NumPy",
}  # fmt: skip

PICTURE = re.compile(rb"P[1-6]\s|BM.{4}\0{4}|RIFF.{4}WEBP", re.DOTALL)
"""How PBM, PGM, PPM, BMP and WebP pictures begin."""


def file_kind(place: Path, readable: Container[str]) -> tuple[str, str]:
    """The kind of a file, and why it is none of the kinds that are ``readable``."""
    suffix = suffix_of(place.name)
    named = SUFFIXES.get(suffix, "")
    try:
        mode = place.stat().st_mode
        if stat.S_ISDIR(mode):
            return "link", "a link to a folder, which is not followed"
        if not stat.S_ISREG(mode):
            return "special", "a device, socket or pipe"
        with place.open("rb") as file:
            head = file.read(16)
    except OSError as error:
        return _unopened("OME-Zarr" if named == "zip" else named, readable, error)
    kind = _magic(head)
    if "zip" in (kind, named):
        return _zip_kind(place)
    if named in readable and kind not in readable:
        kind = named
    kind = kind or named
    return kind or "file", "" if kind in readable else _what(kind, suffix, head)


def _unopened(named: str, readable: Container[str], error: OSError) -> tuple[str, str]:
    """What ought to be readable is tried: the driver has to say what is wrong."""
    if named in readable:
        return named, ""
    return named or UNREADABLE, f"cannot be opened: {error.strerror}"


def _magic(head: bytes) -> str:
    if PICTURE.match(head):
        return "picture"
    kind = next((k for magic, k in MAGIC if head.startswith(magic)), "")
    return "" if kind == "DM" and not _is_dm(head) else kind


def _zip_kind(place: Path) -> tuple[str, str]:
    """A zip file: a store of Zarr, if it has the metadata of one."""
    try:
        with zipfile.ZipFile(place) as archive:
            names = archive.namelist()
    except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError):
        names = []
    # at the top, or in the one folder that was packed
    if any(
        re.fullmatch(r"([^/]+/)?(\.z(attrs|group|array)|zarr\.json)", n) for n in names
    ):
        return "OME-Zarr", ""
    if place.name.lower().endswith((".zarr.zip", ".ozx")):
        return "OME-Zarr", ""
    return "zip", "a zip file that is no Zarr store"


def _is_dm(head: bytes) -> bool:
    """Whether the byte order that a DM3 or DM4 header states is one that there is."""
    at = 8 if head[3:4] == b"\3" else 12
    return head[at : at + 3] == b"\0\0\0" and head[at + 3 : at + 4] in (b"\0", b"\1")


def _what(kind: str, suffix: str, head: bytes) -> str:
    if not head:
        return "an empty file"
    if kind:
        return f"{kind}: no driver reads it"
    return f"a file {suffix or 'without suffix'} of no known kind"


def suffix_of(name: str) -> str:
    """The suffix in small letters, with what is before ``.gz``.

    >>> suffix_of("A.TIF.gz"), suffix_of("b.dm3"), suffix_of("c")
    ('.tif.gz', '.dm3', '')
    """
    parts = name.lower().split(".")
    if len(parts) > 2 and parts[-1] in ("gz", "bz2"):
        return f".{parts[-2]}.{parts[-1]}"
    return f".{parts[-1]}" if len(parts) > 1 and parts[-1].isalnum() else ""

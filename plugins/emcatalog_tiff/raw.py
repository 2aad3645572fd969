"""The tags of a page as JSON has them: untouched, but for what is long or far away."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from tifffile import TiffFile, TiffPage, TiffTag

from emcatalog_tiff.damage import imagej_metadata, tag_value
from emcatalog_tiff.header import HeaderFile
from emcatalog_tiff.instruments import FEI, SEM, SIS, TVIPS

SHORT = 1 << 10
"""Bytes of an array that is kept as numbers."""

LONG = 1 << 20
"""Bytes of a text, or of the table of a vendor, that is kept."""

_TEXT = 2
"""The type of texts in TIFF."""

_TABLES = frozenset({*FEI, SEM, SIS, TVIPS})


def raw_tags(tiff: TiffFile, page: TiffPage, file: HeaderFile) -> dict[str, object]:
    """``tags``: those of ``page`` by name, and ``imagej``: what ImageJ wrote of all.

    OME-XML is the tag ImageDescription. Texts and the tables of vendors are kept up to
    1 MiB, other arrays up to 1 kB: longer ones are a text such as ``<8192 bytes>``, and
    so is what would have cost a request of its own. Numbers that JSON does not have
    are texts: ``nan``, ``inf``.
    """
    raw: dict[str, object] = {
        "tags": {_name(tag): _value(page, tag, file) for tag in page.tags.values()}
    }
    if page.is_imagej:
        raw["imagej"] = _plain(imagej_metadata(tiff))
    return raw


def _name(tag: TiffTag) -> str:
    name = tag.name.partition(" | ")[0]
    return str(tag.code) if name.isdecimal() else name


def _value(page: TiffPage, tag: TiffTag, file: HeaderFile) -> object:
    size = tag.valuebytecount
    is_long = tag.dtype == _TEXT or tag.code in _TABLES
    is_kept = 0 < size <= (LONG if is_long else SHORT)
    is_near = is_kept and file.reader.holds(tag.valueoffset, size)
    value = tag_value(page, tag.code) if is_near else None
    return f"<{size} bytes>" if value is None else _plain(value)


def _plain(value: Any) -> object:
    """A value as JSON has it: arrays and bytes are lists of numbers."""
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, bytes | Sequence) and not isinstance(value, str):
        return [_plain(inner) for inner in value]
    if isinstance(value, int) and not isinstance(value, bool):
        return int(value)  # names of numbers, such as those of compressions
    is_told = isinstance(value, bool | str) or value is None
    is_number = isinstance(value, float) and math.isfinite(value)
    return value if is_told or is_number else str(value)

"""Pages of a TIFF -> the page table of the paged engine, with every number checked."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence

import numpy as np
from tifffile import TiffPage

from emcatalog.errors import FormatError, TruncatedError
from emcatalog.paged import Layout, Page
from emcatalog.series import ensure_alike
from emcatalog_tiff.chain import T4_OPTIONS
from emcatalog_tiff.codec import SegmentCodec, ensure_known, ensure_predictor
from emcatalog_tiff.header import HeaderFile
from emcatalog_tiff.hyperstack import Plane
from emcatalog_tiff.pictures import FAXES, PICTURES, Colours

SEPARATE = 2
"""PlanarConfiguration of pages that store their samples one after the other."""


def page_table(
    planes: Sequence[Plane], sample: int, file: HeaderFile
) -> tuple[Layout, tuple[Page, ...]]:
    """The layout that ``planes`` share, and where each one lies.

    ``file`` is the one that holds the planes that name no file themselves.
    Uncompressed strips that touch become one segment, so that neighbouring rows are
    had in one request. Raises FormatError that names the page which differs from the
    first or cannot be read, and TruncatedError for one that ends behind the file.
    """
    places: dict[TiffPage, list[tuple[int, int]]] = {}
    for plane in planes:
        if plane.page not in places:
            places[plane.page] = _segments(plane.page, sample, plane.file or file)
    url = file.name
    own = [plane for plane in planes if not plane.shift]
    ensure_alike([(_entry(p.url or url, p.page), _facts(p.page)) for p in own])
    first = planes[0].page
    stored = _stored(first, planes[0].url or url)
    one_piece = all(_is_run(p.page, places[p.page]) for p in planes)
    if not one_piece:
        rows = [(_entry(p.url or url, p.page), _segment_facts(p.page)) for p in own]
        ensure_alike(rows)
    samples = 1 if first.planarconfig == SEPARATE else first.samplesperpixel
    shape = first.imagelength, first.imagewidth
    layout = Layout(
        shape,
        stored,
        shape if one_piece else _segment(first),
        None if _is_raw(first) else _codec(first, stored),
        samples,
        sample if samples > 1 else 0,
    )
    pages = (_page(p, places[p.page], one_piece, p.url or url) for p in planes)
    return layout, tuple(pages)


def _page(
    plane: Plane, segments: Sequence[tuple[int, int]], one_piece: bool, url: str
) -> Page:
    if one_piece:
        start, stop = segments[0][0], segments[-1][0] + segments[-1][1]
        return Page(url, (start + plane.shift,), (stop - start,))
    if plane.shift:
        raise FormatError(
            entry=_entry(url, plane.page),
            got="strips that do not touch, and pages without directories",
            expected="pictures behind each other",
            hint="rewrite the file with one directory for each page",
        )
    offsets, counts = zip(*segments, strict=True)
    return Page(url, tuple(offsets), tuple(counts))


def _entry(url: str, page: TiffPage) -> str:
    return f"{url}, page {page.index}"


def _facts(page: TiffPage) -> Mapping[str, object]:
    """What the pages of one volume share."""
    return {
        "shape": page.shape,
        "type": str(page.dtype),
        "byte order": page.parent.byteorder,
        "bits": page.bitspersample,
        "compression": int(page.compression),
        "predictor": int(page.predictor),
        "planar configuration": int(page.planarconfig),
        "fill order": int(page.fillorder),
        "photometric": int(page.photometric),
        "JPEG tables": page.jpegtables or b"",
        "fax options": page.tags.valueof(T4_OPTIONS) or 0,
    }


def _segment_facts(page: TiffPage) -> Mapping[str, object]:
    return {"strips or tiles (y, x)": _segment(page), "tiled": page.is_tiled}


def _segment(page: TiffPage) -> tuple[int, int]:
    if page.is_tiled:
        return page.tilelength, page.tilewidth
    return min(page.rowsperstrip, page.imagelength), page.imagewidth


def _stored(page: TiffPage, url: str) -> np.dtype[np.generic]:
    """The type of the stored values; FormatError for one that a volume cannot have."""
    dtype, bits = page.dtype, page.bitspersample
    if dtype is None or dtype.kind not in "uifbc" or page.is_mdgel:
        raise FormatError(
            entry=_entry(url, page),
            got=f"values of {bits} bits, sample format {page.sampleformat} ({dtype})"
            + " that stand for others (MD GEL)" * page.is_mdgel,
            expected="integers of 1 to 32 or 64 bits, floating point numbers of 16, "
            "24, 32 or 64, or complex numbers",
            hint="such values have to be converted first",
        )
    if dtype.kind == "b":  # one bit is a number, 0 or 1
        return np.dtype(np.uint8)
    return np.dtype(dtype).newbyteorder("<" if page.parent.byteorder == "<" else ">")


def _is_raw(page: TiffPage) -> bool:
    """Whether the stored bytes are the values."""
    plain = page.compression == 1 and page.predictor == 1 and page.fillorder == 1
    return plain and page.dtype is not None and page.bitspersample == 8 * _size(page)


def _size(page: TiffPage) -> int:
    return page.dtype.itemsize if page.dtype is not None else 0


def _codec(page: TiffPage, stored: np.dtype[np.generic]) -> SegmentCodec:
    alone = page.planarconfig == SEPARATE or page.samplesperpixel == 1
    known = page.compression not in PICTURES or page.compression in FAXES
    return SegmentCodec(
        int(page.compression),
        stored,
        page.bitspersample,
        _segment(page)[0],
        page.is_tiled,
        int(page.predictor),
        page.fillorder == 2 and known,
        Colours(int(page.photometric), alone, bool(page.extrasamples)),
        page.jpegtables or b"",
        int(page.tags.valueof(T4_OPTIONS) or 0),
    )


def _segments(page: TiffPage, sample: int, file: HeaderFile) -> list[tuple[int, int]]:
    """Offset and length of each segment of one sample, after checking all of them."""
    entry = _entry(file.name, page)
    _check_kind(page, entry)
    height, width = _segment(page)
    if height < 1 or width < 1:
        raise FormatError(
            entry=entry, got=f"segments of {height} x {width}", expected="some pixels"
        )
    number = math.ceil(page.imagelength / height) * math.ceil(page.imagewidth / width)
    separate = page.planarconfig == SEPARATE
    total = number * (page.samplesperpixel if separate else 1)
    offsets, counts = page.dataoffsets, page.databytecounts
    whole = all(isinstance(n, int) and n >= 0 for n in (*offsets, *counts))
    if not whole or len(offsets) != total or len(counts) != total:
        raise FormatError(
            entry=entry,
            got=f"{len(offsets)} offsets and {len(counts)} lengths of segments",
            expected=f"{total} of each",
            hint="the file's page table is damaged",
        )
    start = sample * number if separate else 0
    own = zip(
        offsets[start:][:number],
        counts[start:][:number],
        _lengths(page, number),
        strict=True,
    )
    raw = _is_raw(page)
    return [
        (offset, length if raw else count)
        if count >= length and offset >= 8 and offset + count <= file.size
        else _odd(page, (offset, count, length), entry, file)
        for offset, count, length in own
    ]


def _check_kind(page: TiffPage, entry: str) -> None:
    """Refuse what no decoder is there for, before anything is decoded."""
    ensure_known(int(page.compression))
    if page.imagedepth != 1 or (page.is_tiled and page.tiledepth != 1):
        raise FormatError(
            entry=entry,
            got=f"a page of depth {page.imagedepth}",
            expected="flat pages, one for each section",
        )
    if not isinstance(page.bitspersample, int):
        raise FormatError(
            entry=entry,
            got=f"samples of {page.bitspersample} bits",
            expected="samples of one size",
        )
    if page.is_subsampled and page.compression not in PICTURES:
        raise FormatError(
            entry=entry,
            got="subsampled colours without JPEG compression",
            expected="grey values",
        )
    if page.compression in FAXES and (page.bitspersample, page.samplesperpixel) != (
        1,
        1,
    ):
        raise FormatError(
            entry=entry,
            got=f"a fax of {page.samplesperpixel} x {page.bitspersample} bits",
            expected="one bit for each pixel",
        )
    if page.dtype is not None:
        numbers = int(page.compression), int(page.predictor)
        ensure_predictor(*numbers, page.dtype, page.bitspersample)


def _odd(
    page: TiffPage, segment: tuple[int, int, int], entry: str, file: HeaderFile
) -> tuple[int, int]:
    """What to make of a segment that is absent, too short or out of the file."""
    offset, count, length = segment
    if offset == count == 0:
        return _absent(page, entry)
    if count < length or offset < 8:
        raise FormatError(
            entry=entry,
            got=f"a segment of {count} bytes at byte {offset}",
            expected=f"at least {length}, behind the header",
            hint="the file's page table is damaged",
        )
    if _is_raw(page) and offset + length <= file.size:
        return offset, length
    raise TruncatedError(
        entry=entry,
        got=f"a file of {file.size} bytes",
        expected=f"{offset + count}, where a segment ends",
        hint="the file is cut short: fetch it again",
    )


def _absent(page: TiffPage, entry: str) -> tuple[int, int]:
    """A segment that the file leaves out: it reads as zeros, which must be its fill."""
    if page.nodata:
        raise FormatError(
            entry=entry,
            got=f"absent segments that stand for {page.nodata}",
            expected="segments, or absent ones that stand for 0",
        )
    return 0, 0


def _lengths(page: TiffPage, number: int) -> list[int]:
    """Bytes that each segment has at least; the last strip of a page is shorter."""
    if not _is_raw(page):
        return [1] * number
    height, width = _segment(page)
    samples = 1 if page.planarconfig == SEPARATE else page.samplesperpixel
    row = width * samples * _size(page)
    last = height if page.is_tiled else page.imagelength - (number - 1) * height
    return [height * row] * (number - 1) + [last * row]


def _is_run(page: TiffPage, segments: Sequence[tuple[int, int]]) -> bool:
    """Whether the segments are the rows of the page, one behind the other."""
    if not _is_raw(page) or (page.is_tiled and _segment(page)[1] != page.imagewidth):
        return False
    if page.is_tiled and page.imagelength % page.tilelength:
        return False
    if any(count == 0 for _, count in segments):
        return False
    return all(sum(a) == b[0] for a, b in itertools.pairwise(segments))

"""Reduced copies of pages (NewSubfileType, bit 0) as the further levels of a pyramid.

They lie in SubIFDs (tag 330) of each page, as OME-TIFF has them since 2018, or between
the pages of the main chain. A copy covers the same area as its page: its voxels are so
many times larger as it has fewer of them, and where a size was odd, by the whole
factor that explains both axes.

Format: Adobe TIFF 6.0, NewSubfileType; TIFF Technical Note 1 (SubIFDs).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from tifffile import TiffFile, TiffPage

from emcatalog.errors import EmcatalogError
from emcatalog.geometry import Grid
from emcatalog.paged import Layout, Page
from emcatalog.transport import Transport
from emcatalog_tiff.chain import read_page
from emcatalog_tiff.header import HeaderFile
from emcatalog_tiff.hyperstack import Plane
from emcatalog_tiff.layout import page_table

MOST_DIRECTORIES = 1024
"""Directories of reduced copies that are read when a file is opened."""

SKEW = 0.02
"""By which part the factors of the two axes may differ, else it is another picture."""

Level = tuple[Layout, tuple[Page, ...]]


def reduced_levels(
    tiff: TiffFile,
    pages: Sequence[TiffPage],
    planes: Sequence[Plane],
    sample: int,
    source: tuple[HeaderFile, Transport],
) -> tuple[tuple[Level, ...], str]:
    """Levels of the chosen planes, the finest first, and why some are left out.

    ``pages`` is the main chain. A copy that is damaged, of another type or of another
    proportion (a thumbnail, a label) is left out with its level: the full pages can be
    read without it.
    """
    file = source[0]
    if any(plane.shift or plane.file for plane in planes):
        return (), ""
    copies, reason = _of_subifds(tiff, planes, source)
    copies += _of_chain(pages, planes)
    levels: dict[tuple[int, int], Level] = {}
    for group in copies:
        if not all(map(_is_copy, group, (plane.page for plane in planes))):
            continue
        try:
            level = page_table([Plane(page) for page in group], sample, file)
        except EmcatalogError as error:
            reason = f"a reduced level is left out: {error}"
            continue
        levels.setdefault(level[0].shape, level)
    ordered = sorted(levels.values(), key=lambda level: level[0].shape, reverse=True)
    return tuple(ordered), reason


def level_grid(full: Grid, shape: tuple[int, int]) -> Grid:
    """The grid of a reduced copy of ``shape`` (y, x), which covers the same area.

    >>> grid = Grid((3, 101, 60), (50.0, 8.0, 8.0))
    >>> level_grid(grid, (50, 30)).voxel_size, level_grid(grid, (50, 30)).origin
    ((50.0, 16.0, 16.0), (0.0, 4.0, 4.0))
    """
    factors = _factors(full.shape[1:], shape)
    z, *sizes = full.voxel_size
    front, *corner = full.origin
    y, x = (size * factor for size, factor in zip(sizes, factors, strict=True))
    top, left = (
        begin + size * (factor - 1) / 2
        for begin, size, factor in zip(corner, sizes, factors, strict=True)
    )
    return Grid((full.shape[0], *shape), (z, y, x), (front, top, left))


def _factors(full: Sequence[int], shape: Sequence[int]) -> tuple[float, float]:
    """How many voxels of the full page one voxel of the copy stands for, along y, x."""
    y, x = (a / b for a, b in zip(full, shape, strict=True))
    powers = (1 << n for n in range(1, 26))
    near = {round(y), round(x), int(y), int(x), int(y) + 1, int(x) + 1}
    for factor in itertools.chain(powers, sorted(near - {0})):
        sizes = zip(full, shape, strict=True)
        if all(b in (max(1, a // factor), -(-a // factor)) for a, b in sizes):
            return float(factor), float(factor)
    return y, x


def _is_copy(copy: TiffPage, page: TiffPage) -> bool:
    """Whether ``copy`` is ``page`` at a coarser resolution."""
    facts = ("dtype", "bitspersample", "samplesperpixel", "planarconfig", "photometric")
    alike = all(getattr(copy, name) == getattr(page, name) for name in facts)
    full, shape = (
        (p.imagelength, p.imagewidth) if p.imagedepth == 1 else (0, 0)
        for p in (page, copy)
    )
    if not (copy.is_reduced and alike and 0 not in shape):
        return False
    if shape == full or any(b > a for a, b in zip(full, shape, strict=True)):
        return False
    y, x = _factors(full, shape)
    return abs(y / x - 1) <= SKEW


def _of_subifds(
    tiff: TiffFile, planes: Sequence[Plane], source: tuple[HeaderFile, Transport]
) -> tuple[list[list[TiffPage]], str]:
    """For each level the copies of all planes, in the order of the planes."""
    file, transport = source
    places = [_offsets(plane.page) for plane in planes]
    count = min(map(len, places))
    if not count:
        return [], ""
    if count * len(places) > MOST_DIRECTORIES:
        return [], f"{count} reduced levels of {len(places)} pages each are not read"
    wanted = [row[level] for level in range(count) for row in places]
    if max(wanted) >= file.size:
        return [], "reduced levels begin behind the end of the file"
    # the directories lie apart: fetch all, several at a time, before they are parsed
    for _ in transport.map(lambda at: file.reader.peek(at, 512), wanted):
        pass
    try:
        found = [read_page(tiff, file, at, n)[0] for n, at in enumerate(wanted)]
    except EmcatalogError as error:
        return [], f"the reduced levels are left out: {error}"
    each = len(places)
    return [found[n * each :][:each] for n in range(count)], ""


def _offsets(page: TiffPage) -> tuple[int, ...]:
    offsets = page.subifds if isinstance(page.subifds, tuple) else ()
    return tuple(at for at in offsets if isinstance(at, int) and at >= 8)


def _of_chain(
    pages: Sequence[TiffPage], planes: Sequence[Plane]
) -> list[list[TiffPage]]:
    """Copies that lie between the pages: as many of one shape as there are pages."""
    full = [page for page in pages if not page.is_reduced]
    places = {page: n for n, page in enumerate(full)}
    groups: dict[tuple[object, ...], list[TiffPage]] = {}
    for page in pages:
        if page.is_reduced:
            groups.setdefault((page.shape, str(page.dtype)), []).append(page)
    if not all(plane.page in places for plane in planes):
        return []
    return [
        [group[places[plane.page]] for plane in planes]
        for group in groups.values()
        if len(group) == len(full)
    ]

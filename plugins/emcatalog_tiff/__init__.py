"""TIFF volumes: one file of many pages, or one file for each section, by byte ranges.

The page table is read once, in few requests; then a box costs just the rows, strips or
tiles that it touches.
"""

from __future__ import annotations

from collections.abc import Mapping

from emcatalog.driver import VolumeSource, backend
from emcatalog.errors import FormatError, public
from emcatalog.geometry import Grid
from emcatalog.paged import Page, PagedVolume
from emcatalog.record import Claim, Record, declared_voxel_size, voxel_size
from emcatalog.series import absent, each, ensure_alike, expand
from emcatalog.transport import Transport
from emcatalog.volume import Pyramid
from emcatalog_tiff.opening import Choice, Sections, read_sections
from emcatalog_tiff.reduced import level_grid

__all__ = ["TiffBackend", "TiffSource", "open_pyramid"]

SUFFIXES = (".tif", ".tiff", ".btf", ".tf8")


def open_pyramid(  # noqa: PLR0913 - options of a catalog entry
    urlpath: str | list[str],
    transport: Transport,
    *,
    channel: int | None = None,
    time: int | None = None,
    series: int | None = None,
    gaps: str = "error",
    voxel_size_nm: list[float | None] | float | None = None,
) -> Pyramid:
    """One multipage file, or one file for each section, as a pyramid.

    Reduced copies of the pages (SubIFDs, or pages that are marked as such) are its
    further levels; a series of files has one level.

    The axes of ImageJ, OME and tifffile descriptions are respected; pages of other
    files are sections (z). Values are those that are stored: palette indices stay
    indices, and black and white are not exchanged.

    Args:
        urlpath: A file; or sections as a folder, a pattern (``*``), a numeric range
            (``{0000..0015}``) or a list. See `emcatalog.series.expand`.
        transport: How bytes are had.
        channel: Which channel or colour sample, from 0; needed if there are several.
        time: Which time point, from 0; needed if there are several.
        series: Which image of an OME or tifffile file, from 0. In a file without
            description, which group of like pages.
        gaps: ``error`` or ``absent``: what a missing number in a series means.
        voxel_size_nm: [z, y, x] in nanometres, for axes of which the file says
            nothing.

    Raises FormatError, TruncatedError or another EmcatalogError that names the file.
    """
    urls = expand(urlpath, transport, SUFFIXES, gaps)
    choice = Choice(channel, time, series)
    if isinstance(urlpath, str) and urls == (urlpath,):
        found = read_sections(urlpath, transport, choice)
        pages: tuple[Page | None, ...] = found.pages
        claims = found.claims
    else:
        found, pages = _of_files(urls, transport, choice)
        claims = (*found.claims, *absent(urls))
    record = Record(claims).with_claims(declared_voxel_size(voxel_size_nm))
    name = found.url.rpartition("/")[2]
    title = Claim("title", public(name), "default", "file name")
    record = record.with_claims([title])
    try:
        sizes = voxel_size(record)
    except FormatError as error:
        error.about(found.url)
        raise
    grid = Grid((len(pages), *found.layout.shape), sizes)
    full = PagedVolume(grid, found.layout, pages, transport)
    reduced = (
        PagedVolume(level_grid(grid, layout.shape), layout, table, transport)
        for layout, table in found.levels
    )
    return Pyramid((full, *reduced), record, _raw(found, urls))


def _raw(found: Sections, urls: tuple[str | None, ...]) -> Mapping[str, object]:
    """The tags of the first page, and what the other files of a series are called."""
    others = [u for u in urls if u and u != found.url]
    names = [public(url).rpartition("/")[2] for url in others]
    return {**found.raw, "other_files": names} if names else found.raw


def _of_files(
    urls: tuple[str | None, ...], transport: Transport, choice: Choice
) -> tuple[Sections, tuple[Page | None, ...]]:
    """The sections of a series of files, which must be alike and hold one each."""
    first = next(filter(None, urls), None)
    files = each(
        lambda url: read_sections(
            url, transport, choice, alone=False, whole=url == first
        ),
        urls,
        transport,
    )
    for file in files:
        if len(file.pages) != 1:
            raise FormatError(
                entry=file.url,
                got=f"{len(file.pages)} sections in one file of a series",
                expected="one section in each file",
                hint="open this file alone",
            )
    ensure_alike((file.url, file.facts) for file in files)
    tables = {file.url: file.pages[0] for file in files}
    return files[0], tuple(tables[url] if url else None for url in urls)


class TiffSource(VolumeSource):
    """TIFF volumes read by byte ranges: multipage files, or one file per section."""

    name = "tiff"
    open_pyramid = staticmethod(open_pyramid)


TiffBackend = backend(TiffSource)

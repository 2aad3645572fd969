"""Driver ``dm3``: DM3 and DM4 files of Gatan DigitalMicrograph as one volume."""

from __future__ import annotations

import math
from collections.abc import Sequence

from emcatalog.driver import VolumeSource, backend
from emcatalog.errors import FormatError
from emcatalog.geometry import Grid
from emcatalog.paged import Layout, Page, PagedVolume
from emcatalog.record import Claim, Record, declared_voxel_size, voxel_size
from emcatalog.series import ensure_alike, expand
from emcatalog.transport import Transport
from emcatalog.volume import Pyramid
from emcatalog_dm3.images import Section, read_section

SUFFIXES = (".dm3", ".dm4")
TOLERANCE = 1e-3
"""Voxel sizes of two slices that differ by a larger share are different."""


def open_pyramid(
    urlpath: str | list[str],
    transport: Transport,
    *,
    image: int | str | None = None,
    channel: int | None = None,
    gaps: str = "error",
    voxel_size_nm: list[float | None] | float | None = None,
) -> Pyramid:
    """Open DM3 or DM4 slices, or one 3-D file, reading only their tags.

    Args:
        urlpath: a folder, a pattern, a numeric range (``slice_{0000..0015}.dm3``), a
            list of files in order, or one file.
        transport: how bytes are had.
        image: index or name of the image, for files that hold several besides the
            thumbnail.
        channel: which byte of the pixels of an RGB picture, 0 to 3, as stored.
        gaps: ``"absent"`` takes a missing slice as voxels that are not stored;
            ``"error"`` refuses it.
        voxel_size_nm: ``[z, y, x]`` in nanometres, for axes of which the files say
            nothing; null leaves an axis to the files.

    Raises FormatError for files that are no pictures, are damaged or differ from the
    first, TruncatedError for a file that is cut short, and OptionError for a choice
    that the files do not have.
    """
    places = expand(urlpath, transport, SUFFIXES, gaps)
    sections = tuple(
        transport.map(
            lambda url: read_section(url, transport, image, channel),
            [url for url in places if url],
        )
    )
    _ensure_one_volume(sections)
    first = sections[0]
    record = Record(
        (
            *first.claims,
            Claim("pixel_type", first.dtype.name, "file", "ImageData.DataType"),
            *_gap_claims(places),
            *declared_voxel_size(voxel_size_nm),
        )
    )
    depth = len(places) if len(places) > 1 else first.shape[0]
    layout = Layout(
        first.shape[1:],
        first.dtype,
        first.shape[1:],
        samples=first.samples,
        sample=channel or 0,
    )
    grid = Grid((depth, *first.shape[1:]), voxel_size(record))
    volume = PagedVolume(grid, layout, _pages(places, sections), transport)
    return Pyramid((volume,), record)


class Dm3Source(VolumeSource):
    """DM3 and DM4 slices of Gatan DigitalMicrograph, or one 3-D file, as a volume."""

    name = "dm3"
    open_pyramid = staticmethod(open_pyramid)


Dm3Backend = backend(Dm3Source)


def _ensure_one_volume(sections: Sequence[Section]) -> None:
    """Raise FormatError that names the first file which does not fit the others."""
    first = sections[0]
    for section in sections[: len(sections) > 1]:
        if section.shape[0] > 1:
            raise FormatError(
                entry=section.url,
                got=f"a stack of {section.shape[0]} planes in a series of files",
                expected="2-D slices, or one 3-D file alone",
                hint="open each 3-D file by itself and join them with xarray.concat",
            )
    ensure_alike(
        (
            s.url,
            {
                "shape (z, y, x)": s.shape,
                "pixel type": f"{s.dtype.str} x {s.samples}",
            },
        )
        for s in sections
    )
    for section in sections[1:]:
        _ensure_same_voxels(section, first)


def _ensure_same_voxels(section: Section, first: Section) -> None:
    mine, others = Record(section.claims), Record(first.claims)
    for axis in "zyx":
        here, there = (r.value(f"voxel_size_{axis}") for r in (mine, others))
        if not isinstance(here, float) or not isinstance(there, float):
            continue
        if not math.isclose(here, there, rel_tol=TOLERANCE):
            raise FormatError(
                entry=section.url,
                got=f"voxels of {here} nm along {axis}",
                expected=f"{there} nm, as in {first.url}",
                hint="open the slices of each voxel size by themselves, with a range "
                "or a list",
            )


def _gap_claims(places: Sequence[str | None]) -> tuple[Claim, ...]:
    missing = [z for z, url in enumerate(places) if url is None]
    if not missing:
        return ()
    shown = ", ".join(map(str, missing[:20])) + ", ..." * (len(missing) > 20)
    text = f"{len(missing)} of {len(places)} sections are absent: z index {shown}"
    return (Claim("gaps", text, "file", "file names"),)


def _pages(
    places: Sequence[str | None], sections: Sequence[Section]
) -> tuple[Page | None, ...]:
    if len(places) == 1:
        (stack,) = sections
        step = stack.plane_bytes
        return tuple(
            Page(stack.url, (stack.offset + z * step,), (step,))
            for z in range(stack.shape[0])
        )
    found = {s.url: Page(s.url, (s.offset,), (s.plane_bytes,)) for s in sections}
    return tuple(found[url] if url else None for url in places)

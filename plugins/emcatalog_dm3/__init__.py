"""Driver ``dm3``: DM3 and DM4 files of Gatan DigitalMicrograph as one volume."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from emcatalog.driver import VolumeSource, backend
from emcatalog.errors import FormatError, public
from emcatalog.geometry import Grid
from emcatalog.paged import Layout, Page, PagedVolume
from emcatalog.record import Claim, Record, declared_voxel_size, voxel_size
from emcatalog.series import absent, each, ensure_alike, expand
from emcatalog.transport import Transport
from emcatalog.volume import Pyramid
from emcatalog_dm3.images import Choice, Section, read_section

SUFFIXES = (".dm3", ".dm4")
TOLERANCE = 1e-3
"""Voxel sizes of two slices that differ by a larger share are different."""


def open_pyramid(  # noqa: PLR0913 - options of a catalog entry
    urlpath: str | list[str],
    transport: Transport,
    *,
    image: int | str | None = None,
    channel: int | None = None,
    time: int | None = None,
    gaps: str = "error",
    voxel_size_nm: list[float | None] | float | None = None,
) -> Pyramid:
    """Open DM3 or DM4 slices, or one file of 1 to 4 dimensions, reading only tags.

    Values are those that are stored: the calibration of brightness is not applied.
    The volume begins where the calibration of the (first) file says; sections of a
    series that have another origin are not moved, and the Record tells them.

    Args:
        urlpath: a folder, a pattern, a numeric range (``slice_{0000..0015}.dm3``), a
            list of files in order, or one file.
        transport: how bytes are had.
        image: index or name of the image, for files that hold several besides the
            thumbnail.
        channel: red (0), green (1), blue (2) or alpha (3) of an RGB picture.
        time: index along the fourth axis of an image that has four. The format does
            not say what that axis is: time, or a position of a scan.
        gaps: ``"absent"`` takes a missing slice as voxels that are not stored;
            ``"error"`` refuses it.
        voxel_size_nm: ``[z, y, x]`` in nanometres, for axes of which the files say
            nothing, or that they calibrate as something that is no length (1/nm, s);
            null leaves an axis to the files.

    Raises FormatError for spectra, packed Fourier transforms, and files that are
    damaged or differ from the first, TruncatedError for a file that is cut short, and
    OptionError for a choice that the files do not have.
    """
    places = expand(urlpath, transport, SUFFIXES, gaps)
    choice = Choice(image, channel, time)
    first = next(filter(None, places), None)
    sections = each(
        lambda url: read_section(url, transport, choice, whole=url == first),
        places,
        transport,
    )
    _ensure_one_volume(sections)
    declared = declared_voxel_size(voxel_size_nm)
    _ensure_lengths(sections[0], declared)
    record = _record(places, sections).with_claims(declared)
    depth = len(places) if len(places) > 1 else sections[0].shape[0]
    pages = _pages(places, sections)
    volume = PagedVolume(
        _grid(sections[0], depth, record), _layout(sections[0]), pages, transport
    )
    return Pyramid((volume,), record, _raw(sections))


class Dm3Source(VolumeSource):
    """DM3 and DM4 slices of Gatan DigitalMicrograph, or one file, as a volume."""

    name = "dm3"
    open_pyramid = staticmethod(open_pyramid)


Dm3Backend = backend(Dm3Source)


def _record(places: Sequence[str | None], sections: Sequence[Section]) -> Record:
    first = sections[0]
    pixel_type = first.pixels.dtype.name
    return Record(
        (
            *first.claims,
            Claim("pixel_type", pixel_type, "file", "ImageData.DataType"),
            *absent(places),
            *_moved(sections),
        )
    )


def _raw(sections: Sequence[Section]) -> Mapping[str, object]:
    """The tags of the first file, and what the others are called."""
    first, *others = sections
    names = [public(section.url).rpartition("/")[2] for section in others]
    raw: dict[str, object] = {"tags": first.raw}
    return {**raw, "other_files": names} if names else raw


def _grid(first: Section, depth: int, record: Record) -> Grid:
    try:
        sizes = voxel_size(record)
    except FormatError as error:
        error.about(first.url)
        raise
    z, y, x = (record.value(f"origin_{axis}") for axis in "zyx")
    origin = (_number(z), _number(y), _number(x))
    return Grid((depth, *first.shape[1:]), sizes, origin)


def _number(value: object) -> float:
    return value if isinstance(value, float) else 0.0


def _layout(first: Section) -> Layout:
    plane, pixels = first.shape[1:], first.pixels
    return Layout(
        plane, pixels.dtype, plane, samples=pixels.samples, sample=pixels.sample
    )


def _ensure_lengths(section: Section, declared: Sequence[Claim]) -> None:
    """Raise FormatError for an axis that is no length, if none is declared for it."""
    known = {claim.field for claim in declared}
    open_axes = [a for a in section.others if f"voxel_size_{a.name}" not in known]
    if open_axes:
        raise FormatError(
            entry=section.url,
            got=f"axes that are no lengths: {'; '.join(map(str, open_axes))}",
            expected="positive lengths along x, y and z, as an image of real space has",
            hint="voxel_size_nm=[z, y, x] declares the size of a pixel all the same",
        )


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
                "pixel type": f"{s.pixels.dtype.str} x {s.pixels.samples}",
                "axes that are no lengths:": "; ".join(map(str, s.others)) or "none",
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


def _moved(sections: Sequence[Section]) -> tuple[Claim, ...]:
    """Origins of the first section that begins elsewhere than the first one."""
    record = Record(sections[0].claims)
    for section in sections[1:]:
        found = [c for c in section.claims if c.field.startswith("origin_")]
        others = [c for c in found if not _alike(c.value, record.value(c.field))]
        if others:
            name = public(section.url)
            return tuple(replace(c, locator=f"{name}: {c.locator}") for c in others)
    return ()


def _alike(one: object, other: object) -> bool:
    return math.isclose(_number(one), _number(other), rel_tol=1e-6, abs_tol=TOLERANCE)


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

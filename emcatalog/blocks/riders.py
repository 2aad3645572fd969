"""Riders: further arrays of a dataset, such as labels, where the image is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from emcatalog.blocks.members import MASK, Member
from emcatalog.blocks.resample import ALIGNED, alike, onto
from emcatalog.errors import GeometryError, OptionError
from emcatalog.geometry import Grid, Region, Triple


def with_rider(image: Member, name: str, rider: Member, resample: bool) -> Member:
    """``image`` with one more array, in the part where both are.

    Raises GeometryError for an array with other voxels, in size or in place, unless it
    may be resampled, and for one that lies elsewhere; OptionError for a name that is
    taken.
    """
    if name == MASK:
        raise OptionError(
            entry=image.name,
            got=f"an array named {name!r}",
            expected=f"another name: a block's own {MASK} has it",
        )
    if resample and not _is_aligned(image.grid, rider.grid):
        rider = onto(rider, image.grid)
    shift = _shift(image, rider, name)
    first, last = rider.within.start, rider.within.stop
    low = _triple(max(0, a - s) for a, s in zip(first, shift, strict=True))
    high = _triple(max(0, b - s) for b, s in zip(last, shift, strict=True))
    shared = image.within.intersect(Region(low, high))
    if not shared.size:
        raise GeometryError(
            entry=image.name,
            got=f"{name!r}, which lies {_span(rider.grid)} (z, y, x)",
            expected=f"one that overlaps the image, which lies {_span(image.grid)}",
            hint="the two may have different origins",
        )
    channel = rider.image
    offset = _triple(o + s for o, s in zip(channel.offset, shift, strict=True))
    riders = {**image.riders, name: replace(channel, offset=offset)}
    return replace(image, within=shared, riders=riders)


def _shift(image: Member, rider: Member, name: str) -> Triple:
    """Voxels of the rider at which the image begins."""
    ours, theirs = image.grid, rider.grid
    if not alike(ours, theirs.voxel_size):
        raise GeometryError(
            entry=image.name,
            got=f"{name!r} with voxels of {theirs.voxel_size} nm (z, y, x)",
            expected=f"those of the image, {ours.voxel_size} nm",
            hint="resample=True, or the levels of both that agree",
        )
    gaps = _gaps(ours, theirs)
    if not _are_whole(gaps):
        shown = ", ".join(f"{gap:g}" for gap in gaps)
        raise GeometryError(
            entry=image.name,
            got=f"{name!r}, whose voxels lie ({shown}) voxels (z, y, x) from those of "
            "the image",
            expected="whole voxels between both",
            hint="half a voxel is often a corner told for a centre: "
            "da.assign_coords puts it right, resample=True takes it as it is",
        )
    return _triple(map(round, gaps))


def _is_aligned(ours: Grid, theirs: Grid) -> bool:
    return alike(ours, theirs.voxel_size) and _are_whole(_gaps(ours, theirs))


def _gaps(ours: Grid, theirs: Grid) -> list[float]:
    """Voxels from the first of theirs to the first of ours."""
    axes = zip(ours.origin, theirs.origin, ours.voxel_size, strict=True)
    return [(a - b) / size for a, b, size in axes]


def _are_whole(gaps: Sequence[float]) -> bool:
    return all(abs(gap - round(gap)) <= ALIGNED for gap in gaps)


def _span(grid: Grid) -> str:
    return " x ".join("{:g} to {:g} nm".format(*grid.edges(axis)) for axis in range(3))


def _triple(values: Iterable[int]) -> Triple:
    z, y, x = values
    return z, y, x

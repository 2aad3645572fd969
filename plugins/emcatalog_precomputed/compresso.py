"""Chunks in Compresso's encoding of labels, decoded with distrust.

Written from the description of the stream in the README of seung-lab/compresso
(versions 0 and 1) and Matejek et al., "Compresso: Efficient Compression of Segmentation
Data for Connectomics", MICCAI 2017. That package decodes it as well, but a damaged
stream makes it write past its arrays and end the process, so it is the oracle of the
tests only. The control codes of undecided voxels are, from 0: like the voxel at x - 1,
x + 1, y - 1, y + 1, z - 1, z + 1, and 6: like the next number.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emcatalog.chunked import damaged_chunk

Bools = NDArray[np.bool_]
Labels = NDArray[Any]
Integers = NDArray[np.integer[Any]]

HEADER = struct.Struct("<4sBB3H3BQIQB")
NEIGHBOURS = ((2, -1), (2, 1), (1, -1), (1, 1), (0, -1), (0, 1))
"""Axis and step of the codes from 0 on."""

ESCAPE, FIRST_LABEL = 6, 7


@dataclass(frozen=True)
class Stream:
    """The parts of a stream; ``shape`` and ``step`` are z, y, x."""

    shape: tuple[int, int, int]
    step: tuple[int, int, int]
    connectivity: int
    ids: Labels
    values: Labels
    locations: Labels
    windows: Labels


def decode(data: bytes, shape: tuple[int, int, int], itemsize: int) -> Labels:
    """Labels z, y, x of a chunk whose ``shape`` is x, y, z; unsigned, little-endian.

    Raises CorruptError for a stream that is damaged or of another shape or type.
    """
    stream = _parse(data, shape, itemsize)
    border = _border(stream)
    labels = _area_labels(stream, ~border)
    _fill_border(stream, border, labels)
    return labels


def _parse(data: bytes, shape: tuple[int, int, int], itemsize: int) -> Stream:
    if len(data) < HEADER.size or data[:4] != b"cpso":
        raise damaged_chunk(f"a chunk that begins with {data[:4]!r}", "b'cpso'")
    _, version, width, *numbers = HEADER.unpack_from(data)
    size, step, (ids, values, locations, connectivity) = (
        tuple(numbers[:3]), tuple(numbers[3:6]), numbers[6:],
    )  # fmt: skip
    if version > 1 or connectivity not in (4, 6):
        raise damaged_chunk(
            f"compresso version {version}, connectivity {connectivity}",
            "version 0 or 1, connectivity 4 or 6",
        )
    if size != shape or width != itemsize:
        raise damaged_chunk(
            f"a compresso stream of {size} labels (x, y, z) of {width} bytes",
            f"{shape} of {itemsize} bytes",
        )
    if not 0 < math.prod(step) <= 64:
        raise damaged_chunk(f"compresso windows of {step} voxels", "1 to 64 voxels")
    window = _bytes_for(math.prod(step), (8, 16, 32, 64))
    offset, label = np.dtype(f"<u{window}"), np.dtype(f"<u{width}")
    # an index of the slices, which ends a stream of version 1, is not needed
    index = _bytes_for(2 * size[0] * size[1], (2**8 - 1, 2**16 - 1, 2**32 - 1, 2**64))
    end = len(data) - version * 2 * size[2] * index
    counts = [(ids, label), (values, offset), (locations, label)]
    rest = end - HEADER.size - sum(n * kind.itemsize for n, kind in counts)
    if rest < 0 or rest % window:
        raise damaged_chunk(f"a compresso stream of {len(data)} bytes", f"{-rest} more")
    parts, place = [], HEADER.size
    for count, kind in [*counts, (rest // window, offset)]:
        parts.append(np.frombuffer(data, kind, count, place))
        place += count * kind.itemsize
    return Stream(shape[::-1], step[::-1], connectivity, *parts)


def _bytes_for(number: int, most: tuple[int, int, int, int]) -> int:
    return next(
        size for size, bound in zip((1, 2, 4, 8), most, strict=True) if number <= bound
    )


def _border(stream: Stream) -> Bools:
    """Which voxels differ from the next along x or y (or z)."""
    border = np.zeros(stream.shape, np.bool_)
    grid = tuple(-(-n // s) for n, s in zip(stream.shape, stream.step, strict=True))
    chosen = _windows(stream, math.prod(grid))
    if not len(stream.values):
        return border
    bits = stream.values[chosen].reshape(grid)
    for place, corner in enumerate(np.ndindex(stream.step)):
        part = border[
            tuple(slice(c, None, s) for c, s in zip(corner, stream.step, strict=True))
        ]
        cut = bits[tuple(slice(n) for n in part.shape)]
        part[...] = (cut >> cut.dtype.type(place)) & cut.dtype.type(1)
    return border


def _windows(stream: Stream, count: int) -> Integers:
    """Which of the listed windows stands at each place; runs of the first are short."""
    isrun = (stream.windows & 1).astype(np.bool_)
    number = (stream.windows >> 1).astype(np.int64)
    lengths = np.where(isrun, np.minimum(number, count + 1), 1)
    ends = np.cumsum(lengths)
    if (ends[-1] if len(ends) else 0) != count:
        raise damaged_chunk("compresso windows of another number", f"{count}")
    if number[~isrun].max(initial=0) >= len(stream.values):
        raise damaged_chunk(
            "a compresso window beyond the list of windows", "one of them"
        )
    chosen = np.zeros(count, np.int64)
    chosen[ends[~isrun] - 1] = number[~isrun]
    return chosen


def _area_labels(stream: Stream, inner: Bools) -> Labels:
    """Labels of the voxels off the border, one for each connected area; others any."""
    starts = inner.copy()
    starts[:, :, 1:] &= ~inner[:, :, :-1]
    run = np.cumsum(starts, dtype=np.int32).reshape(inner.shape)
    run -= 1
    root = np.arange(int(starts.sum()), dtype=np.int32)
    axes = (1, 0) if stream.connectivity == 6 else (1,)
    pairs = [_touching(run, inner, axis) for axis in axes]
    _join(root, *(np.concatenate(side) for side in zip(*pairs, strict=True)))
    # an area is numbered where its first run comes
    firsts = root == np.arange(len(root))
    if (count := int(firsts.sum())) != len(stream.ids):
        got = f"{len(stream.ids)} compresso labels"
        raise damaged_chunk(got, f"{count}, one for each area")
    if not count:
        return np.zeros(stream.shape, stream.ids.dtype)
    of_run = stream.ids[(np.cumsum(firsts) - 1)[root]]
    labels: Labels = of_run[run]
    return labels


def _touching(run: Integers, inner: Bools, axis: int) -> tuple[Integers, Integers]:
    """Pairs of runs that lie side by side along an axis."""
    before, after = _sides(axis)
    both = inner[before] & inner[after]
    first = both.copy()
    first[:, :, 1:] &= ~both[:, :, :-1]
    return run[before][first], run[after][first]


def _sides(axis: int) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """All voxels that have one after them along an axis, and all that have one before.

    >>> _sides(2)[1]
    (slice(None, None, None), slice(None, None, None), slice(1, None, None))
    """
    all_of, rest = (slice(None),) * axis, (slice(None),) * (2 - axis)
    return (*all_of, slice(None, -1), *rest), (*all_of, slice(1, None), *rest)


def _join(root: Integers, one: Integers, other: Integers) -> None:
    """Give all that is connected by pairs the smallest number among it, in place."""
    while len(one):
        one, other = root[one], root[other]
        apart = one != other
        one, other = one[apart], other[apart]
        np.minimum.at(root, np.maximum(one, other), np.minimum(one, other))
        while not np.array_equal(up := root[root], root):
            root[:] = up


def _fill_border(stream: Stream, border: Bools, labels: Labels) -> None:
    """Labels of border voxels: those of a neighbour, or as the stream tells."""
    undecided = border.copy()
    flat = labels.reshape(-1)
    strides = (labels.shape[1] * labels.shape[2], labels.shape[2], 1)
    axes = (2, 1, 0) if stream.connectivity == 6 else (2, 1)
    for axis in axes:
        before, after = _sides(axis)
        decided = np.zeros_like(border)
        decided[after] = undecided[after] & ~border[before]
        undecided ^= decided
        places = np.flatnonzero(decided)
        flat[places] = flat[places - strides[axis]]
    codes, told = _codes(stream.locations, int(undecided.sum()))
    spots = np.argwhere(undecided)
    for code, (axis, step) in enumerate(NEIGHBOURS):
        here = codes == code
        near = spots[here]
        near[:, axis] += step
        z, y, x = near.clip(0, np.array(border.shape) - 1).T
        if (border[z, y, x] | (near != np.stack([z, y, x], 1)).any(1)).any():
            raise damaged_chunk(
                "a compresso voxel like one that is not known", "a known one"
            )
        told[here] = labels[z, y, x]
    labels[undecided] = told


def _codes(locations: Labels, count: int) -> tuple[Labels, Labels]:
    """The code of each undecided voxel, and the label where the code tells it."""
    escape = locations == ESCAPE
    # in a row of sixes every other one is the label that the six before it announces
    places = np.arange(len(locations))
    since = places - np.maximum.accumulate(np.where(escape, -1, places))
    escape &= since % 2 == 1
    literal = np.zeros(len(locations), np.bool_)
    literal[1:] = escape[:-1]
    codes = locations[~literal]
    if len(codes) != count or escape[-1:].any():
        raise damaged_chunk(f"{len(codes)} compresso voxels that are told", f"{count}")
    told = codes - codes.dtype.type(FIRST_LABEL)
    told[codes == ESCAPE] = locations[literal]
    return codes, told

"""What was read against what was expected: voxels by digest, calibration by axis."""

from __future__ import annotations

import ast
import itertools
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from benchmarks.real_files.findings import Item, Row
from benchmarks.real_files.stack import OutOfTimeError, Stack
from emcatalog.units import unit_nm

TOLERANCE = 1e-6
DISPLAY_NM = 1000.0
"""A resolution of this size or more, in inches or centimetres, is a screen's."""

SMALL = 2**22
"""Voxels up to which a wrong volume is read again with its axes in other orders."""

Lengths = Mapping[str, float | None]


@dataclass(frozen=True)
class Verdict:
    """Of one comparison: whether voxels and calibration agree, and what to say."""

    voxels: bool
    calibration: bool
    detail: str = ""
    notes: tuple[str, ...] = ()


def arranged(row: Row, sizes: Mapping[str, int]) -> str:
    """Axes of the stack in the order of the row's shape; empty if they do not fit.

    Letters say it where the row has them: s is a sample, i a page. A letter that a
    volume does not have takes the one axis of its length that is left. Axes of length
    1 may be missing on either side.

    >>> arranged(Row("", "", (5, 4, 3), "", "", "yxs"), dict(c=3, t=1, z=1, y=5, x=4))
    'yxc'
    """
    names = {"s": "s" if "s" in sizes else "c", "i": "z"}
    pairs = [(names.get(a, a), n) for a, n in zip(row.letters, row.shape, strict=True)]
    told = {a for a, _ in pairs if a in sizes}
    left = [a for a, n in sizes.items() if a not in told and n > 1]
    order = ""
    for letter, length in pairs:
        axis = letter
        if letter not in sizes:
            if length == 1:
                continue
            fitting = [a for a in left if sizes[a] == length]
            if len(fitting) != 1:
                return ""
            (axis,) = fitting
            left.remove(axis)
        if sizes[axis] != length or axis in order:
            return ""
        order += axis
    return "" if left else order


def by_shape(row: Row, sizes: Mapping[str, int]) -> Iterator[str]:
    """Every order of the axes that has the row's shape."""
    wanted = tuple(n for n in row.shape if n > 1)
    axes = [a for a, n in sizes.items() if n > 1]
    for order in itertools.permutations(axes):
        if tuple(sizes[a] for a in order) == wanted:
            yield "".join(order)


def compare(stack: Stack, row: Row, item: Item, deadline: float) -> Verdict:
    """The voxels of ``stack`` against ``row``, then its calibration."""
    if row.bad:
        return Verdict(False, True, f"the row cannot be read: {row.bad}")
    shape, notes = _shape(row), []
    row = Row(**vars(row) | {"shape": shape, "letters": _letters(row, item, shape)})
    stack = _coloured(stack, row)
    sizes = stack.sizes
    declared = arranged(row, sizes) if row.letters else ""
    if declared:
        digest = _digest(stack, declared, row, deadline)
        if digest != row.digest:
            return Verdict(False, True, _wrong(stack, row, declared, deadline))
    else:
        orders = by_shape(row, sizes)
        found = next(
            (o for o in orders if _digest(stack, o, row, deadline) == row.digest), None
        )
        if found is None:
            had = " ".join(f"{a}={n}" for a, n in sizes.items())
            return Verdict(False, True, f"read {had}, {row.reader}: {row.shape}")
        notes.append(f"axes found by digest: {found or 'one voxel'}")
    if note := _dtype_note(stack.first.dtype, row.dtype):
        notes.append(note)
    differs = calibration(stack, row, item)
    return Verdict(True, not differs, differs, tuple(notes))


def _coloured(stack: Stack, row: Row) -> Stack:
    """Colours as an axis of their own where the row has them beside channels."""
    if not {"c", "s"} <= set(row.letters):
        return stack
    samples = row.shape[row.letters.index("s")]
    fits = samples > 0 and stack.sizes["c"] % samples == 0
    return stack.split(samples) if fits else stack


def _shape(row: Row) -> tuple[int, ...]:
    return (*row.shape, 4) if row.dtype == "RGBA8" else row.shape


def _letters(row: Row, item: Item, shape: tuple[int, ...]) -> str:
    letters = row.letters or item.stored.letters
    if row.dtype == "RGBA8":
        letters += "s"
    return letters if len(letters) == len(shape) else ""


def _digest(stack: Stack, order: str, row: Row, deadline: float) -> str:
    """Digest in the row's byte order, if its type is the same otherwise."""
    mine, theirs = stack.first.dtype, _dtype(row.dtype)
    same = theirs and (theirs.kind, theirs.itemsize) == (mine.kind, mine.itemsize)
    return stack.digest(order, deadline, row.dtype if same else "")


def _dtype(text: str) -> np.dtype[np.generic] | None:
    try:
        return np.dtype(text)
    except TypeError:
        return None


def _dtype_note(mine: np.dtype[np.generic], text: str) -> str:
    theirs = _dtype(text)
    if text == "RGBA8" or (theirs and theirs.newbyteorder("=") == mine):
        return ""
    return f"{mine} for {text}"


def _wrong(stack: Stack, row: Row, declared: str, deadline: float) -> str:
    """What a wrong digest may come from: type, axes that are exchanged, or voxels."""
    types = _dtype_note(stack.first.dtype, row.dtype)
    plain = f"other voxels than {row.reader} in the order {declared}"
    plain += f", of another type: {types}" if types else ""
    try:
        wider = types and _is_wider(row, stack.first.dtype)
        if wider and stack.digest(declared, deadline, row.dtype) == row.digest:
            return f"equal voxels of another type: {types}"
        if math.prod(stack.sizes.values()) > SMALL:
            return plain
        for order in by_shape(row, stack.sizes):
            if order != declared and _digest(stack, order, row, deadline) == row.digest:
                return f"axes exchanged: {order} has the voxels of {declared}"
    except OutOfTimeError:  # wrong it is in any case
        pass
    return plain


def _is_wider(row: Row, mine: np.dtype[np.generic]) -> bool:
    """Whether the type of the row has every number that ours has."""
    theirs = _dtype(row.dtype)
    return theirs is not None and np.can_cast(mine, theirs, "safe")


def calibration(stack: Stack, row: Row, item: Item) -> str:
    """How voxel size or origin differ from the row; empty if they do not."""
    sizes, origins = expected_lengths(row, item)
    mine = {a: _told(stack, f"voxel_size_{a}") for a in "zyx"}
    if stack.level:
        grid = stack.first.grid
        mine = dict(zip("zyx", grid.voxel_size, strict=True))
    at = dict(zip("zyx", stack.first.grid.origin, strict=True))
    said = [
        f"{name} {a} is {ours.get(a)} nm, expected {value}"
        for name, ours, theirs in (("voxel", mine, sizes), ("origin", at, origins))
        for a, value in theirs.items()
        if not _alike(ours.get(a), value)
    ]
    return "; ".join(said)


def _told(stack: Stack, field: str) -> float | None:
    """What the file itself says; a size that we declared to open it is none."""
    claim = stack.record.winner(field)
    number = claim and isinstance(claim.value, int | float) and claim.source == "file"
    return float(claim.value) if claim and number else None  # type: ignore[arg-type]


def _alike(mine: float | None, theirs: float | None) -> bool:
    if mine is None or theirs is None:
        return mine is theirs
    return math.isclose(mine, theirs, rel_tol=TOLERANCE, abs_tol=1e-5)


def expected_lengths(row: Row, item: Item) -> tuple[Lengths, Lengths]:
    """Voxel sizes and origins in nanometres that the row's text tells, by axis.

    None is an axis of which the file says nothing that is a length.
    """
    text = row.axes.strip()
    if precomputed := re.match(r"res (\[[^]]*\])(?: offset (\[[^]]*\]))?", text):
        return _precomputed(precomputed)
    if text.startswith("[{"):
        return _transforms(text, item)
    if text.startswith("XResolution"):
        return _resolution(text), {}
    found = re.findall(r"(?:^|,)([^:,]+):([-+.0-9eE]+)(?: ([^,]*))?", text)
    axes = {n: _length(float(v), u) for n, v, u in found if n in ("z", "y", "x")}
    return axes, {}


def _length(scale: float, unit: str) -> float | None:
    nm = unit_nm(unit)
    return scale * nm if nm and scale > 0 else None


def _precomputed(match: re.Match[str]) -> tuple[Lengths, Lengths]:
    steps = dict(zip("xyz", ast.literal_eval(match[1]), strict=True))
    if not match[2]:
        return steps, {}
    offsets = zip("xyz", ast.literal_eval(match[2]), strict=True)
    return steps, {a: (n + 0.5) * steps[a] for a, n in offsets}


def _transforms(text: str, item: Item) -> tuple[Lengths, Lengths]:
    letters, units = item.stored.letters, item.stored.nm
    factors = dict(zip(letters, units, strict=False))
    found: dict[str, dict[str, float | None]] = {"scale": {}, "translation": {}}
    for transform in ast.literal_eval(text):
        name = transform.get("type")
        for a, value in zip(letters, transform.get(name, ()), strict=False):
            factor = factors.get(a)
            if name in found and a in "zyx" and factor:
                found[name][a] = value * factor
    return found["scale"], found["translation"]


def _resolution(text: str) -> Lengths:
    """Pixels for each inch, centimetre or ImageJ's unit; nothing from a screen's."""
    match = re.match(
        r"XResolution (\d+)/(\d+) unit (\d+)(?: ImageJ.*?unit=(\S+))?", text
    )
    if not match or not int(match[1]) or not int(match[2]):
        return {}
    unit = unit_nm(match[4]) if match[4] else {2: 2.54e7, 3: 1e7}.get(int(match[3]))
    if unit is None:
        return {}
    size = unit * int(match[2]) / int(match[1])
    return {} if not match[4] and size >= DISPLAY_NM else {"x": size}

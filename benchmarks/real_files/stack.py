"""One level of an image with its channels and times side by side again, as read.

What a driver gives is z, y, x for one channel and one time point. A `Stack` has them
as axes c and t, so that whole files can be compared, in pieces of bounded size.
"""

from __future__ import annotations

import hashlib
import itertools
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.real_files.findings import AXES
from emcatalog.geometry import Region
from emcatalog.record import Record
from emcatalog.volume import Volume

PIECE = 32 * 2**20
"""Bytes of voxels that are read at once."""

Options = dict[str, Any]


class OutOfTimeError(Exception):
    """An item that is read well, but is too large to be read to its end in time."""


@dataclass(frozen=True)
class Stack:
    """One level of one image: volumes by time and channel, all of one shape."""

    volumes: Mapping[tuple[int, int], Volume]
    record: Record
    options: Options
    level: int
    samples: int = 1

    def split(self, samples: int) -> Stack:
        """With so many colours of each channel as an axis s of its own."""
        return replace(self, samples=samples)

    @property
    def sizes(self) -> dict[str, int]:
        """Length of each axis t, c, z, y, x, and s where channels have colours."""
        times, channels = zip(*self.volumes, strict=True)
        counts = {"c": (max(channels) + 1) // self.samples, "t": max(times) + 1}
        if self.samples > 1:
            counts["s"] = self.samples
        return counts | dict(zip("zyx", self.first.grid.shape, strict=True))

    @property
    def first(self) -> Volume:
        """The volume of the first channel and time."""
        return self.volumes[0, 0]

    def read(self, box: Mapping[str, slice], letters: str) -> NDArray[np.generic]:
        """The voxels of ``box``, its axes in the order of ``letters``."""
        region = _region(box)
        box = {"s": slice(0, 1), **box}
        steps = {a: range(box[a].start, box[a].stop) for a in "sct"}
        planes = [
            self.volumes[t, c * self.samples + s].read(region)
            for s, c, t in itertools.product(*steps.values())
        ]
        counts = [len(step) for step in steps.values()]
        block = np.stack(planes).reshape(*counts, *planes[0].shape)
        axes = f"s{AXES}"
        missing = [n for n, a in enumerate(axes) if a not in letters]
        kept = [a for a in axes if a in letters]
        order = [kept.index(a) for a in letters]
        return np.ascontiguousarray(block.squeeze(tuple(missing)).transpose(order))

    def pieces(self, letters: str) -> Iterator[dict[str, slice]]:
        """Boxes that hold all voxels, in C order of the axes ``letters``."""
        sizes = self.sizes
        voxels = max(1, PIECE // max(1, self.first.dtype.itemsize))
        chunks = dict(zip("zyx", self.first.chunks, strict=True))
        inner, cut = 1, len(letters)
        while cut and inner * sizes[letters[cut - 1]] <= voxels:
            cut -= 1
            inner *= sizes[letters[cut]]
        steps = dict.fromkeys(letters[:cut], 1)
        if cut:
            axis, fitting = letters[cut - 1], max(1, voxels // inner)
            chunk = chunks.get(axis, 1)
            steps[axis] = fitting // chunk * chunk or fitting
        ranges = [range(0, sizes[a], steps.get(a, sizes[a])) for a in letters]
        whole = {a: slice(0, n) for a, n in sizes.items()}
        for starts in itertools.product(*ranges):
            yield whole | {
                a: slice(start, min(start + steps.get(a, sizes[a]), sizes[a]))
                for a, start in zip(letters, starts, strict=True)
            }

    def read_all(self, deadline: float, *, sparse: bool) -> None:
        """Read every voxel that is stored.

        ``sparse`` volumes are asked first which those are: fill values need no read.
        Raises OutOfTimeError at the ``deadline``.
        """
        for box in self.pieces(AXES):
            self._check_time(deadline, box)
            if not sparse or self._holds(box):
                self.read(box, AXES)

    def is_stored(self, deadline: float) -> bool:
        """Whether the source holds any voxel. Raises OutOfTimeError."""
        for box in self.pieces(AXES):
            self._check_time(deadline, box)
            if self._holds(box):
                return True
        return False

    def _holds(self, box: Mapping[str, slice]) -> bool:
        region = _region(box)
        return any(
            bool(self.volumes[t, c].stored(region).any())
            for t in range(box["t"].start, box["t"].stop)
            for c in range(box["c"].start, box["c"].stop)
        )

    def digest(self, letters: str, deadline: float, dtype: str = "") -> str:
        """First 16 digits of the sha256 over all voxels in C order of ``letters``.

        Raises OutOfTimeError at the ``deadline``, a time of `time.monotonic`.
        """
        total = hashlib.sha256()
        for box in self.pieces(letters):
            self._check_time(deadline, box)
            block = self.read(box, letters)
            if dtype:
                block = block.astype(dtype, copy=False)
            total.update(block.tobytes())
        return total.hexdigest()[:16]

    def _check_time(self, deadline: float, box: Mapping[str, slice]) -> None:
        if time.monotonic() > deadline:
            at = ", ".join(f"{a} {box[a].start} of {n}" for a, n in self.sizes.items())
            raise OutOfTimeError(f"reading was stopped at {at}")


def _region(box: Mapping[str, slice]) -> Region:
    z, y, x = (box[a] for a in "zyx")
    return Region((z.start, y.start, x.start), (z.stop, y.stop, x.stop))

"""Where labels lie on one axis of voxels: pure searching, without xarray."""

from __future__ import annotations

import math
import numbers
from dataclasses import dataclass
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from emcatalog.errors import LabelError, OptionError
from emcatalog.geometry import DIGITS
from emcatalog.index.lengths import Floats, describe, nanometres

Positions = NDArray[np.intp]
SLACK = 2 * 10.0**-DIGITS
# ^ nm; two neighbouring labels may be off by one rounding each
HINT = "labels are nanometres; '1.2 um' is converted; .isel counts voxels"


@dataclass(frozen=True)
class Axis:
    """The voxels of one axis: their centres (nm, rounded), order and width.

    ``direction`` is 1 where ``centres`` ascend, -1 where they descend and 0 where they
    do neither; then a search sorts them first, otherwise it costs a bisection.
    """

    dim: str
    centres: Floats
    direction: int
    step: float

    def locate(self, labels: Floats) -> Positions:
        """Positions of the voxels that contain ``labels`` (nm, of any shape).

        Raises LabelError for a label in no voxel, or in two that overlap.
        """
        rising = self._rising(labels)
        if not len(rising):
            self._refuse(labels, np.ones(labels.shape, bool))
        faces = rounded(labels + self.step / 2)
        found = np.searchsorted(rising, faces, side="right") - 1
        low, high = np.maximum(found, 0), np.minimum(found + 1, len(rising) - 1)
        inside = rounded(faces - rising[low]) < rounded(self.step)
        # rounding must not open a slit between voxels that touch
        inside |= (high > low) & (rising[high] - rising[low] <= self.step + SLACK)
        before = np.maximum(low - 1, 0)
        twice = (before < low) & (faces - rising[before] < self.step - SLACK)
        good = (found >= 0) & inside & ~twice
        if not good.all():
            self._refuse(labels, ~good)
        return self._placed(low)

    def nearest(self, labels: Floats, reach: float) -> Positions:
        """Positions of the centres nearest to ``labels``; of two, the higher one.

        Raises LabelError for a label that is farther than ``reach`` (nm).
        """
        rising = self._rising(labels)
        if not len(rising):
            self._refuse(labels, np.ones(labels.shape, bool))
        above = np.minimum(np.searchsorted(rising, labels), len(rising) - 1)
        below = np.maximum(above - 1, 0)
        to_above = np.abs(rounded(rising[above] - labels))
        to_below = np.abs(rounded(labels - rising[below]))
        far = np.minimum(to_above, to_below) > rounded(reach)
        if far.any():
            self._refuse(labels, far, reach)
        return self._placed(np.where(to_below < to_above, below, above))

    def window(self, bounds: slice) -> slice | Positions:
        """Positions of the centres from a start to, but without, a stop, in order.

        A slice, or an array where the centres are out of order. Raises LabelError for
        bounds beyond the volume, OptionError for a step that is not a whole number.
        """
        step = _stride(bounds.step)
        start, stop = self._bound(bounds.start), self._bound(bounds.stop)
        travel = int(math.copysign(1, step)) * (self.direction or 1)
        self._check_overlap(start, stop, travel)
        if not self.direction:
            return _chosen(self.centres, start, stop, step)
        count = len(self.centres)
        ends = (start, stop) if travel > 0 else (stop, start)
        rising, side = self._rising(), "left" if travel > 0 else "right"
        low, high = (
            default if end is None else int(np.searchsorted(rising, end, side))  # type: ignore[call-overload]
            for end, default in zip(ends, (0, count), strict=True)
        )
        if high <= low:
            return slice(0, 0)
        if self.direction < 0:
            low, high = count - high, count - low
        if step > 0:
            return slice(low, high, step)
        return slice(high - 1, low - 1 if low else None, step)

    def _rising(self, labels: Floats | None = None) -> Floats:
        if labels is not None and not np.isfinite(labels).all():
            self._refuse(labels, ~np.isfinite(labels))
        if not self.direction:
            return np.sort(self.centres)
        return self.centres[:: self.direction]

    def _placed(self, found: Positions) -> Positions:
        if not self.direction:
            return np.argsort(self.centres, kind="stable")[found]
        return found if self.direction > 0 else len(self.centres) - 1 - found

    def _faces(self) -> tuple[float, float]:
        ends = self.centres[[0, -1]] if self.direction else self.centres
        return (
            float(rounded(ends.min() - self.step / 2)),
            float(rounded(ends.max() + self.step / 2)),
        )

    def _bound(self, label: object) -> float | None:
        if label is None:
            return None
        bound = nanometres(label)
        if bound.size != 1:
            raise OptionError(
                got=f"{bound.size} labels as one end of a slice along {self.dim!r}",
                expected="one length, or None for an open end",
            )
        if not np.isfinite(bound).all():
            raise LabelError(
                got=f"a slice along {self.dim!r} that ends at {bound.item()}",
                expected="a finite position",
                hint="None leaves an end open",
            )
        return float(rounded(bound).item())

    def _check_overlap(
        self, start: float | None, stop: float | None, travel: int
    ) -> None:
        if not len(self.centres):
            return
        first = -travel * math.inf if start is None else start
        last = travel * math.inf if stop is None else stop
        low, high = self._faces()
        if max(first, last) > low and min(first, last) < high:
            return
        shown = ["an open end" if b is None else describe(b) for b in (start, stop)]
        raise LabelError(
            got=f"a slice along {self.dim!r} from {shown[0]} to {shown[1]}, wholly "
            "outside the volume",
            expected=f"one that overlaps {describe(low)} to {describe(high)}",
            hint=HINT,
        )

    def _refuse(
        self, labels: Floats, bad: NDArray[np.bool_], reach: float | None = None
    ) -> NoReturn:
        wrong = labels[bad]
        got = f"the label {describe(float(wrong[0]))} along {self.dim!r}"
        if len(wrong) > 1:
            got += f" and {len(wrong) - 1} more such labels"
        if not len(self.centres):
            raise LabelError(got=got, expected="none: this axis has no voxels left")
        low, high = self._faces()
        if reach is None and low <= wrong[0] < high:
            raise LabelError(
                got=got,
                expected="a position in exactly one voxel; here the axis has a gap, or "
                f"voxels that overlap (they are {describe(self.step)} wide)",
                hint="method='nearest' takes the nearest centre",
            )
        near = f", within {describe(reach)} of a centre" if reach is not None else ""
        raise LabelError(
            got=got,
            expected=f"a position from {describe(low)} up to, but without, "
            f"{describe(high)}{near}",
            hint=HINT,
        )


def rounded(values: Floats | float) -> Floats:
    """Return lengths (nm) rounded to 1e-6 nm, without -0.0."""
    with np.errstate(over="ignore"):
        return np.asarray(np.round(values, DIGITS) + 0.0)


def _stride(step: object) -> int:
    if step is None:
        return 1
    if isinstance(step, bool | np.bool_) or not isinstance(step, numbers.Integral):
        raise OptionError(
            got=f"the slice step {step!r:.60}",
            expected="a whole number: it counts voxels, not nanometres",
        )
    if step == 0:
        raise OptionError(got="the slice step 0", expected="1 or more, or -1 or less")
    return int(step)


def _chosen(
    centres: Floats, start: float | None, stop: float | None, step: int
) -> Positions:
    low = -math.inf if start is None else start
    high = math.inf if stop is None else stop
    if step > 0:
        kept = (centres >= low) & (centres < high)
    else:
        low, high = (
            -math.inf if stop is None else stop,
            math.inf if start is None else start,
        )
        kept = (centres > low) & (centres <= high)
    return np.flatnonzero(kept)[::step]

"""How often each dataset is met: weights as whole numbers, so that draws are exact."""

from __future__ import annotations

import math
import numbers
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from emcatalog.blocks.counter import Draws
from emcatalog.blocks.members import Member
from emcatalog.errors import OptionError, suggest

PARTS = 2**48
"""What the largest weight is counted as; the least that is not 0 is one part."""


@dataclass(frozen=True)
class Temperature:
    """Weights between those by volume and equal ones: ``volume ** (1 / degree)``.

    A degree of 1 is by volume; the higher it is, the more alike are all.
    """

    degree: float

    def __post_init__(self) -> None:
        if not 0 < self.degree < math.inf:
            raise OptionError(
                got=f"a temperature of {self.degree}", expected="a positive number"
            )


Weights = str | Temperature | Mapping[str, float]


@dataclass(frozen=True)
class Mixture:
    """The ends of the members' shares: a member has what lies below its own.

    >>> Mixture((1, 4)).chosen(0), Mixture((1, 4)).chosen(3)
    (0, 1)
    """

    ends: tuple[int, ...]

    @classmethod
    def of(cls, members: Sequence[Member], weights: Weights) -> Mixture:
        """Shares by "volume" (in nm^3), "equal", a `Temperature`, or for each name.

        Raises OptionError for weights that do not fit the members.
        """
        told = _told(members, weights)
        if not all(map(is_share, told)) or not any(told):
            raise OptionError(
                got=f"the weights {weights!r:.200}",
                expected="numbers of at least 0, one of them above 0",
            )
        most = max(told)
        parts = [max(1, round(w / most * PARTS)) if w else 0 for w in told]
        return cls(tuple(accumulate(parts)))

    @property
    def shares(self) -> tuple[int, ...]:
        """The weights as whole numbers."""
        return tuple(b - a for a, b in zip((0, *self.ends), self.ends, strict=False))

    def chosen(self, number: int) -> int:
        """The member to whom ``number``, below the last of the ends, belongs."""
        return bisect_right(self.ends, number)

    def draw(self, draws: Draws) -> int:
        """A member, as often as its weight says."""
        return self.chosen(draws.below(self.ends[-1]))

    def apportioned(self, count: int) -> tuple[int, ...]:
        """``count`` divided by the weights into whole numbers, none off by one or more.

        >>> Mixture((1, 2, 4)).apportioned(7)
        (1, 2, 4)
        """
        cuts = [count * end // self.ends[-1] for end in self.ends]
        return tuple(b - a for a, b in zip((0, *cuts), cuts, strict=False))


def is_share(value: object) -> bool:
    """Whether it is a finite number of at least 0."""
    return isinstance(value, numbers.Real) and 0 <= float(value) < math.inf


def _told(members: Sequence[Member], weights: Weights) -> list[float]:
    names = [member.name for member in members]
    if isinstance(weights, Mapping):
        if set(weights) != set(names):
            wrong = next((n for n in weights if n not in names), None)
            raise OptionError(
                got=f"weights for {', '.join(map(str, weights)) or 'nothing'}",
                expected=f"one for each of {', '.join(names)}",
                hint=suggest(wrong, names) if wrong is not None else "0 leaves one out",
            )
        return [weights[name] for name in names]
    if weights == "equal":
        return [1.0] * len(names)
    if weights == "volume":
        weights = Temperature(1)
    if not isinstance(weights, Temperature):
        raise OptionError(
            got=f"weights={weights!r:.60}",
            expected="'volume', 'equal', a Temperature, or a number for each name",
        )
    sizes = [member.volume_nm3 for member in members]
    return [(size / max(sizes)) ** (1 / weights.degree) for size in sizes]

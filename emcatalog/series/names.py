"""Names of section files: the number that orders them, and what forbids an order."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from emcatalog.errors import OptionError

BY_HAND = "name the files in order, as a list: urlpath: [first, second, ...]"
"""What to write where names do not tell the order."""

_DIGITS = re.compile(r"(?<![0-9])([0-9]{1,999})(?![0-9])")
"""A longer run is no number: Python would not even convert it."""

_MINUS = re.compile(r"(?:^|\W|_)[-\u2212]$")
"""A dash that does not join two words."""

_POINTS = (".", ",")


@dataclass(frozen=True)
class Name:
    """A file name cut at its digits: text, digits, text, digits, ..., text."""

    name: str
    parts: tuple[str, ...]

    @classmethod
    def of(cls, name: str, suffixes: Sequence[str]) -> Name:
        """Cut ``name``, without the one of ``suffixes`` that it ends in."""
        stem = name
        for suffix in suffixes:  # the 3 of .dm3 is no section number
            if name.lower().endswith(suffix.lower()):
                stem = name[: -len(suffix)]
        return cls(name, tuple(_DIGITS.split(stem)))

    @property
    def kind(self) -> tuple[str, ...]:
        """The name without its numbers."""
        return tuple(part.casefold() for part in self.parts[::2])

    @property
    def numbers(self) -> tuple[int, ...]:
        """The numbers in the name."""
        return tuple(map(int, self.parts[1::2]))

    def renumbered(self, group: int, number: int) -> str:
        """The name that has ``number`` in place of this one's, padded alike."""
        place = 2 * group + 1
        digits = self.parts[place]
        text = str(number).zfill(len(digits)) if digits[0] == "0" else str(number)
        ending = self.name[len("".join(self.parts)) :]
        return "".join((*self.parts[:place], text, *self.parts[place + 1 :], ending))


@dataclass(frozen=True)
class Slices:
    """Names in order, their numbers, and which digit group those are."""

    names: tuple[Name, ...]
    numbers: tuple[int, ...]
    group: int


def ordered(names: Sequence[Name], urlpath: str) -> Slices:
    """The names by the one number in which they differ; OptionError if it is not one.

    Numbers are counted, not measured: what looks like a negative number, or like
    decimals of different lengths, has no evident order and is refused.
    """
    names = sorted(names, key=lambda n: n.name)
    for name in names:
        if name.kind != names[0].kind:
            raise OptionError(
                entry=urlpath,
                got=f"both {names[0].name} and {name.name}",
                expected="names that differ in a number only",
                hint=f"take one kind with a pattern, or {BY_HAND}",
            )
    columns = list(zip(*(n.numbers for n in names), strict=True))
    group = _section_number(names, columns, urlpath)
    numbers = columns[group] if columns else (0,) * len(names)
    pairs = sorted(zip(numbers, names, strict=True), key=lambda p: p[0])
    for (before, one), (number, other) in itertools.pairwise(pairs):
        if before == number:
            raise OptionError(
                entry=urlpath,
                got=f"both {one.name} and {other.name}",
                expected="one file for each section",
                hint=f"take one of them with a pattern, or {BY_HAND}",
            )
    return Slices(
        tuple(name for _, name in pairs), tuple(number for number, _ in pairs), group
    )


def _section_number(
    names: Sequence[Name], columns: Sequence[tuple[int, ...]], urlpath: str
) -> int:
    """Which digit group differs between the names."""
    varying = [i for i, column in enumerate(columns) if len(set(column)) > 1]
    if len(varying) > 1:
        raise OptionError(
            entry=urlpath,
            got=f"names that differ in {len(varying)} numbers, such as "
            f"{names[0].name} and {names[-1].name}",
            expected="one number, the section's",
            hint=f"fix the others with a pattern, or {BY_HAND}",
        )
    if not varying:
        return len(columns) - 1
    (group,) = varying
    what = _no_count(names, group)
    if what:
        raise OptionError(
            entry=urlpath,
            got=f"{what}, such as {names[0].name} and {names[-1].name}",
            expected="numbers that count the sections",
            hint=f"if they do, write a range such as {{1..20}} in place of the number; "
            f"else {BY_HAND}",
        )
    return group


def _no_count(names: Sequence[Name], group: int) -> str:
    """Why the numbers of a group may not count sections; empty if they seem to."""
    before = names[0].parts[2 * group]
    if _MINUS.search(before) and (group == 0 or len(before) > 1):
        return "numbers that seem to be negative"
    widths = {len(name.parts[2 * group + 1]) for name in names}
    if group and before in _POINTS and len(widths) > 1:
        return "numbers that seem to be decimals"
    return ""

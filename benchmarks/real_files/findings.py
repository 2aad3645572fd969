"""What is found, what was expected of it, and what came of the comparison."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

AXES = "ctzyx"
"""Letters of all axes that a volume's choices and voxels have, slowest first."""


class Outcome(StrEnum):
    """What came of one item; `FAULTS` are the ones that make the sweep fail."""

    EQUAL = "equal"
    CALIBRATION = "calibration differs"
    WRONG = "WRONG"
    REFUSED = "refused"
    FOREIGN = "FOREIGN ERROR"
    HANG = "HANG"
    CRASH = "CRASH"
    READ = "read, nothing to compare with"
    PEERS = "equal to peers"
    DIFFERS = "differs from a peer"
    EMPTY = "no voxel is stored"
    NONE = "no volume format"


UNREADABLE = "unreadable"
"""Kind of a file or folder that cannot be opened, and whose name does not tell more."""

FAULTS = frozenset({Outcome.WRONG, Outcome.FOREIGN, Outcome.HANG, Outcome.CRASH})


@dataclass(frozen=True)
class Stored:
    """What the metadata of a chunked array or group say, read without a driver.

    ``letters`` names the stored dimensions in the order of the shape, ``nm`` is how
    many nanometres the unit of each has (None: not told), ``paths`` are the levels.
    """

    letters: str = ""
    nm: tuple[float | None, ...] = ()
    paths: tuple[str, ...] = ()
    lacks: str = ""


@dataclass(frozen=True)
class Item:
    """Something in the folder that may be a volume.

    ``path`` is relative to ``root``, with slashes. ``places`` is what the driver is
    given: one path, or the files of a series in order. An item without a ``driver``
    is no volume format, or `UNREADABLE`, and ``why`` says what it is.
    """

    root: Path
    path: str
    kind: str
    driver: str = ""
    places: tuple[str, ...] = ()
    why: str = ""
    stored: Stored = field(default_factory=Stored)

    @property
    def urlpath(self) -> str | list[str]:
        """What the driver is opened with."""
        return self.places[0] if len(self.places) == 1 else list(self.places)


@dataclass(frozen=True)
class Row:
    """What an independent reader found: of EXPECTED.csv, or a peer beside us.

    ``letters`` names the axes of ``shape`` in the order of the bytes that were hashed,
    empty if they are not told; ``axes`` is the calibration as it is written.
    """

    path: str
    item: str
    shape: tuple[int, ...]
    dtype: str
    digest: str
    letters: str = ""
    axes: str = ""
    reader: str = ""
    bad: str = ""


@dataclass(frozen=True)
class Finding:
    """What came of one item, or of one image or level of it (``part``)."""

    path: str
    kind: str
    outcome: Outcome
    part: str = ""
    driver: str = ""
    detail: str = ""
    shape: tuple[int, ...] = ()
    dtype: str = ""
    notes: tuple[str, ...] = ()
    agreed: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The finding as plain values."""
        return {name: _plain(value) for name, value in vars(self).items()}


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else str(value)


def shown(path: str) -> str:
    r"""A path that can be printed: no control characters, no broken letters.

    >>> shown("a\nb")
    'a\\nb'
    """
    text = path.encode("utf-8", "backslashreplace").decode("utf-8")
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode() for c in text
    )

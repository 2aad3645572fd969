"""What a check found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "note", "warn", "broken"]
"""``broken`` is something wrong on this machine; a server that is not reached is a
``note``, one that answers wrongly a ``warn``."""


@dataclass(frozen=True)
class Finding:
    """The answer of one check, and what to do about it."""

    section: str
    name: str
    state: State
    text: str
    hint: str = ""
    users: tuple[str, ...] = ()
    """Entries of the catalog that need what was checked."""

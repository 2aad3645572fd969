"""The tags of a DM file as a tree, and how they are asked for."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass(frozen=True)
class Block:
    """An array, text or structure: ``size`` bytes at ``offset`` of the file.

    ``text`` is what they mean if they are a text; short arrays may be one by chance.
    Of short ones that are numbers there is the ``data``, and how `struct` reads it.
    """

    offset: int
    size: int
    text: str = ""
    form: str = ""
    data: bytes = field(default=b"", repr=False)

    @property
    def values(self) -> tuple[int | float, ...]:
        """The numbers of a short array or structure; none of all others."""
        return struct.unpack(self.form, self.data) if self.form else ()


@dataclass(frozen=True)
class Group:
    """Tags by name; an unnamed tag has its position, as text.

    Of those in ``repeated`` there are several, and ``members`` has the last.
    """

    members: Mapping[str, Node]
    repeated: tuple[str, ...] = ()

    def find(self, *path: str) -> Node | None:
        """What lies at ``path``, if anything does."""
        node: Node | None = self
        for name in path:
            node = node.members.get(name) if isinstance(node, Group) else None
        return node

    def group(self, *path: str) -> Group:
        """The group at ``path``; an empty one if there is none."""
        node = self.find(*path)
        return node if isinstance(node, Group) else Group({})

    def groups(self, *path: str) -> dict[str, Group]:
        """The groups in the group at ``path``, by name."""
        members = self.group(*path).members
        return {k: v for k, v in members.items() if isinstance(v, Group)}

    def told(self, *path: str) -> float | None:
        """The number at ``path``, if there is one, finite or not."""
        node = self.find(*path)
        is_number = isinstance(node, int | float) and not isinstance(node, bool)
        return node if is_number else None  # type: ignore[return-value]  # a number

    def number(self, *path: str) -> float | None:
        """The finite number at ``path``, if there is one."""
        number = self.told(*path)
        return number if number is not None and math.isfinite(number) else None

    def whole(self, *path: str) -> int | None:
        """The integer at ``path``, if there is one."""
        number = self.number(*path)
        return number if isinstance(number, int) else None

    def text(self, *path: str) -> str:
        """The text at ``path`` without surrounding blanks; empty if there is none."""
        node = self.find(*path)
        return node.text.strip() if isinstance(node, Block) else ""


Node: TypeAlias = Group | Block | int | float


@dataclass(frozen=True)
class TagFile:
    """One file: its ``version`` (3 or 4), the byte order of values, and its tags."""

    url: str
    version: int
    order: str
    root: Group

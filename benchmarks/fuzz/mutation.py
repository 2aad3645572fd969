"""Inputs made from inputs: bits, numbers, JSON trees; needs nothing but Python."""

from __future__ import annotations

import copy
import json
import random
import re
from collections.abc import Callable, Sequence
from typing import Any

INTERESTING = (
    0, 1, 2, 3, 4, 7, 8, 15, 16, 31, 32, 63, 64, 100, 127, 128, 255, 256, 511, 512,
    1023, 1024, 4095, 4096, 32767, 32768, 65535, 65536, 2**24, 2**31 - 1, 2**31,
    2**32 - 1, 2**32, 2**40, 2**48, 2**53, 2**62, 2**63 - 1, 2**63, 2**64 - 1, 2**70,
    10**30, 10**400,
)  # fmt: skip
"""Numbers at which something may turn over."""

NUMBERS = ("-1", "0", "-0.0", "0.5", "1e308", "1e400", "-1e-320", "NaN", "Infinity")
STRANGE: tuple[Any, ...] = (
    None, True, False, [], {}, "", "x", "\0", "\x1b[2J", "\ud800", "../..", [[]],
    {"name": "x"}, "zstd", 0.5, -1, 1e308, float("nan"), float("-inf"), ["z", "y", "x"],
    "a" * 300, "\u202e\u200b", "²", "1_0",
)  # fmt: skip
"""Values that stand where another kind is awaited."""

_NUMBER = re.compile(rb"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_TOKEN = re.compile(rb"[\w.+-]+|[^\w\s]")
DEEP = 3000
"""Levels of nesting, more than Python's stack has."""


class Mutator:
    """Changes inputs; equal seeds of ``dice`` make equal changes.

    ``form`` is ``bytes``, ``text`` or ``json``; ``words`` are tokens that the format
    knows; no input grows beyond ``longest`` bytes.
    """

    def __init__(
        self, dice: random.Random, form: str, words: Sequence[bytes], longest: int
    ) -> None:
        self.dice, self.form, self.words, self.longest = dice, form, words, longest
        self._bytes: list[Callable[[bytearray, bytes], None]] = [
            self._flip, self._byte, self._integer, self._delete, self._repeat,
            self._splice, self._cut, self._word,
        ]  # fmt: skip

    def __call__(self, data: bytes, other: bytes) -> bytes:
        """A changed copy of ``data``; parts of ``other`` may come into it."""
        roll = self.dice.random()
        if self.form == "json" and roll < 0.75:
            changed = self._tree(data, other)
            if changed is not None:
                return changed[: self.longest]
        if self.form != "bytes" and roll < 0.9:
            return self._text(data, other)[: self.longest]
        out = bytearray(data)
        for _ in range(self._times()):
            self.dice.choice(self._bytes)(out, other)
        return bytes(out[: self.longest])

    def _times(self) -> int:
        return self.dice.choice((1, 1, 1, 2, 2, 3, 5, 8))

    def _at(self, data: Sequence[Any]) -> int:
        # headers matter more than pixels
        most = min(len(data), 256) if self.dice.random() < 0.3 else len(data)
        return self.dice.randrange(most) if most else 0

    def _flip(self, data: bytearray, other: bytes) -> None:
        if data:
            data[self._at(data)] ^= 1 << self.dice.randrange(8)

    def _byte(self, data: bytearray, other: bytes) -> None:
        if data:
            data[self._at(data)] = self.dice.randrange(256)

    def _integer(self, data: bytearray, other: bytes) -> None:
        size = self.dice.choice((1, 2, 4, 8))
        number = self.dice.choice(INTERESTING)
        if self.dice.random() < 0.3 and len(data) >= size:
            at = self._at(data)
            number = int.from_bytes(data[at : at + size], "little")
            number += self.dice.randint(-16, 16)
        order = self.dice.choice(("little", "big"))
        at = self._at(data)
        data[at : at + size] = (number % 256**size).to_bytes(size, order)

    def _delete(self, data: bytearray, other: bytes) -> None:
        at = self._at(data)
        del data[at : at + self._span(data)]

    def _repeat(self, data: bytearray, other: bytes) -> None:
        at = self._at(data)
        part = bytes(data[at : at + self._span(data)])
        to = self._at(data)
        data[to:to] = part * self.dice.choice((1, 1, 2, 5))

    def _splice(self, data: bytearray, other: bytes) -> None:
        at, to = self._at(other), self._at(data)
        part = other[at : at + self._span(other)]
        keep = len(part) if self.dice.random() < 0.5 else 0
        data[to : to + keep] = part

    def _cut(self, data: bytearray, other: bytes) -> None:
        del data[self._at(data) :]

    def _word(self, data: bytearray, other: bytes) -> None:
        if self.words:
            at = self._at(data)
            word = self.dice.choice(self.words)
            keep = len(word) if self.dice.random() < 0.5 else 0
            data[at : at + keep] = word

    def _span(self, data: Sequence[Any]) -> int:
        return self.dice.randint(1, max(1, min(len(data), self.dice.choice((4, 64)))))

    def _text(self, data: bytes, other: bytes) -> bytes:
        """Change numbers and tokens, and leave the rest as it is."""
        for _ in range(self._times()):
            pattern = _NUMBER if self.dice.random() < 0.5 else _TOKEN
            found = list(pattern.finditer(data))
            if not found:
                continue
            place = self.dice.choice(found)
            new = self._number() if pattern is _NUMBER else self._token(data, other)
            if self.dice.random() < 0.1:
                new = place[0] + new
            data = data[: place.start()] + new + data[place.end() :]
        return data

    def _number(self) -> bytes:
        if self.dice.random() < 0.5:
            return str(self.dice.choice(INTERESTING)).encode()
        if self.dice.random() < 0.5:
            return self.dice.choice(NUMBERS).encode()
        return str(self.dice.randint(-20, 300)).encode()

    def _token(self, data: bytes, other: bytes) -> bytes:
        if self.words and self.dice.random() < 0.6:
            return self.dice.choice(self.words)
        found = _TOKEN.findall(other if self.dice.random() < 0.5 else data)
        return self.dice.choice(found) if found else b"\x1b\xff\0"

    def _tree(self, data: bytes, other: bytes) -> bytes | None:
        """Change members of a JSON value."""
        try:
            tree = [json.loads(data)]
        except (ValueError, RecursionError):
            return None
        for _ in range(self._times()):
            if places := list(_places(tree)):
                inside, key = self.dice.choice(places)
                self._change(inside, key, other)
        try:
            text = json.dumps(tree[0] if tree else None)
        except (ValueError, RecursionError):
            return None
        if self.dice.random() < 0.002:
            text = text.replace("[", "[" * DEEP, 1)
        return text.encode()

    def _change(self, inside: Any, key: Any, other: bytes) -> None:
        roll = self.dice.random()
        value = inside[key]
        if roll < 0.15:
            del inside[key]
        elif roll < 0.4 and isinstance(value, int | float):
            inside[key] = self.dice.choice((*INTERESTING[:-1], value * 2, -value, 1.5))
        elif roll < 0.5 and isinstance(value, list):
            inside[key] = self._list(value)
        elif roll < 0.6 and self.words:
            inside[key] = self.dice.choice(self.words).decode(errors="replace")
        elif roll < 0.7 and isinstance(inside, dict):
            inside[self._name(inside)] = value
        elif roll < 0.8:
            inside[key] = self._part_of(other, value)
        else:
            # a copy: a list that comes into itself would never end
            inside[key] = copy.deepcopy(self.dice.choice(STRANGE))

    def _list(self, value: list[Any]) -> list[Any]:
        way = self.dice.randrange(4)
        if way == 0:
            return value[::-1]
        if way == 1:
            return value + value
        strange = copy.deepcopy(self.dice.choice(STRANGE))
        return value[:-1] if way == 2 else [*value, strange]

    def _name(self, inside: dict[str, Any]) -> str:
        if self.words and self.dice.random() < 0.7:
            return self.dice.choice(self.words).decode(errors="replace")
        return str(self.dice.choice(list(inside)))

    def _part_of(self, other: bytes, default: Any) -> Any:
        try:
            places = list(_places([json.loads(other)]))
        except (ValueError, RecursionError):
            return default
        inside, key = self.dice.choice(places)
        return inside[key]


def _places(tree: Any) -> Any:
    """The containers and keys of all members, down to a depth that recursion bears."""
    waiting = [tree]
    while waiting:
        inside = waiting.pop()
        keys = inside if isinstance(inside, dict) else range(len(inside))
        for key in list(keys):
            yield inside, key
            if isinstance(inside[key], dict | list):
                waiting.append(inside[key])

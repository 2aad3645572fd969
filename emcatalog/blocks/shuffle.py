"""Order without a list: permutations that need no memory.

A Feistel network on pairs of numbers, of which there are a few more than ``count``;
what falls beyond the end walks on along its cycle. So the i-th of 26 million shuffled
blocks costs microseconds, and nothing is kept.
"""

from __future__ import annotations

import functools
import hashlib
import math
from dataclasses import dataclass

from emcatalog.blocks.counter import key

ROUNDS = 8


@dataclass(frozen=True)
class Permutation:
    """``0 .. count - 1`` in an order that ``seed`` and ``epoch`` choose.

    >>> sorted(Permutation(5, seed=1)[i] for i in range(5))
    [0, 1, 2, 3, 4]
    >>> len(Permutation(10**18)), Permutation(10**18)[3] < 10**18
    (1000000000000000000, True)
    """

    count: int
    seed: int = 0
    epoch: int = 0
    purpose: str = "order"

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> int:
        """What stands at ``index``; IndexError beyond the end."""
        value = range(self.count)[index]
        while (value := self._mixed(value)) >= self.count:
            pass
        return value

    def _mixed(self, value: int) -> int:
        """One more of the pairs; no two values have the same."""
        rows = math.isqrt(self.count - 1) + 1
        columns = -(-self.count // rows)
        left, right = divmod(value, columns)
        for turn in range(0, ROUNDS, 2):
            left = (left + self._hash(turn, right)) % rows
            right = (right + self._hash(turn + 1, left)) % columns
        return left * columns + right

    def _hash(self, turn: int, value: int) -> int:
        told = value.to_bytes(8, "little") + bytes([turn])
        digest = hashlib.blake2b(told, key=self._key, digest_size=8).digest()
        return int.from_bytes(digest, "little")

    @functools.cached_property
    def _key(self) -> bytes:
        return key(self.seed, f"{self.purpose} {self.epoch}").astype("<u8").tobytes()

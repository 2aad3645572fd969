"""Which block has its turn when: indices that know their epoch, dealt to ranks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from emcatalog.blocks.counter import whole


class Turn(NamedTuple):
    """Block ``number`` of a plan, in ``epoch``."""

    epoch: int
    number: int


@dataclass(eq=False)
class Batches:
    """Which blocks make which batch of one rank.

    An epoch has ``length`` blocks, of which the first ``begun`` are left out; a batch
    has ``size``.
    """

    length: int
    size: int
    rank: int = 0
    world: int = 1
    drop_last: bool = False
    epoch: int = 0
    begun: int = 0

    def __post_init__(self) -> None:
        whole(self.size, "batch_size", least=1)

    @property
    def step(self) -> int:
        """Blocks in one batch of each rank."""
        return self.size * self.world

    def __len__(self) -> int:
        """Number of batches of a whole epoch."""
        return self._count(0)

    def __iter__(self) -> Iterator[list[Turn]]:
        epoch, size = self.epoch, self.size
        mine = range(self.begun + self.rank, self.length, self.world)
        return (
            [Turn(epoch, index) for index in mine[first : first + size]]
            for first in range(0, self._count(self.begun) * size, size)
        )

    def _count(self, begun: int) -> int:
        if self.drop_last:
            return max(0, self.length - begun) // self.step
        return -(-len(range(begun + self.rank, self.length, self.world)) // self.size)

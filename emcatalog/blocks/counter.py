"""Numbers that look random and are a pure function of where they are asked for.

There is no state to be seeded, shared or forgotten: a `Counter` is a place in a table
of numbers that is larger than anything can read, and equal counters give equal numbers
on every machine. The words are those of Philox 4x64 (Salmon et al. 2011), which NumPy
keeps as they are from version to version; what is made of them is made here, exactly.
"""

from __future__ import annotations

import functools
import hashlib
import operator
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Philox
from numpy.typing import NDArray

from emcatalog.errors import OptionError

WORD = 2**64


@dataclass(frozen=True, slots=True)
class Counter:
    """Where numbers are drawn: the plan's seed, the epoch, and the index of a block.

    ``attempt`` counts further draws for one index, where the first did not do.

    >>> counter = Counter(seed=0, epoch=1, index=5)
    >>> counter.draws("place").below(10) == counter.draws("place").below(10)
    True
    """

    seed: int
    epoch: int
    index: int
    attempt: int = 0

    def again(self) -> Counter:
        """The same index, drawn once more."""
        return replace(self, attempt=self.attempt + 1)

    def first(self) -> Counter:
        """The first attempt at the same index: for what all attempts share."""
        return replace(self, attempt=0) if self.attempt else self

    def draws(self, stream: str) -> Draws:
        """Independent numbers for one purpose, which ``stream`` names.

        Two purposes with one name get the same numbers: name what you draw for.
        """
        return Draws(self._philox(stream).random_raw)

    def words(self, stream: str, count: int) -> NDArray[np.uint64]:
        """``count`` words of 64 bits at once, those of `draws`: for numbers of voxels.

        >>> at = Counter(seed=0, epoch=1, index=5)
        >>> int(at.words("noise", 3)[0]) == at.draws("noise").word()
        True
        """
        return self._philox(stream).random_raw(count)

    def _philox(self, stream: str) -> Philox:
        place = (0, self.attempt, self.epoch, self.index)
        return Philox(key=key(self.seed, stream), counter=np.array(place, np.uint64))


@functools.lru_cache(maxsize=256)
def key(seed: int, purpose: str) -> NDArray[np.uint64]:
    """128 bits, as two words, that differ for each seed and purpose."""
    told = hashlib.blake2b(f"{seed} {purpose}".encode(), digest_size=16).digest()
    words = np.frombuffer(told, "<u8").astype(np.uint64)
    words.flags.writeable = False
    return words


class Draws:
    """Numbers made of random words of 64 bits, one after the other.

    ``word`` gives the next word. What each method gives is exactly uniform if the words
    are.

    >>> Draws(lambda: 2**63).below(10), Draws(lambda: 2**63).unit()
    (8, 0.5)
    """

    __slots__ = ("word",)

    def __init__(self, word: Callable[[], int]) -> None:
        self.word = word

    def bits(self, count: int) -> int:
        """A whole number of ``count`` bits."""
        value = 0
        for _ in range(-(-count // 64)):
            value = value << 64 | self.word()
        return value >> (-count % 64)

    def below(self, count: int) -> int:
        """One of ``0 .. count - 1``, each as likely as the other, however large."""
        width = (count - 1).bit_length()
        while (value := self.bits(width)) >= count:
            pass
        return value

    def unit(self) -> float:
        """A number in ``0 <= u < 1``, a multiple of 2**-53."""
        return self.bits(53) * 2.0**-53

    def between(self, low: float, high: float) -> float:
        """A number in ``low <= u <= high``."""
        return low + (high - low) * self.unit()


def whole(value: object, name: str, least: int = 0) -> int:
    """``value`` as an int of at least ``least``; OptionError that names it else."""
    try:
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        number = None
    if number is None or isinstance(value, bool) or not least <= number < WORD:
        raise OptionError(
            got=f"{name}={value!r:.60}",
            expected=f"a whole number of at least {least}",
        )
    return number

"""Groups: an order without a list that is random, and keeps groups together."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from emcatalog.blocks.shuffle import Permutation


@dataclass(frozen=True)
class Groups:
    """``0 .. count - 1`` in an order that is random, but keeps ``size`` in a row close.

    Numbers that ``size`` divides equally are a group. ``mix`` groups make a window;
    what is left over is one more group, a small one, in one of the windows.

    >>> order = Groups(24, size=4, mix=2)
    >>> [len({order[i] // 4 for i in range(a, a + 8)}) for a in (0, 8, 16)]
    [2, 2, 2]
    >>> sorted(order[i] for i in range(24)) == list(range(24))
    True
    """

    count: int
    size: int
    mix: int
    seed: int = 0
    epoch: int = 0

    def __getitem__(self, index: int) -> int:
        """What stands at ``index``; IndexError beyond the end."""
        at = range(self.count)[index]
        window, first = self._window(at)
        here = min(self.mix, self._groups - window * self.mix)
        more = self._rest if window == self._special else 0
        drawn = self._order(here * self.size + more, f"window {window}")[at - first]
        turn, inside = divmod(drawn, self.size)
        if turn >= here:  # of the small group
            return self._groups * self.size + drawn - here * self.size
        group = self._order(self._groups, "groups")[window * self.mix + turn]
        return group * self.size + inside

    def _window(self, at: int) -> tuple[int, int]:
        """The window in which ``at`` lies, and where it begins."""
        span = self.size * self.mix
        before = self._special * span
        here = min(self.mix, self._groups - self._special * self.mix)
        if at < before:
            return at // span, at // span * span
        if at < before + here * self.size + self._rest:
            return self._special, before
        window = (at - self._rest) // span
        return window, window * span + self._rest

    @property
    def _groups(self) -> int:
        return self.count // self.size

    @property
    def _rest(self) -> int:
        return self.count % self.size

    @functools.cached_property
    def _special(self) -> int:
        """The window that has the small group."""
        windows = max(1, -(-self._groups // self.mix))
        return self._order(windows, "rest")[0]

    def _order(self, count: int, purpose: str) -> Permutation:
        return Permutation(count, self.seed, self.epoch, f"visits, {purpose}")

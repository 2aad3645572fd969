"""Many regions at once: what they share is fetched and decoded once."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emcatalog.geometry import Region
from emcatalog.paged.flow import Flow
from emcatalog.paged.kept import Kept
from emcatalog.paged.pieces import (
    Piece,
    check_count,
    joined,
    pieces_of,
    place,
    segments_of,
)
from emcatalog.paged.table import Layout, Page
from emcatalog.paged.window import Window, plain_rows, view
from emcatalog.transport import Transport
from emcatalog.volume import memory_limit

BUDGET = 128 << 20
"""Bytes of results that are begun and not yet taken; one alone may have more."""


@dataclass(frozen=True)
class Stack:
    """Pages, what they share, and how their bytes are had."""

    layout: Layout
    pages: tuple[Page | None, ...]
    transport: Transport


@dataclass
class _Result:
    """The voxels of one region, of which so many pieces have not come."""

    index: int
    region: Region
    voxels: NDArray[np.generic]
    missing: int


def read_each(
    stack: Stack, regions: Sequence[Region]
) -> Iterator[tuple[int, NDArray[np.generic]]]:
    """Index and voxels of each region, as they come; regions lie within the pages.

    Neighbours are read one after the other, whatever their order, so that they find
    what they share.
    """
    budget = min(BUDGET, memory_limit()) if len(regions) > 1 else BUDGET
    reading = _Reading(stack, budget)
    order = deque(sorted(range(len(regions)), key=lambda i: regions[i].start))
    try:
        while order or reading.wanted or reading.finished:
            while order and reading.has_room(regions[order[0]]):
                index = order.popleft()
                reading.begin(index, regions[index])
            while reading.finished:
                yield reading.hand_out()
            if reading.wanted:
                reading.receive()
    finally:
        reading.close()


class _Reading:
    """Results that are begun, and the pieces that they wait for."""

    def __init__(self, stack: Stack, budget: int) -> None:
        self._stack, self._budget, self._held = stack, budget, 0
        self._kept = Kept(stack.layout, stack.transport)
        self._flow = Flow(self._kept)
        self.wanted: dict[Piece, list[_Result]] = {}
        self.finished = deque[_Result]()

    def has_room(self, region: Region) -> bool:
        """Whether the result of ``region`` may be begun."""
        more = region.size * self._stack.layout.dtype.itemsize
        fits = not self._held or self._held + more <= self._budget
        return fits and not self.finished

    def begin(self, index: int, region: Region) -> None:
        """Fill in what is at hand, and have the rest fetched."""
        voxels = np.zeros(region.shape, self._stack.layout.dtype.newbyteorder("="))
        lacking = self._at_hand(region, voxels)
        result = _Result(index, region, voxels, len(lacking))
        self._held += voxels.nbytes
        new = [piece for piece in lacking if piece not in self.wanted]
        for piece in lacking:
            self.wanted.setdefault(piece, []).append(result)
        if new:
            self._flow.want(new)
        if not lacking:
            self.finished.append(result)

    def receive(self) -> None:
        """Wait for pieces and put them in their places."""
        for lot, voxels in self._flow.take():
            takers = dict[int, _Result]()
            for piece in lot:
                for result in self.wanted.pop(piece):
                    result.missing -= 1
                    takers[result.index] = result
            for result in takers.values():
                place(joined(lot), voxels, result.region, result.voxels)
                if not result.missing:
                    self.finished.append(result)

    def hand_out(self) -> tuple[int, NDArray[np.generic]]:
        """A finished result, which is the taker's from now on."""
        result = self.finished.popleft()
        self._held -= result.voxels.nbytes
        return result.index, result.voxels

    def close(self) -> None:
        """Give up what has not come."""
        self._flow.close()

    def _at_hand(self, region: Region, out: NDArray[np.generic]) -> list[Piece]:
        """Copy what lies in local files or was kept; returns the pieces that do not."""
        layout, pages = self._stack.layout, self._stack.pages
        windows = [Window.of(layout, s, region) for s in segments_of(layout, region)]
        lacking: list[Piece] = []
        first = region.start[0]
        for z in range(first, region.stop[0]):
            if page := pages[z]:
                for window in windows:
                    if not self._copied(page, z, window, region, out[z - first]):
                        pieces = pieces_of(layout, page, z, window.segment, region)
                        lacking += self._not_kept(pieces, region, out)
        return lacking

    def _copied(
        self,
        page: Page,
        z: int,
        window: Window,
        region: Region,
        plane: NDArray[np.generic],
    ) -> bool:
        """Copy a window out of a plain page, if that lies in a local file."""
        layout, number = self._stack.layout, window.segment.number
        if layout.codec is not None or not page.counts[number]:
            return False
        check_count(layout, page, z, window.segment, region)
        at = page.offsets[number] + window.skip
        data = view(self._stack.transport, page.url, at, window.length)
        if data is not None:
            rows = plain_rows(layout, data, window.rows)
            plane[window.target] = rows[:, window.columns]
        return data is not None

    def _not_kept(
        self, pieces: Iterable[Piece], region: Region, out: NDArray[np.generic]
    ) -> Iterator[Piece]:
        """Copy the pieces that were read before; gives the others."""
        for piece in pieces:
            voxels = self._kept.get(piece)
            if voxels is None:
                yield piece
            else:
                place(piece, voxels, region, out)

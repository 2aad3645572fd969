"""Random access to a remote header through a few ranged requests."""

from __future__ import annotations

from collections.abc import Callable

from emcatalog.errors import TruncatedError


class RangeReader:
    """Bytes of one file at any place, fetched in aligned blocks that are kept.

    Made for headers: what lies far away is skipped, what lies near is had in one
    request. Nothing is dropped, so it must live no longer than the parsing.
    """

    def __init__(
        self, fetch: Callable[[int, int], bytes], url: str, block: int
    ) -> None:
        self._fetch, self.url, self._block = fetch, url, block
        self._blocks: dict[int, bytes] = {}

    def read(self, start: int, length: int) -> bytes:
        """Exactly ``length`` bytes; TruncatedError where the file ends before."""
        data = self.peek(start, length)
        if len(data) < length:
            raise TruncatedError(
                entry=self.url,
                got=f"a file that ends within {length} bytes at byte {start}",
                expected="the whole header",
                hint="the file is cut short or is not of this format",
            )
        return data

    def peek(self, start: int, length: int) -> bytes:
        """At most ``length`` bytes from ``start``; fewer where the file ends."""
        first, last = start // self._block, (start + length - 1) // self._block
        self._fill(first, last)
        data = b"".join(self._blocks.get(i, b"") for i in range(first, last + 1))
        skip = start - first * self._block
        return data[skip : skip + length]

    def holds(self, start: int, length: int) -> bool:
        """Whether bytes that are asked for cost no request: they were had before."""
        first, last = start // self._block, (start + length - 1) // self._block
        return all(i in self._blocks for i in range(first, last + 1))

    def _fill(self, first: int, last: int) -> None:
        """Fetch the blocks that are missing, each run of neighbours in one piece."""
        missing = [i for i in range(first, last + 1) if i not in self._blocks]
        while missing:
            run = 1
            while missing[run : run + 1] == [missing[0] + run]:
                run += 1
            self._keep(missing[0], run)
            del missing[:run]

    def _keep(self, low: int, count: int) -> None:
        size = self._block
        data = self._fetch(low * size, count * size)
        for i in range(count):
            self._blocks[low + i] = data[i * size : (i + 1) * size]

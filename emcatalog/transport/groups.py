"""Spans of many files over HTTP, all their requests under way together."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import (
    Awaitable,
    Callable,
    Coroutine,
    Iterator,
    Mapping,
    Sequence,
)
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from queue import SimpleQueue
from typing import Any, TypeVar
from urllib.parse import urlsplit

from emcatalog.errors import (
    ContentError,
    NotFoundError,
    TransportError,
    TruncatedError,
    UnreachableError,
)
from emcatalog.transport.http import Http
from emcatalog.transport.origin import GarbledError, Origin
from emcatalog.transport.patience import Tries, gate, most_connections
from emcatalog.transport.several import Habit
from emcatalog.transport.spans import (
    MOST_RANGES,
    Span,
    cut,
    ensure_whole,
    plan,
)
from emcatalog.transport.speed import meter, request_size

AHEAD = 256 * 2**20
"""Bytes that are asked for before those that came are taken."""

MOST_AHEAD = 256
"""Groups under way."""

DROPPED = (UnreachableError, TruncatedError)
PASSING = (*DROPPED, GarbledError)

T = TypeVar("T")


@dataclass(frozen=True)
class Manners:
    """How a host is asked; see `Transport`."""

    connections: int
    attempts: int
    patience: float


@dataclass(frozen=True)
class Fetch:
    """Spans of one file over HTTP, in requests of about ``size`` bytes.

    Its coroutines run in the event loop of ``http``.
    """

    http: Http
    origin: Origin
    manners: Manners
    size: int

    async def spans(self, spans: Sequence[Span]) -> list[bytes]:
        """The bytes of each span, in the order given."""
        several = not self.http.habit(self.origin).hopeless
        requests = plan(spans, self.size, MOST_RANGES if several else 1)
        pieces: dict[int, bytes] = {}
        for found in await _all([self._ranges(ranges) for ranges in requests]):
            pieces |= found
        return cut(spans, pieces)

    async def _ranges(self, ranges: Sequence[Span]) -> dict[int, bytes]:
        """The bytes of each range by where it starts."""
        found = await self._several(ranges) if len(ranges) > 1 else {}
        # also those that an answer left out since the file ends before them
        missing = [(start, length) for start, length in ranges if start not in found]
        singly = await _all([self._one(*span) for span in missing])
        return found | {
            start: data for (start, _), data in zip(missing, singly, strict=True)
        }

    async def _one(self, start: int, length: int) -> bytes:
        data = await self._insist(
            lambda: self.http.one_range(self.origin, start, length),
            PASSING,
            self.manners.attempts,
        )
        return ensure_whole(data, start, length)

    async def _several(self, ranges: Sequence[Span]) -> dict[int, bytes]:
        """Ranges had in one request; none where the host does not answer so."""
        habit = self.http.habit(self.origin)
        if not habit.proven:
            async with habit.first:
                if not habit.proven and not habit.hopeless:
                    return await self._try_several(habit, ranges)
        return await self._try_several(habit, ranges) if habit.proven else {}

    async def _try_several(
        self, habit: Habit, ranges: Sequence[Span]
    ) -> dict[int, bytes]:
        """As `_several`; what may be the fault of the kind of request is no failure.

        Single ranges come after it, and tell what the fault was.
        """
        attempts = self.manners.attempts if habit.proven else 2
        try:
            found = await self._insist(
                lambda: self.http.several_ranges(self.origin, ranges),
                DROPPED,
                min(attempts, self.manners.attempts),
            )
        except (ContentError, NotFoundError):
            raise
        except TransportError as error:
            if habit.proven and isinstance(error, DROPPED):
                raise
            habit.refused()
            return {}
        if found:
            habit.answered()
        return found

    async def _insist(
        self,
        ask: Callable[[], Awaitable[T]],
        passing: tuple[type[Exception], ...],
        attempts: int,
    ) -> T:
        """Ask again where a failure may pass; each try waits at the host's gate."""
        way = gate(self.origin.url)
        most = most_connections(self.origin.url, self.manners.connections)
        tries = Tries(attempts, self.manners.patience)
        while True:
            async with way.entered_by_task(most):
                tries.begin()
                try:
                    return await ask()
                except passing as error:
                    wait = tries.failed(error)
            await asyncio.sleep(wait)


def fetches_of(
    places: Sequence[tuple[Http, Origin] | None], sizes: Sequence[int], manners: Manners
) -> list[Fetch | None]:
    """How to fetch ``sizes`` bytes of each of ``places``; None for what is no HTTP.

    Hosts share the requests among all that is wanted of them.
    """
    totals = Counter[str]()
    for place, size in zip(places, sizes, strict=True):
        totals[_host(place)] += size
    requests: dict[str, int] = {}
    for place in places:
        if place and (host := _host(place)) not in requests:
            most = most_connections(place[1].url, manners.connections)
            speed = meter(place[1].url).speed()
            requests[host] = request_size(totals[host], most, speed)
    return [p and Fetch(*p, manners, requests[_host(p)]) for p in places]


def _host(place: tuple[Http, Origin] | None) -> str:
    return urlsplit(place[1].url).netloc if place else ""


def as_they_come(
    sizes: Sequence[int], begin: Callable[[Sequence[int]], Mapping[int, Future[T]]]
) -> Iterator[tuple[int, Future[T]]]:
    """What ``begin(indices)`` gave for each of ``sizes`` bytes, as each is done.

    No more than `AHEAD` bytes are asked for ahead of the taker. Where the taker stops,
    all others are cancelled.
    """
    done: SimpleQueue[int] = SimpleQueue()
    waiting, under_way = deque(range(len(sizes))), dict[int, Future[T]]()
    held = 0
    try:
        while waiting or under_way:
            new: list[int] = []
            while waiting and _has_room(held + sizes[waiting[0]], len(under_way), new):
                new.append(waiting.popleft())
                held += sizes[new[-1]]
            for index, future in begin(new).items():
                under_way[index] = future
                future.add_done_callback(partial(_put, done, index))
            index = done.get()
            yield index, under_way.pop(index)
            held -= sizes[index]
    finally:
        for future in under_way.values():
            future.cancel()


def _put(done: SimpleQueue[int], index: int, _: object) -> None:
    done.put(index)


def _has_room(held: int, under_way: int, new: Sequence[int]) -> bool:
    count = under_way + len(new)
    return not count or (held <= AHEAD and count < MOST_AHEAD)


def begin_all(
    jobs: Sequence[tuple[int, Fetch, Sequence[Span]]],
) -> dict[int, Future[list[bytes]]]:
    """Begin to fetch spans; each job has a number, by which it is known then."""
    futures = {index: Future[list[bytes]]() for index, _, _ in jobs}

    def begin(loop: asyncio.AbstractEventLoop) -> None:
        for index, fetch, spans in jobs:
            if fetch.http.loop is loop:
                task = loop.create_task(fetch.spans(spans))
                task.add_done_callback(partial(_hand_over, futures[index]))
                futures[index].add_done_callback(partial(_end, loop, task))

    for loop in {fetch.http.loop for _, fetch, _ in jobs}:
        loop.call_soon_threadsafe(begin, loop)  # wakes it once for all of them
    return futures


def _hand_over(future: Future[T], task: asyncio.Task[T]) -> None:
    if task.cancelled():
        future.cancel()
    elif not future.set_running_or_notify_cancel():
        task.exception()  # nobody wants to know
    elif error := task.exception():
        future.set_exception(error)
    else:
        future.set_result(task.result())


def _end(
    loop: asyncio.AbstractEventLoop, task: asyncio.Task[T], future: Future[T]
) -> None:
    if future.cancelled():
        loop.call_soon_threadsafe(task.cancel)


async def _all(works: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """All results; the first failure cancels the others."""
    if len(works) == 1:
        return [await works[0]]
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()

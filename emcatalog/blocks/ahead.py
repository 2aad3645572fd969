"""Work that is done ahead, in threads, a few pieces at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from contextvars import copy_context
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def ahead(
    pool: Executor, work: Callable[[T], R], items: Iterable[T], count: int
) -> Iterator[R]:
    """``work`` of each item, in order, while the next ``count`` are being done.

    Items are taken one by one, as there is room. What ``work`` raises is raised where
    its result would have been. Settings of this context, such as
    `emcatalog.volume.allowing`, are valid for the work, too.

    >>> from concurrent.futures import ThreadPoolExecutor
    >>> with ThreadPoolExecutor(2) as pool:
    ...     list(ahead(pool, str.upper, "abc", 2))
    ['A', 'B', 'C']
    """
    waiting: deque[Future[R]] = deque()
    for item in items:
        waiting.append(pool.submit(copy_context().run, work, item))
        if len(waiting) > count:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()

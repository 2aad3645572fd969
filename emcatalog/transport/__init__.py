"""Bytes from anywhere by range: retries, politeness, length checks, mirrors.

`Transport` is what drivers are given. It holds options and no connection, so it may be
used from many threads and pickled; connections are opened when they are needed, in the
process that needs them.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

from emcatalog.errors import (
    ContentError,
    EmcatalogError,
    OptionError,
    TruncatedError,
    UnreachableError,
)
from emcatalog.mirror import Mirrors, current_mirrors
from emcatalog.transport.groups import Manners, as_they_come, begin_all, fetches_of
from emcatalog.transport.http import Http
from emcatalog.transport.maps import FileMap
from emcatalog.transport.origin import GarbledError, Origin
from emcatalog.transport.patience import Tries, gate, most_connections
from emcatalog.transport.reader import RangeReader
from emcatalog.transport.spans import Span, ensure_spans, ensure_whole
from emcatalog.transport.speed import Speed, meter
from emcatalog.transport.systems import LOCAL, http_of, system_of
from emcatalog.transport.versions import Versions

__all__ = ["FileMap", "Group", "RangeReader", "Span", "Speed", "Transport"]

METADATA_LIMIT = 64 * 2**20
Group = tuple[str, Sequence[Span]]
"""A URL and spans of its file."""

PASSING = (UnreachableError, TruncatedError, GarbledError)

T = TypeVar("T")
S = TypeVar("S")


@dataclass(frozen=True)
class Transport:
    """How bytes are had: options of the file system, mirrors, manners.

    ``storage_options`` are those of fsspec for the protocol of the URL; S3 and GCS are
    read anonymously unless they say otherwise. At most ``connections`` requests to one
    host are under way at a time, fewer where the host is known to be slow. A request
    that fails for a passing reason is tried ``attempts`` times, with pauses that grow
    or that the server asks for; no try begins after ``patience`` seconds. A server
    that falls silent is given up after 60 seconds (EMCATALOG_TIMEOUT). ``session_url``
    is visited first, once for each process and host, by servers that hand out a
    session cookie there. Whoever wants many pieces has them soonest by `read_groups`.

    ``versions`` are those of the files read so far: a file that is read in pieces and
    changes meanwhile raises ContentError, where the server lets it be seen.
    """

    # may hold passwords, which are nobody's business in a log
    storage_options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    mirrors: Mirrors = field(default_factory=current_mirrors)
    connections: int = 32
    attempts: int = 4
    session_url: str = ""
    patience: float = 180.0
    versions: Versions = field(default_factory=Versions, repr=False, compare=False)

    def resolve(self, url: str) -> str:
        """The URL or local path that is really read for ``url``, after mirrors."""
        return self.mirrors.resolve(url)

    def origin(self, url: str) -> Origin:
        """Where ``url`` is read from, with the options that apply there."""
        place = self.resolve(url)
        local = "://" not in place
        # options are for the protocol that the URL names, not for that of its mirror
        moved = place != url and _protocol(place) != _protocol(url)
        options = {} if moved else dict(self.storage_options)
        session = self.resolve(self.session_url) if self.session_url else ""
        return Origin(place, options, "" if local else session, self.versions)

    def read(self, url: str, *, limit: int = METADATA_LIMIT, kind: str = "") -> bytes:
        """The whole file. ``kind`` is a content type that HTTP must not contradict.

        Raises TransportError (its subclass says what failed), ContentError for HTML
        where ``kind`` says otherwise, and for a file larger than ``limit`` bytes.
        """
        data = self._request(url, lambda o: system_of(o).whole(o, limit, kind))
        if len(data) > limit:
            raise ContentError(
                entry=url,
                got=f"more than {limit} bytes",
                expected="a small file",
                hint="check that the URL names the right file",
            )
        return data

    def read_range(self, url: str, start: int, length: int) -> bytes:
        """Exactly ``length`` bytes from ``start`` on.

        Raises TruncatedError if the file ends before, RangeError if the server
        ignores ranges, or another TransportError.
        """
        with self._naming(url):
            return ensure_whole(self.read_upto(url, start, length), start, length)

    def read_upto(self, url: str, start: int, length: int) -> bytes:
        """At most ``length`` bytes from ``start``; fewer where the file ends."""
        if not length:
            return b""
        return self._request(url, lambda o: system_of(o).span(o, start, length))

    def read_spans(self, url: str, spans: Sequence[Span]) -> list[bytes]:
        """The bytes of each (start, length) in ``spans`` of one file, in their order.

        Spans may come in any order, touch and overlap. Raises TruncatedError where the
        file ends before one of them, OptionError for negative numbers, and else what
        `read_range` raises.
        """
        if self._http(url, spans):
            return next(data for _, data in self.read_groups([(url, spans)]))
        if self.origin(url).scheme == "file":
            found = self._request(url, lambda o: LOCAL.spans(o, spans))
            with self._naming(url):
                return [ensure_whole(d, *s) for d, s in zip(found, spans, strict=True)]
        return list(self.map(lambda span: self.read_range(url, *span), spans))

    def read_groups(self, groups: Iterable[Group]) -> Iterator[tuple[int, list[bytes]]]:
        """Spans of many files, as they come: ``(index of the group, its bytes)``.

        A group is ``(url, spans)`` as for `read_spans`. Requests of all groups are
        under way together, up to the limit of each host; several spans of a file go in
        one request where its server answers that rightly. At most 256 MiB are asked
        for ahead of those that were taken. The first failure is raised, and what is
        under way then is dropped.
        """
        groups = list(groups)
        places = [self._http(url, spans) for url, spans in groups]
        if places == [None]:
            yield 0, self.read_spans(*groups[0])
            return
        manners = Manners(self.connections, self.attempts, self.patience)
        sizes = [sum(length for _, length in spans) for _, spans in groups]
        fetches = fetches_of(places, sizes, manners)
        pool = ThreadPoolExecutor(self.connections, "emcatalog", _enter_pool)

        def begin(new: Sequence[int]) -> dict[int, Future[list[bytes]]]:
            jobs = [(i, f, groups[i][1]) for i in new if (f := fetches[i])]
            others = [i for i in new if not fetches[i]]
            begun = {i: pool.submit(self.read_spans, *groups[i]) for i in others}
            return begun | begin_all(jobs)

        try:
            for index, future in as_they_come(sizes, begin):
                with self._naming(groups[index][0]):
                    data = future.result()
                yield index, data
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def most_requests(self, url: str) -> int:
        """How many requests to the host of ``url`` are under way at a time, at most."""
        return most_connections(self.resolve(url), self.connections)

    def speed(self, url: str) -> Speed | None:
        """How quick the host of ``url`` was lately; None until something is known.

        Measured over the last answers to all readers of this process.
        """
        _, page = self._http(url) or (None, self.origin(url))
        return meter(page.url).speed()

    def mapped(self, url: str) -> FileMap | None:
        """The local file that is read for ``url``, mapped into memory, read-only.

        None where it is not local, and for what has no bytes to map. The same map is
        handed out until the file is replaced or written to. Raises NotFoundError and
        AccessDeniedError as `read_range` does.
        """
        with self._naming(url):
            origin = self.origin(url)
            return LOCAL.mapped(origin) if origin.scheme == "file" else None

    def version(self, url: str) -> str:
        """A text that changes with the content of the file; "" if nothing tells it.

        It is the ETag, else the date and the length; for a local file the time of
        writing, length, inode, and the time at which these were set. A server is asked
        when the last answer about the file is older than 300 s. Raises ContentError
        for a file that has changed since this transport first saw it.
        """
        with self._naming(url):
            origin = self.origin(url)
            if origin.scheme == "file":
                return LOCAL.version(origin).name
            known = self.versions.recent(origin.url)
            if known is None:
                known = self._insist(origin, lambda o: system_of(o).version(o))
                self.versions.check(origin.url, known)
            return known.name

    def reader(self, url: str, block: int = 1 << 16) -> RangeReader:
        """Random access to a header, fetched in blocks that are kept."""
        return RangeReader(lambda a, n: self.read_upto(url, a, n), url, block)

    def size(self, url: str) -> int:
        """Length of the file in bytes, asked without reading it."""
        return self._request(url, lambda o: system_of(o).size(o))

    def exists(self, url: str) -> bool:
        """Whether there is a file at ``url``."""
        try:
            self.size(url)
        except FileNotFoundError:
            return False
        return True

    def names(self, url: str) -> tuple[str, ...]:
        """Names of what lies in the folder ``url``, sorted; folders end in a slash."""
        return self._request(url, lambda o: tuple(sorted(system_of(o).names(o))))

    def map(self, work: Callable[[S], T], items: Iterable[S]) -> Iterator[T]:
        """Do ``work`` on each item, several at a time; results come in order.

        The first failure cancels what has not begun and is raised. ``work`` may call
        `map` again: there the items are done one after the other.
        """
        items = list(items)
        if len(items) < 2 or getattr(_of_thread, "in_pool", False):
            yield from map(work, items)
            return
        # threads of its own: those of a shared pool may all wait for one dead host
        pool = ThreadPoolExecutor(self.connections, "emcatalog", _enter_pool)
        try:
            for future in [pool.submit(work, item) for item in items]:
                yield future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _request(self, url: str, ask: Callable[[Origin], T]) -> T:
        with self._naming(url):
            return self._insist(self.origin(url), ask)

    def _http(self, url: str, spans: Sequence[Span] = ()) -> tuple[Http, Origin] | None:
        """What reads ``url`` by HTTP; None for others. The spans are looked over."""
        with self._naming(url):
            ensure_spans(spans)
            return http_of(self.origin(url))

    @contextlib.contextmanager
    def _naming(self, url: str) -> Iterator[None]:
        """Errors that name the URL as it was given."""
        try:
            yield
        except EmcatalogError as error:
            error.about(url)
            raise
        except (TypeError, ValueError) as error:  # of URL parsers and HTTP clients
            given = ", ".join(self.storage_options) or "none"
            raise OptionError(
                entry=url,
                got=f"a URL or storage_options ({given}) that make no request: {error}",
                expected="scheme://host:port/path, and options that its protocol has",
                hint="compare them with the documentation of fsspec",
            ) from error

    def _insist(self, origin: Origin, ask: Callable[[Origin], T]) -> T:
        """Ask again where a failure may pass."""
        way, most = gate(origin.url), most_connections(origin.url, self.connections)
        tries = Tries(self.attempts, self.patience)
        while True:
            with way.entered(most):
                tries.begin()
                try:
                    return ask(origin)
                except PASSING as error:
                    wait = tries.failed(error)
            time.sleep(wait)


def _protocol(url: str) -> str:
    """Which storage options fit; https and http share theirs."""
    return url.partition("://")[0].replace("https", "http") if "://" in url else ""


_of_thread = threading.local()


def _enter_pool() -> None:
    _of_thread.in_pool = True

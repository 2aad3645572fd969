"""FTP with true partial reads (``REST``) over connections that are used again.

fsspec's FTP file system lists the parent folder before each file is opened, which is
slow on folders of many thousand slices; the standard library's client does not.
"""

from __future__ import annotations

import contextlib
import ftplib
import posixpath
import socket
import threading
import weakref
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

from emcatalog.errors import TransportError, TruncatedError
from emcatalog.transport.origin import BusyError, Origin, translate, unreachable
from emcatalog.transport.patience import Pace, timeout_seconds
from emcatalog.transport.speed import Clock
from emcatalog.transport.versions import Version

PIECE = 1 << 16


class Ftp:
    """One FTP server; anonymous unless the options carry username and password."""

    def __init__(self, origin: Origin) -> None:
        self._options = origin.options
        self._idle: list[ftplib.FTP] = []
        self._lock = threading.Lock()
        weakref.finalize(self, _close, self._idle)

    def span(self, origin: Origin, start: int, length: int) -> bytes:
        """At most ``length`` bytes from ``start``."""
        with self._connection(origin) as ftp:
            clock = Clock(origin.url)
            clock.sent()
            try:
                data = ftp.transfercmd(f"RETR {_path(origin)}", rest=start or None)
            except ftplib.error_perm as error:
                if str(error).startswith("554"):  # the file ends before
                    return b""
                raise
            clock.answered()
            content = _received(data, length)
            clock.received(len(content))
            self._finish(ftp, stopped_early=len(content) == length)
            if len(content) < length:
                _check_end(start + len(content), ftp.size(_path(origin)))
        return content

    def whole(self, origin: Origin, limit: int, kind: str) -> bytes:
        """The whole file, or one byte more than ``limit`` of it."""
        return self.span(origin, 0, limit + 1)

    def size(self, origin: Origin) -> int:
        """Length in bytes."""
        with self._connection(origin) as ftp:
            size = ftp.size(_path(origin))
        if size is None:
            raise TransportError(got=f"no length of {origin.url}", expected="SIZE")
        return size

    def version(self, origin: Origin) -> Version:
        """When the file was written, where the server says so, and its length."""
        with self._connection(origin) as ftp:
            size = ftp.size(_path(origin))
            try:
                answer = ftp.sendcmd(f"MDTM {_path(origin)}")
            except ftplib.error_perm as error:
                if not str(error).startswith("50"):  # 500, 502: no MDTM here
                    raise
                answer = ""
        return Version(None, answer.partition(" ")[2] or None, size)

    def names(self, origin: Origin) -> list[str]:
        """What lies in the folder; folders are told apart where the server says so."""
        with self._connection(origin) as ftp:
            try:
                rows = list(ftp.mlsd(_path(origin), ["type"]))
            except ftplib.error_perm as error:
                if not str(error).startswith("50"):  # 500, 502: no MLSD here
                    raise
                rows = [(n.rsplit("/", 1)[-1], {}) for n in ftp.nlst(_path(origin))]
            ftp.voidcmd("TYPE I")  # listings are sent as text
        folders = ("dir", "cdir", "pdir")
        return [
            name + "/" * (facts.get("type") == "dir")
            for name, facts in rows
            if facts.get("type") not in folders[1:]
        ]

    @contextlib.contextmanager
    def _connection(self, origin: Origin) -> Iterator[ftplib.FTP]:
        """An idle connection or a new one; closed after a failure, never half-used."""
        with self._lock:
            ftp = self._idle.pop() if self._idle else None
        try:
            ftp = ftp or self._connect(origin)
            yield ftp
        except (OSError, EOFError, ValueError, ftplib.Error) as error:
            # ValueError: a reply that is no FTP
            if ftp is not None:
                ftp.close()
            if not isinstance(error, ftplib.error_perm):
                self._drop_idle()
            if isinstance(error, TransportError):
                raise
            raise _translate(error, origin) from error
        with self._lock:
            self._idle.append(ftp)

    def _connect(self, origin: Origin) -> ftplib.FTP:
        place = urlsplit(origin.url)
        ftp = ftplib.FTP(timeout=timeout_seconds())  # noqa: S321 - public archives speak FTP
        user = unquote(place.username or "") or "anonymous"
        word = unquote(place.password or "") or "anonymous@"
        try:
            ftp.connect(place.hostname or "", place.port or ftplib.FTP_PORT)
            ftp.login(
                str(self._options.get("username") or user),
                str(self._options.get("password") or word),
            )
            ftp.voidcmd("TYPE I")
        except (OSError, EOFError, ValueError, ftplib.Error):
            ftp.close()
            raise
        return ftp

    def _drop_idle(self) -> None:
        """Servers hang up on the idle all at once: the others are as dead as one."""
        with self._lock:
            _close(self._idle)
            self._idle.clear()

    @staticmethod
    def _finish(ftp: ftplib.FTP, *, stopped_early: bool) -> None:
        """Take the server's word on the transfer: 426 is right only if we stopped."""
        try:
            ftp.voidresp()
        except ftplib.error_temp:
            if not stopped_early:
                raise


def _received(data: socket.socket, length: int) -> bytes:
    """At most ``length`` bytes from a data connection, which is closed then."""
    parts, missing, pace = [], length, Pace()
    with data:
        while missing and (part := data.recv(min(PIECE, missing))):
            parts.append(part)
            missing -= len(part)
            pace.moved(len(part))
    return b"".join(parts)


def _check_end(position: int, size: int | None) -> None:
    """Raise TruncatedError if a transfer ended elsewhere than the file does.

    The end of an FTP transfer is a closed connection, and so is a broken one.
    """
    if size is not None and position != size:
        raise TruncatedError(
            got=f"a transfer that ended at byte {position}",
            expected=f"the end of the file, at {size}",
            hint="the connection or the server is failing: try again later",
        )


def _close(idle: list[ftplib.FTP]) -> None:
    for ftp in idle:
        ftp.close()


def _path(origin: Origin) -> str:
    path = unquote(urlsplit(origin.url).path) or "/"
    if "\r" in path or "\n" in path:
        raise TransportError(got=f"the path {path!r}", expected="no line breaks")
    return posixpath.normpath(path)


def _translate(error: Exception, origin: Origin) -> TransportError:
    code = str(error)[:3]
    if code == "550":
        return translate(FileNotFoundError(), origin)
    if code in ("530", "532", "553"):
        return translate(PermissionError(str(error)), origin)
    if isinstance(error, ftplib.error_temp):
        return BusyError(
            got=f"{error} from {origin.url}",
            expected="a transfer",
            hint="the server has too many visitors: try again later",
        )
    return unreachable(origin, f"{type(error).__name__}: {error}")

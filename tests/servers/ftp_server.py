"""A folder over anonymous FTP, read-only, with ``REST``."""

from __future__ import annotations

import contextlib
import logging
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pyftpdlib import ioloop  # goes first: it hushes asyncore's deprecation
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.filesystems import AbstractedFS
from pyftpdlib.handlers import DTPHandler, FTPHandler
from pyftpdlib.servers import FTPServer

from servers.asgi import loopback
from servers.log import Entry, Log, Server

LOGGED = ("RETR", "SIZE", "MLSD", "NLST", "LIST", "CWD")
POLL_SECONDS = 0.05


def _nothing(command: str, path: str) -> str:
    return ""


@dataclass
class FtpFaults:
    """What goes wrong, from now on.

    ``drop_after``: bytes of a file after which both connections are closed.
    ``drops``: how many transfers are dropped before all is well; None for all.
    ``most_connections``: control connections beyond it are refused with 421; 0 for
    no limit.
    ``choose``: from a command and its path to what goes wrong with it, "" for nothing:
    "421" (says so and hangs up), "reset" (of the control connection), "size" (SIZE
    tells a wrong one), and for RETR "cut" (the data connection closes half-way, and
    426), "short" (the same, but 226 as if all were well) and "stall" (no data come).
    """

    drop_after: int | None = None
    drops: int | None = None
    most_connections: int = 0
    choose: Callable[[str, str], str] = _nothing

    def clear(self) -> None:
        """Be a good server again."""
        self.drop_after, self.drops, self.most_connections = None, None, 0
        self.choose = _nothing

    def take_drop(self) -> int | None:
        """The byte at which the transfer that begins now is to be dropped, if any."""
        if self.drop_after is None or self.drops == 0:
            return None
        if self.drops is not None:
            self.drops -= 1
        return self.drop_after


class RunningFtp(Server):
    """A running FTP server; ``url`` is ``ftp://127.0.0.1:port``."""

    def __init__(self, port: int, log: Log, faults: FtpFaults) -> None:
        super().__init__(f"ftp://127.0.0.1:{port}", log)
        self.port, self.faults = port, faults

    def count(self, command: str) -> int:
        """How often ``command`` came since the last `forget`."""
        return sum(request.method == command for request in self.requests)


@contextlib.contextmanager
def ftp(
    root: Path | str, filesystem: type[AbstractedFS] = AbstractedFS
) -> Iterator[RunningFtp]:
    """Serve the folder ``root`` to ``anonymous``, as ``filesystem`` shows it.

    Logged are CONNECT (a new control connection) and the commands RETR, SIZE, MLSD,
    NLST, LIST and CWD, each with its path, bytes and last reply code.
    """
    # without a handler pyftpdlib would configure logging for the whole process
    logging.getLogger("pyftpdlib").addHandler(logging.NullHandler())
    log, faults, loop = Log(), FtpFaults(), ioloop.IOLoop()
    listener = loopback()
    port = listener.getsockname()[1]
    control = _control(root, log, faults)
    control.abstracted_fs = filesystem
    server = _limited(faults)(listener, control, ioloop=loop)
    stop = threading.Event()

    def run() -> None:
        while not stop.is_set():
            loop.loop(timeout=POLL_SECONDS, blocking=False)
        server.close_all()

    thread = threading.Thread(target=run, name=f"ftp-{port}", daemon=True)
    thread.start()
    try:
        yield RunningFtp(port, log, faults)
    finally:
        stop.set()
        thread.join(10)


class _Data(DTPHandler):  # type: ignore[misc]  # pyftpdlib has no types
    """A data connection: counts its bytes, and breaks off where it is told to."""

    entry: Entry | None = None
    drop_at: int | None = None

    def push_with_producer(self, producer: Any) -> None:
        self.entry = self.cmd_channel.entry
        fault = ""
        if self.entry and self.entry.method == "RETR":
            self.drop_at = self.cmd_channel.faults.take_drop()
            fault = self.cmd_channel.fault
        if fault in ("cut", "short"):
            first = producer.more()
            self.socket.send(first[: len(first) // 2])
            done = fault == "short"
            reply = "226 Transfer complete." if done else "426 Connection closed."
            self._resp = (reply, logging.getLogger("pyftpdlib").debug)
            self.close()
        elif fault != "stall":
            super().push_with_producer(producer)

    def send(self, data: bytes) -> int:
        if self.drop_at is not None:
            data = data[: self.drop_at - self.tot_bytes_sent]
        sent = int(super().send(data)) if data else 0
        if self.entry:
            self.entry.bytes_sent += sent
        if self.drop_at is not None and self.tot_bytes_sent >= self.drop_at:
            self.cmd_channel.close()
        return sent


class _Control(FTPHandler):  # type: ignore[misc]
    """A control connection: notes commands and the last reply to each."""

    dtp_handler = _Data
    use_sendfile = False  # sendfile would pass `_Data.send` by
    notes: Log
    faults: FtpFaults
    fault = ""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.entry: Entry | None = self.notes.open("CONNECT", "", {})
        super().__init__(*args, **kwargs)

    def pre_process_command(self, line: str, cmd: str, arg: str) -> None:
        rest = self._restart_position
        headers = {"range": f"bytes={rest}-"} if rest else {}
        path = self.fs.ftpnorm(arg) if self.fs else arg
        noted = cmd in LOGGED
        self.entry = self.notes.open(cmd, quote(path), headers) if noted else None
        self.fault = self.faults.choose(cmd, path) if noted else ""
        if self.fault == "421":
            self.respond("421 Too many visitors.")
            self.close_when_done()
        elif self.fault == "reset":
            linger = struct.pack("ii", 1, 0)
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.close()
        elif self.fault == "size":
            self.respond("213 7")
        else:
            super().pre_process_command(line, cmd, arg)

    def push(self, data: bytes) -> None:
        if self.entry and data[:3].isdigit():
            self.entry.status = int(data[:3])
        super().push(data)


def _control(root: Path | str, log: Log, faults: FtpFaults) -> type[_Control]:
    """pyftpdlib configures a server by the attributes of its handler class."""
    authorizer = DummyAuthorizer()
    authorizer.add_anonymous(str(root))
    facts = {"authorizer": authorizer, "notes": log, "faults": faults}
    return type("_Control", (_Control,), facts)


def _limited(faults: FtpFaults) -> type[Any]:
    """A server class whose limit is read anew for each connection."""
    limit = property(lambda self: faults.most_connections)
    return type("_Limited", (FTPServer,), {"max_cons_per_ip": limit})

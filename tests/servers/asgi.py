"""An ASGI application on a loopback port, in a thread, with a log and faults."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from servers.log import Connections, Log

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

STARTUP_SECONDS = 20.0


class Logged:
    """Notes each request of ``app`` before the answer leaves."""

    def __init__(self, app: ASGIApp, log: Log) -> None:
        self._app, self._log = app, log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        target = scope["raw_path"].decode("latin-1")
        if scope["query_string"]:
            target += "?" + scope["query_string"].decode("latin-1")
        pairs = scope["headers"]
        headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in pairs}
        entry = self._log.open(scope["method"], target, headers)

        async def noted(message: Message) -> None:
            if message["type"] == "http.response.start":
                entry.status = message["status"]
            elif scope["method"] != "HEAD":
                entry.bytes_sent += len(message.get("body", b""))
            if message["type"] == "http.response.body" and not message.get("more_body"):
                under_way.close()  # before it leaves: the client may ask again at once
            await send(message)

        with contextlib.ExitStack() as under_way:
            self._log.under_way.opened()
            under_way.callback(self._log.under_way.closed)
            await self._app(scope, receive, noted)


class _Protocol(H11Protocol):
    """Lets an application see its connection, so that a fault can reset it."""

    counted: Connections  # uvicorn has a member `connections` of its own

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.counted.opened()
        self.app_state = {**self.app_state, "transport": transport}

    def connection_lost(self, exc: Exception | None) -> None:
        self.counted.closed()
        super().connection_lost(exc)


@contextlib.contextmanager
def serve_asgi(app: ASGIApp, connections: Connections | None = None) -> Iterator[str]:
    """Serve ``app`` until the block is left; yields the base URL."""
    counted = {"counted": connections or Connections()}
    config = uvicorn.Config(
        app,
        http=type("_Counted", (_Protocol,), counted),
        loop="asyncio",
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        log_level="critical",
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    with loopback() as listener:
        port = listener.getsockname()[1]
        thread = threading.Thread(
            target=server.run, args=([listener],), name=f"asgi-{port}", daemon=True
        )
        thread.start()
        try:
            _wait_until_started(server, thread)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.should_exit = True
            thread.join(STARTUP_SECONDS)


def loopback() -> socket.socket:
    """A listening socket on a free port of loopback: no other process can take it."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    listener.set_inheritable(False)
    return listener


def _wait_until_started(server: uvicorn.Server, thread: threading.Thread) -> None:
    deadline = time.monotonic() + STARTUP_SECONDS
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise RuntimeError("the ASGI server did not start")
        time.sleep(0.002)

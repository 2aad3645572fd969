"""A folder over HTTP, from Starlette: ranges, an index of each folder, and faults."""

from __future__ import annotations

import contextlib
import html
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from servers.asgi import Logged, serve_asgi
from servers.faults import Faults
from servers.log import Connections, Log, Server

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Scope


class FaultyServer(Server):
    """A server that can be told to misbehave, through ``faults``."""

    def __init__(self, url: str, log: Log, faults: Faults) -> None:
        super().__init__(url, log)
        self.log = log
        self.faults, self.connections = faults, Connections()


@contextlib.contextmanager
def http(root: Path | str) -> Iterator[FaultyServer]:
    """Serve the folder ``root``; HTTP/1.1 with keep-alive, ranges and HEAD."""
    folder = _Folders(directory=root, follow_symlink=True)
    with serve_faulty(Starlette(routes=[Mount("/", app=folder)])) as server:
        yield server


@contextlib.contextmanager
def serve_faulty(app: ASGIApp) -> Iterator[FaultyServer]:
    """Serve any ASGI application with a log and faults around it."""
    server = FaultyServer("", Log(), Faults())
    logged = Logged(server.faults.around(app), server.log)
    with serve_asgi(logged, server.connections) as server.url:
        yield server


class _Folders(StaticFiles):
    """Static files, and for a folder the list of its entries, as nginx writes it."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        place, facts = self.lookup_path(path)
        if facts is None or not Path(place).is_dir():
            return await super().get_response(path, scope)
        if not scope["path"].endswith("/"):
            return RedirectResponse(quote(scope["path"]) + "/", 301)
        return HTMLResponse(_index(place, scope["path"]))


def _index(place: str, title: str) -> str:
    entries = sorted(os.scandir(place), key=lambda entry: entry.name)
    names = [entry.name + "/" * entry.is_dir() for entry in entries]
    links = [f'<a href="{quote(name)}">{html.escape(name)}</a>' for name in names]
    head = f"Index of {html.escape(title)}"
    rows = "\n".join(['<a href="../">../</a>', *links])
    return (
        f"<html><head><title>{head}</title></head>\n"
        f"<body><h1>{head}</h1><hr><pre>{rows}\n</pre><hr></body></html>\n"
    )

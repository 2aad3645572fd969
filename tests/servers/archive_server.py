"""Entry APIs of archives: documents at addresses, and each archive's way to say no.

``archive({"/empiar/api/entry/EMPIAR-1/": {...}})`` answers an address with and without
its slash, as EMPIAR does. What is a text or bytes is sent as it is, all else as JSON.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from servers.http_server import FaultyServer, serve_faulty

if TYPE_CHECKING:
    from starlette.requests import Request


@contextlib.contextmanager
def archive(documents: Mapping[str, object]) -> Iterator[FaultyServer]:
    """Serve ``documents`` by their paths; others are not found, which JSON says."""

    async def answer(request: Request) -> Response:
        path = request.url.path
        if path not in documents and f"{path}/" in documents:
            return RedirectResponse(f"{path}/", 301)
        if path not in documents:
            return JSONResponse({"detail": "Not found"}, 404)
        document = documents[path]
        if isinstance(document, str | bytes):
            return Response(document, media_type="text/plain")
        return JSONResponse(document)

    app = Starlette(routes=[Route("/{path:path}", answer)])
    with serve_faulty(app) as server:
        yield server

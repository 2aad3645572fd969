"""The sample on servers that fail: every host and protocol of its mirror directory."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyftpdlib.filesystems import AbstractedFS
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse
from starlette.types import Receive, Scope, Send

import servers
from benchmarks.faults.mixture import Mixture, without_number
from emcatalog.errors import OptionError
from emcatalog.mirror import mirror_path
from servers.http_server import serve_faulty


@dataclass(frozen=True)
class Places:
    """Base URLs of the servers.

    What lies at scheme://host/path is for read 1 at BASE/r1/scheme/host/path.
    """

    http: str
    ftp: str


@contextlib.contextmanager
def serve(root: Path, mixture: Mixture) -> Iterator[Places]:
    """Serve the mirror directory ``root`` by HTTP and FTP, with faults."""
    with (
        serve_faulty(_Mirror(root, mixture)) as web,
        servers.ftp(root, _Numbered) as archive,
    ):
        archive.faults.choose = mixture.ftp
        yield Places(web.url, archive.url)


class _Mirror:
    """An ASGI application: what a request should get, spoiled."""

    def __init__(self, root: Path, mixture: Mixture) -> None:
        self._root, self._mixture = root, mixture

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        target = f"{scope['path']}?{request.url.query}"
        headers = request.headers
        fault = self._mixture.http(
            target, headers.get("range", ""), headers.get("user-agent", "")
        )
        answer: Any = self._answer(request)
        await (fault(answer) if fault else answer)(scope, receive, send)

    def _answer(self, request: Request) -> Any:
        path = without_number(request.scope["path"])
        scheme, _, rest = path.lstrip("/").partition("/")
        query = f"?{request.url.query}" if request.url.query else ""
        with contextlib.suppress(OptionError):
            file = self._root / mirror_path(f"{scheme}://{rest}{query}")
            file = file / "index.html" if path.endswith("/") and not query else file
            if file.is_file():
                kind = "image/png" if query else None
                if file.name == "index.html":
                    kind = "application/json"  # all pages of the mirror are of APIs
                return FileResponse(file, media_type=kind)
        return PlainTextResponse("nothing here", 404)


class _Numbered(AbstractedFS):  # type: ignore[misc]  # pyftpdlib has no types
    """A folder whose paths may begin with the number of a read."""

    def ftp2fs(self, ftppath: str) -> str:
        return str(super().ftp2fs(without_number(self.ftpnorm(ftppath))))

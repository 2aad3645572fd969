"""The file systems behind `Transport`, each opened when it is first needed."""

from __future__ import annotations

import os
import threading
from urllib.parse import urlsplit

from emcatalog.transport.ftp import Ftp
from emcatalog.transport.gcs import PublicGcs
from emcatalog.transport.http import Http
from emcatalog.transport.local import Local
from emcatalog.transport.maps import FileMap
from emcatalog.transport.objects import Objects
from emcatalog.transport.origin import Origin, System, hold_over_forks

LOCAL = Local()

_systems: dict[object, System] = {}
_lock = threading.Lock()
hold_over_forks(_lock)


def system_of(origin: Origin) -> System:
    """The system that reads ``origin``, opened once for each process and options."""
    server = urlsplit(origin.url).netloc if origin.scheme == "ftp" else ""
    session = origin.session_url
    # keyed by process: loops and sockets do not survive a fork
    key = (
        os.getpid(),
        origin.scheme,
        server,
        session,
        repr(sorted(origin.options.items())),
    )
    with _lock:
        if key not in _systems:
            _systems[key] = _open(origin)
        return _systems[key]


def mapped_file(origin: Origin) -> FileMap | None:
    """The map of a local file; None for all others."""
    return LOCAL.mapped(origin) if origin.scheme == "file" else None


def _open(origin: Origin) -> System:
    if origin.scheme == "file":
        return LOCAL
    if origin.scheme in ("http", "https"):
        return Http(origin)
    if origin.scheme == "ftp":
        return Ftp(origin)
    if origin.scheme in ("gs", "gcs") and origin.options.get("token", "anon") == "anon":
        return PublicGcs(origin)
    return Objects(origin)

"""The file systems behind `Transport`, each opened when it is first needed."""

from __future__ import annotations

import os
import threading
from urllib.parse import urlsplit

from emcatalog.transport.ftp import Ftp
from emcatalog.transport.gcs import PublicGcs, page_of
from emcatalog.transport.http import Http
from emcatalog.transport.local import Local
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


def http_of(origin: Origin) -> tuple[Http, Origin] | None:
    """The HTTP system that reads ``origin``, and the page there; None for others."""
    if origin.scheme not in ("http", "https", "gs", "gcs"):
        return None
    system = system_of(origin)
    if isinstance(system, PublicGcs):
        return system.http, page_of(origin)
    return (system, origin) if isinstance(system, Http) else None


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

"""Real servers on loopback for the tests, each a context manager.

``with nginx(folder) as server:`` gives ``server.url`` and ``server.requests``. They
bind a free port themselves, are up when the block is entered and gone when it is left.
The modules of heavy servers are loaded when they are first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from servers.archive_server import archive as archive
    from servers.faults import delay as delay
    from servers.faults import gzipped as gzipped
    from servers.faults import ignore_range as ignore_range
    from servers.faults import login_page as login_page
    from servers.faults import other_range as other_range
    from servers.faults import reset as reset
    from servers.faults import respond as respond
    from servers.faults import status as status
    from servers.faults import truncate as truncate
    from servers.ftp_server import ftp as ftp
    from servers.gcs_server import gcs as gcs
    from servers.http_server import http as http
    from servers.log import Request as Request
    from servers.log import Server as Server
    from servers.multipart import Part as Part
    from servers.multipart import Several as Several
    from servers.multipart import only_several as only_several
    from servers.multipart import several as several
    from servers.nginx_server import nginx as nginx
    from servers.omero_image import OmeroImage as OmeroImage
    from servers.omero_server import omero as omero
    from servers.s3_server import s3 as s3
    from servers.spoiled import changed as changed
    from servers.spoiled import header as header
    from servers.spoiled import lengthened as lengthened
    from servers.spoiled import redirect as redirect
    from servers.spoiled import redirect_back as redirect_back
    from servers.spoiled import reset_after as reset_after
    from servers.spoiled import shortened as shortened
    from servers.spoiled import stall as stall
    from servers.spoiled import trickle as trickle

_FAULTS = (
    "delay gzipped ignore_range login_page other_range reset respond status truncate"
)
_SPOILED = (
    "changed header lengthened redirect redirect_back reset_after shortened stall "
    "trickle"
)
_PLACES = {
    **dict.fromkeys(("Part", "Several", "only_several", "several"), "multipart"),
    **dict.fromkeys(_FAULTS.split(), "faults"),
    **dict.fromkeys(_SPOILED.split(), "spoiled"),
    **dict.fromkeys(("Request", "Server"), "log"),
    **{
        name: f"{name}_server"
        for name in ("archive", "ftp", "gcs", "http", "nginx", "omero", "s3")
    },
    "OmeroImage": "omero_image",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)

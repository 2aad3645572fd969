"""Where a URL's bytes lie: prefix rules and mirror directories.

A *mirror* is a directory laid out by scheme, host and path, as ``wget -x`` leaves it::

    DIR/https/ftp.ebi.ac.uk/empiar/world_availability/11759/data/slice_0000.dm3
    DIR/s3/janelia-cosem-datasets/jrc_mus-nacc-2/jrc_mus-nacc-2.zarr/.zgroup

Percent escapes in the path are decoded. A path that ends in a slash is a folder; the
page that a server answers there is kept inside it as ``index.html``. A query follows
the file name after ``@``, with every character escaped that a file system may refuse.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from urllib.parse import quote, unquote, urlsplit

from emcatalog.errors import OptionError


def mirror_path(url: str) -> PurePosixPath:
    """Return the place of ``url`` inside a mirror, relative to the mirror's root.

    Raises OptionError for a URL without scheme or host, and for one whose decoded
    path would leave the mirror.

    >>> str(mirror_path("https://a.org/data/%20x/1.tif"))
    'https/a.org/data/ x/1.tif'
    >>> str(mirror_path("https://a.org/render/7/?c=1%7C0:255&m=g"))
    'https/a.org/render/7/index.html@c=1%7C0%3A255&m=g'
    >>> str(mirror_path("s3://bucket/volume.zarr/"))
    's3/bucket/volume.zarr'
    """
    parts = urlsplit(url)
    if not parts.scheme or not parts.netloc:
        raise OptionError(
            got=f"the URL {url!r}",
            expected="scheme://host/path",
            hint="only remote URLs have a place in a mirror",
        )
    segments = [unquote(s) for s in parts.path.split("/")]
    if any(s == ".." or "/" in s or "\\" in s or "\0" in s for s in segments):
        raise OptionError(
            got=f"the URL {url!r}, whose path leaves its folder",
            expected="a path without '..' or escaped separators",
            hint="write the URL of the file itself",
        )
    is_page = parts.scheme in ("http", "https") and parts.path.endswith("/")
    names = [s for s in segments if s not in ("", ".")]
    if is_page and parts.query:
        names.append("index.html")
    path = PurePosixPath(parts.scheme, parts.netloc.replace(":", "+"), *names)
    if parts.query:
        query = quote(unquote(parts.query), safe="=&,._-")
        path = path.with_name(f"{path.name}@{query}")
    return path

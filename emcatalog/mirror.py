"""Where a URL's bytes lie: prefix rules and mirror directories.

A *mirror* is a directory laid out by scheme, host and path, as ``wget -x`` leaves it::

    DIR/https/ftp.ebi.ac.uk/empiar/world_availability/11759/data/slice_0000.dm3
    DIR/s3/janelia-cosem-datasets/jrc_mus-nacc-2/jrc_mus-nacc-2.zarr/.zgroup

Percent escapes in the path are decoded. A path that ends in a slash is a folder; the
page that a server answers there is kept inside it as ``index.html``. A query follows
the file name after ``@``, with every character escaped that a file system may refuse.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import quote, unquote, urlsplit

from emcatalog.errors import OptionError

MIRROR_VARIABLE = "EMCATALOG_MIRROR"


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
    # in the name of an object # is a letter
    pages = url.startswith(("http://", "https://", "ftp://"))
    try:
        parts = urlsplit(url, allow_fragments=pages)
    except ValueError:  # a host in brackets that is no address
        parts = urlsplit("")
    if not parts.scheme or not parts.netloc:
        raise OptionError(
            got=f"the URL {url!r}",
            expected="scheme://host/path",
            hint="only remote URLs have a place in a mirror",
        )
    host = parts.netloc.rpartition("@")[2].replace(":", "+")  # without a password
    segments = [unquote(s) for s in parts.path.split("/")]
    if host == "." or any(map(_leaves, (parts.scheme, host, *segments))):
        raise OptionError(
            got=f"the URL {url!r}, whose path leaves its folder",
            expected="a path without '..' or escaped separators",
            hint="write the URL of the file itself",
        )
    is_page = parts.scheme in ("http", "https") and parts.path.endswith("/")
    names = [s for s in segments if s not in ("", ".")]
    if is_page and parts.query:
        names.append("index.html")
    path = PurePosixPath(parts.scheme, host, *names)
    if parts.query:
        query = quote(unquote(parts.query), "=&,._-", errors="surrogatepass")
        path = path.with_name(f"{path.name}@{query}")
    return path


def _leaves(segment: str) -> bool:
    return segment == ".." or any(mark in segment for mark in "/\\\0")


@dataclass(frozen=True)
class Mirrors:
    """Where to look for a URL before its own server is asked.

    ``rules`` replace URL prefixes (the longest that fits wins), ``roots`` are mirror
    directories. A file that no mirror holds is asked from its server; but a chunked
    volume is read from the mirror that has its folder, where a chunk that was not
    copied is absent.

    >>> Mirrors(rules=(("s3://b/", "http://localhost:9000/b/"),)).resolve("s3://b/k")
    'http://localhost:9000/b/k'
    """

    roots: tuple[str, ...] = ()
    rules: tuple[tuple[str, str], ...] = ()

    def resolve(self, url: str) -> str:
        """Return the URL or local path where the bytes of ``url`` lie."""
        fitting = [rule for rule in self.rules if url.startswith(rule[0])]
        if fitting:
            prefix, replacement = max(fitting, key=lambda rule: len(rule[0]))
            return replacement + url.removeprefix(prefix)
        if "://" not in url or url.startswith("file://"):
            return url
        for root in self.roots:
            path = Path(root) / mirror_path(url)
            if os.path.exists(path):  # noqa: PTH110 - pathlib's raises for long names
                return str(path)
        return url


_chosen: Mirrors | None = None


def current_mirrors() -> Mirrors:
    """The mirrors set by `use_mirror`, else those of EMCATALOG_MIRROR, else none.

    The variable names one directory, or several separated as in PATH. Raises
    OptionError for a directory that does not exist.
    """
    if _chosen is not None:
        return _chosen
    text = os.environ.get(MIRROR_VARIABLE, "")
    return _of_directories(part for part in text.split(os.pathsep) if part)


@contextlib.contextmanager
def _restoring(before: Mirrors | None) -> Iterator[None]:
    global _chosen  # noqa: PLW0603 - the one process-wide setting
    try:
        yield
    finally:
        _chosen = before


def use_mirror(
    *directories: str | os.PathLike[str], rules: Mapping[str, str] | None = None
) -> contextlib.AbstractContextManager[None]:
    """Read from mirrors from now on, or within a ``with`` block.

    The setting is of the process and wins over EMCATALOG_MIRROR. It is looked at when
    a volume is opened: a volume keeps the mirrors it was opened with, also in another
    process. Without arguments no mirror is used. Raises OptionError for a directory
    that does not exist.

    >>> with use_mirror(rules={"https://a.org/": "http://localhost:8000/"}):
    ...     current_mirrors().resolve("https://a.org/x")
    'http://localhost:8000/x'
    """
    global _chosen
    roots = _of_directories(os.fspath(d) for d in directories).roots
    before, _chosen = _chosen, Mirrors(roots, tuple((rules or {}).items()))
    return _restoring(before)


def _of_directories(names: Iterable[str]) -> Mirrors:
    # those of pathlib raise for an unknown user and for a name that is too long
    roots = tuple(
        str(Path(os.path.expanduser(name)).absolute())  # noqa: PTH111
        for name in names
    )
    for root in roots:
        if not os.path.isdir(root):  # noqa: PTH112
            raise OptionError(
                got=f"the mirror {root}, which is not a directory",
                expected="a directory laid out by scheme, host and path",
                hint=f"emcatalog sample DIR writes one; unset {MIRROR_VARIABLE} to "
                "read from the public servers",
            )
    return Mirrors(roots)

"""Where the files of a store lie: in a folder, in a zip file, or told in one place.

Consolidated metadata (``.zmetadata`` of Zarr v2) answer for files that a server does
not have, or does not hand out.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from emcatalog.chunked import child, folder, kvstore, local_path, zipped
from emcatalog.errors import (
    AccessDeniedError,
    ContentError,
    FormatError,
    NotFoundError,
    TransportError,
    UnreachableError,
)
from emcatalog.json_text import parsed, shown
from emcatalog.transport import Transport
from emcatalog.transport.archive import Archive
from emcatalog.transport.sums import Sums

METADATA_LIMIT = 16 * 2**20
METADATA_FILES = (
    "zarr.json", ".zattrs", ".zarray", ".zgroup", ".zmetadata", "attributes.json",
)  # fmt: skip
_ZIP = re.compile(r"(?i)\.(?:zip|ozx)(?=/|$|\|zip:)")
"""Where a zip file ends in a URL; Neuroglancer and TensorStore go on with ``|zip:``."""


@dataclass(frozen=True)
class Store:
    """A folder with everything below it, after mirrors.

    ``url`` is named in errors. ``archive`` is the zip file that holds the store, and
    ``inside`` the folder in it, empty or with a slash at its end. ``told`` are
    consolidated metadata: JSON by path.
    """

    url: str
    transport: Transport
    archive: Archive | None = None
    inside: str = ""
    told: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def json(self, path: str) -> Mapping[str, Any]:
        """The JSON object in the file ``path``.

        Raises a TransportError if it cannot be had, ContentError for HTML, and
        FormatError for anything else that is no JSON object.
        """
        place = child(self.url, path)
        if path in self.told:
            members = self.told[path]
        else:
            members = parsed(
                self._text(path, place),
                "metadata of Zarr or N5, in JSON",
                "the file is damaged: fetch it again, or ask its keeper",
                place,
            )
        if not isinstance(members, dict):
            raise FormatError(entry=place, got=shown(members), expected="a JSON object")
        return members

    def kvstore(self, path: str) -> dict[str, Any]:
        """TensorStore's key-value store of the folder ``path``."""
        if self.archive is None:
            return kvstore(child(self.url, path), self.transport)
        return zipped(self.archive.url, self.transport, self._inner(path))

    def sums(self, path: str) -> Sums | None:
        """Checksums of what lies below ``path``; None outside of zip files."""
        if self.archive is None:
            return None
        sums = Sums(self.archive.url, self.transport, self._inner(path))
        sums.remember(self.archive)
        return sums

    def _inner(self, path: str) -> str:
        """The folder ``path`` as the zip file names it."""
        return folder(f"{self.inside}{path}") if path else self.inside

    def check_chunks(self, path: str, most: int) -> None:
        """Raise FormatError for a chunk below ``path`` that inflates to too much.

        TensorStore inflates members of a zip file whole, so none may be much larger
        than ``most``, the bytes of the voxels that it holds.
        """
        if self.archive is None:
            return
        inside = self._inner(path)
        for info in self.archive.members.values():
            name = info.filename
            if name.startswith(inside) and info.file_size > 4 * most + METADATA_LIMIT:
                raise FormatError(
                    entry=child(self.url, path),
                    got=f"a chunk {name[:200]!r} of {info.file_size} bytes",
                    expected=f"about {most} bytes, as its voxels have",
                    hint="the zip file is damaged, or not of this volume",
                )

    def held(self, names: Sequence[str]) -> frozenset[str]:
        """Which of ``names`` are there, if that can be told without a request.

        A mirror that holds some of a folder's metadata holds all there is, so the
        server need not be asked for the rest, and reading works without a network.
        Raises AccessDeniedError for a local folder that is not to be entered.
        """
        if self.archive is not None:
            members = self.archive.members
            return frozenset(n for n in names if f"{self.inside}{n}" in members)
        root = self.root()
        try:
            return frozenset(n for n in names if root and (root / n).is_file())
        except PermissionError as error:
            raise AccessDeniedError(
                entry=self.url,
                got="a folder that is not to be entered: no permission",
                expected="a folder whose files can be read",
                hint="chmod u+x makes one of your own enterable",
            ) from error
        except OSError:  # a name that no file can have
            return frozenset()

    def root(self) -> Path | None:
        """The local folder; None for a zip file or a remote place."""
        if self.archive is not None:
            return None
        return local_path(self.url, self.transport)

    def below(self, path: str) -> Store:
        """The folder ``path`` of this store; FormatError if it lies outside."""
        url = folder(child(self.url, path))
        inside = f"{self.inside}{path.strip('/')}/"
        return replace(self, url=url, inside=inside, told={})

    def consolidated(self) -> Store:
        """This store with the ``.zmetadata`` of its folder; raises as `json` does."""
        told = self.json(".zmetadata").get("metadata")
        return replace(self, told=told if isinstance(told, dict) else {})

    def _text(self, path: str, place: str) -> bytes:
        if self.archive is not None:
            return self.archive.read(f"{self.inside}{path}", METADATA_LIMIT)
        kind = "application/json"
        return self.transport.read(place, limit=METADATA_LIMIT, kind=kind)


def open_store(url: str, transport: Transport) -> Store:
    """The store at ``url``: a folder, or a zip file, or a folder inside of one.

    A zip file holds the store at its root or in its only folder. Raises FormatError
    for a zip file that is damaged or not readable as it stands.
    """
    path, mark, query = url.partition("?") if "://" in url else (url, "", "")
    for found in _ZIP.finditer(path):
        place = f"{path[: found.end()]}{mark}{query}"
        local = local_path(place, transport)
        if local is None or not os.path.isdir(local):  # noqa: PTH112 - never raises
            inner = path[found.end() :].removeprefix("|zip:").strip("/")
            if path.startswith(("http://", "https://", "file://")):
                inner = unquote(inner)
            return _zipped(place, url, inner, transport)
    return Store(folder(url), transport)


def _zipped(place: str, url: str, inner: str, transport: Transport) -> Store:
    try:
        archive = Archive.open(place, transport)
    except TransportError as error:
        # a folder may be called so
        if inner and not isinstance(error, UnreachableError | AccessDeniedError):
            return Store(folder(url), transport)
        raise
    archive.check()
    return Store(folder(url), transport, archive, _inside(archive, inner))


def _inside(archive: Archive, inner: str) -> str:
    """The folder ``inner`` of the zip file, or of the only folder at its top."""
    inner = f"{inner}/" if inner else ""
    names = [n for n in archive.names() if not n.startswith("__MACOSX/")]
    tops = {name.partition("/")[0] for name in names}
    if inner and any(name.startswith(inner) for name in names):
        return inner
    if len(tops) != 1 or any("/" not in name for name in names):
        return inner
    return f"{tops.pop()}/{inner}"


def refuse_database(store: Store) -> None:
    """Raise FormatError for an OCDBT database, which has no files of its own."""
    if store.held(["manifest.ocdbt"]):
        raise FormatError(
            entry=store.url,
            got="an OCDBT database of TensorStore",
            expected="a folder or a zip file of Zarr or N5",
            hint="copy it to a folder: tensorstore.KvStore.experimental_copy_range_to",
        )


REFUSALS = (NotFoundError, AccessDeniedError, ContentError)
"""What servers answer for a file that is not there."""

"""Files that belong together: an OME-TIFF whose planes lie in several files.

Only files in the folder of the one that was opened are looked for, by their plain
names; and of those just the ones that have planes of the chosen channel and time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO, Any, cast
from urllib.parse import quote

from tifffile import TiffFile, TiffPage

from emcatalog.errors import EmcatalogError, FormatError
from emcatalog.transport import Transport
from emcatalog_tiff.chain import read_pages
from emcatalog_tiff.damage import told_as_damage
from emcatalog_tiff.header import BLOCK, HeaderFile
from emcatalog_tiff.hyperstack import Elsewhere, Plane

_ESCAPED = ("http://", "https://", "ftp://", "file://")
_FOREIGN = ("stk", "lsm", "fluoview", "scanimage", "ndpi", "eer", "mdgel")
"""Kinds of TIFF whose pages mean something else; they are told apart by the pages."""


def opened(file: HeaderFile, name: str) -> TiffFile:
    """``file`` for tifffile, which shall not interpret what its pages mean."""
    flags: dict[str, Any] = {f"is_{kind}": False for kind in _FOREIGN}
    with told_as_damage(file.name, "a TIFF"):
        return TiffFile(cast(IO[bytes], file), name=name, **flags)


def sibling(url: str, name: str) -> str:
    """Where the file ``name`` of the same folder lies.

    Raises FormatError for a name that leads out of the folder.

    >>> sibling("https://a.org/set/a 1.ome.tif", "a 2.ome.tif")
    'https://a.org/set/a%202.ome.tif'
    """
    if not name or name.startswith(".") or set(name) & set("/\\\0"):
        raise FormatError(
            got=f"planes in a file called {name!r}",
            expected="the plain name of a file in the same folder",
            hint="name the files of the set as a list or a pattern",
        )
    place, query, _ = url.partition("?") if url.startswith(_ESCAPED) else (url, "", "")
    if query:
        raise FormatError(
            got=f"planes in another file ({name}), and a URL with a query",
            expected="a URL whose folder is known",
            hint="name the files of the set as a list",
        )
    folder, slash, _ = place.rpartition("/")
    return folder + slash + (quote(name) if url.startswith(_ESCAPED) else name)


def gathered(
    chosen: Sequence[Plane | Elsewhere], url: str, transport: Transport | None
) -> tuple[Plane, ...]:
    """The planes with those of other files looked up; each file is opened once.

    Without ``transport`` (one file of a series) there is no looking up. Raises
    FormatError for a plane that is not where the description says, and what opening
    the other file raises.
    """
    names = list(dict.fromkeys(p.name for p in chosen if isinstance(p, Elsewhere)))
    if names and transport is None:
        raise FormatError(
            got=f"planes in other files, such as {names[0]}",
            expected="all planes in one file, in a series of files",
            hint="open this file alone: its description names the others",
        )
    if not names or transport is None:
        return tuple(p for p in chosen if isinstance(p, Plane))
    places = [sibling(url, name) for name in names]
    found = transport.map(lambda place: _pages(place, transport), places)
    files = dict(zip(names, found, strict=True))
    return tuple(
        _looked_up(p, *files[p.name]) if isinstance(p, Elsewhere) else p for p in chosen
    )


def _looked_up(plane: Elsewhere, file: HeaderFile, pages: list[TiffPage]) -> Plane:
    if not 0 <= plane.page < len(pages):
        raise FormatError(
            entry=file.name,
            got=f"{len(pages)} pages",
            expected=f"page {plane.page}, which a file of its set names",
            hint="the file is incomplete, or another one of the same name",
        )
    return Plane(pages[plane.page], 0, file)


def _pages(url: str, transport: Transport) -> tuple[HeaderFile, list[TiffPage]]:
    file = HeaderFile(transport.reader(url, BLOCK), transport.size(url))
    try:
        with opened(file, url.rpartition("/")[2]) as tiff:
            return file, read_pages(tiff, file, None)
    except EmcatalogError as error:
        raise error.about(url) from error.__cause__

"""What lies at a URL: a group or an array of Zarr v2, Zarr v3 or N5."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

from emcatalog.chunked import child, local_path
from emcatalog.errors import (
    AccessDeniedError,
    ContentError,
    FormatError,
    NotFoundError,
    TransportError,
)
from emcatalog.transport import Transport
from emcatalog_ngff.model import shown

Flavour = Literal["zarr2", "zarr3", "n5"]
METADATA_LIMIT = 16 * 2**20
SEARCHED = 200


METADATA_FILES = ("zarr.json", ".zattrs", ".zarray", "attributes.json")


@dataclass(frozen=True)
class Node:
    """What was found. ``array`` is the array's metadata, None for a group."""

    flavour: Flavour
    attributes: Mapping[str, Any]
    array: Mapping[str, Any] | None


def read_json(url: str, path: str, transport: Transport) -> Mapping[str, Any]:
    """The JSON object in the file ``path`` of the folder ``url``.

    Raises a TransportError if it cannot be had, ContentError for HTML, and
    FormatError for anything else that is no JSON object.
    """
    place = child(url, path)
    text = transport.read(place, limit=METADATA_LIMIT, kind="application/json")
    if text.lstrip()[:1] == b"<":
        raise ContentError(
            entry=place,
            got="an HTML page",
            expected="JSON",
            hint="the server may want a login: open the URL in a browser",
        )
    try:
        members = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FormatError(
            entry=place,
            got=f"text that is not JSON ({error})",
            expected="metadata of Zarr or N5",
            hint="the file is damaged: fetch it again, or ask its keeper",
        ) from error
    if not isinstance(members, dict):
        raise FormatError(entry=place, got=shown(members), expected="a JSON object")
    return members


def probe(url: str, transport: Transport) -> Node:
    """Find out what ``url`` is, in one to four small requests.

    A refusal (403) for one file does not end the search, because some servers refuse
    what does not exist. Raises NotFoundError if nothing is there, or what the server
    said if it refused.
    """
    failures: list[TransportError] = []
    held = held_here(url, METADATA_FILES, transport)

    def tried(path: str) -> Mapping[str, Any] | None:
        if held and path not in held:
            return None
        try:
            return read_json(url, path, transport)
        except (NotFoundError, AccessDeniedError, ContentError) as error:
            failures.append(error)
            return None

    ways = [_zarr3, _zarr2, _n5]
    if ".n5" in url.lower():
        ways = [_n5, _zarr3, _zarr2]
    for way in ways:
        if node := way(tried):
            return node
    failure = nothing_at(url, failures)
    if ways[0] is _n5 and isinstance(failure, NotFoundError):
        return Node("n5", {}, None)  # groups of N5 need no file
    raise failure


def held_here(url: str, names: Sequence[str], transport: Transport) -> frozenset[str]:
    """Which of ``names`` a local folder, or the mirror of a remote one, holds.

    A mirror that holds some of a folder's metadata holds all there is, so the server
    need not be asked for the rest, and reading works without a network.
    """
    root = local_path(url, transport)
    return frozenset(n for n in names if root and (root / n).is_file())


def _zarr3(tried: Any) -> Node | None:
    members = tried("zarr.json")
    if members is None:
        return None
    attributes = members.get("attributes")
    attributes = attributes if isinstance(attributes, dict) else {}
    is_array = members.get("node_type") == "array"
    return Node("zarr3", attributes, members if is_array else None)


def _zarr2(tried: Any) -> Node | None:
    attributes = tried(".zattrs")
    if attributes and "multiscales" in attributes:
        return Node("zarr2", attributes, None)
    array = tried(".zarray")
    if array is None and attributes is None:
        return None
    return Node("zarr2", attributes or {}, array)


def _n5(tried: Any) -> Node | None:
    members = tried("attributes.json")
    if members is None:
        return None
    return Node("n5", members, members if "dimensions" in members else None)


def nothing_at(url: str, failures: Sequence[TransportError] = ()) -> TransportError:
    """The failure that says most: a refusal, a web page, or that nothing is there."""
    for kind in (AccessDeniedError, ContentError):
        for error in failures:
            if isinstance(error, kind):
                return error
    return NotFoundError(
        entry=url,
        got="no zarr.json, .zattrs, .zarray or attributes.json",
        expected="a group or an array of OME-Zarr or N5",
        hint="check the spelling; the URL is that of the group which holds s0 or 0",
    )


def no_image(url: str, node: Node, transport: Transport) -> FormatError:
    """The error for a group that says nothing of an image, with a way on."""
    found = sorted(node.attributes)[:8]
    inside = list(_images_below(url, transport))
    if inside:
        hint = f"its subgroups {', '.join(inside)} have one: add one of them to the URL"
    else:
        hint = "the URL must be that of the multiscale group, which holds s0 or 0"
    return FormatError(
        entry=url,
        got=f"a {node.flavour} group without multiscales (attributes: {found})",
        expected="a multiscale image, or an array",
        hint=hint,
    )


def _images_below(url: str, transport: Transport) -> Iterator[str]:
    """Up to five multiscale groups below a local folder; none for remote ones."""
    root = local_path(url, transport)
    if root is None or not root.is_dir():
        return
    queue, found = [root], 0
    for _ in range(SEARCHED):
        if not queue or found == 5:
            return
        folder = queue.pop(0)
        with suppress(OSError):
            entries = sorted(folder.iterdir())
            queue += [e for e in entries if e.is_dir() and not e.name.isdecimal()]
        for name in (".zattrs", "zarr.json", "attributes.json"):
            file = folder / name
            with suppress(OSError):
                if (
                    file.stat().st_size < 2**20
                    and b'"multiscales"' in file.read_bytes()
                ):
                    found += 1
                    yield str(folder.relative_to(root))
                    break

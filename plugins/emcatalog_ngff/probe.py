"""What lies at a URL: a group or an array of Zarr v2, Zarr v3 or N5."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from emcatalog.errors import (
    AccessDeniedError,
    ContentError,
    NotFoundError,
    TransportError,
)
from emcatalog_ngff.store import METADATA_FILES, REFUSALS, Store, refuse_database

Flavour = Literal["zarr2", "zarr3", "n5"]


@dataclass(frozen=True)
class Node:
    """What was found. ``array`` is the array's metadata, None for a group.

    ``store`` is where levels are looked for; it may know consolidated metadata. ``raw``
    is the JSON that was read, by the names of the files.
    """

    flavour: Flavour
    attributes: Mapping[str, Any]
    array: Mapping[str, Any] | None
    store: Store
    raw: Mapping[str, object] = field(default_factory=dict, repr=False)


def probe(store: Store) -> Node:
    """Find out what ``store`` is, in one to five small requests.

    A refusal (403) for one file does not end the search, because some servers refuse
    what does not exist. Raises NotFoundError if nothing is there, or what the server
    said if it refused.
    """
    ways = [_zarr3, _zarr2, _n5]
    if ".n5" in store.url.lower():
        ways = [_n5, _zarr3, _zarr2]
    asking = _Asking(store, [], store.held(METADATA_FILES))
    for way in (*ways, _consolidated):
        if node := way(asking):
            return node
    if ".zgroup" in asking.held and not asking.failures:
        return Node("zarr2", {}, None, store)
    refuse_database(store)
    failure = nothing_at(store.url, asking.failures)
    if ways[0] is _n5 and isinstance(failure, NotFoundError):
        return Node("n5", {}, None, store)  # groups of N5 need no file
    raise failure


@dataclass(frozen=True)
class _Asking:
    """Files of a store that are tried in turn, and what was said of those not had."""

    store: Store
    failures: list[TransportError]
    held: frozenset[str]

    def json(self, path: str) -> Mapping[str, Any] | None:
        if self.held and path not in self.held:
            return None
        try:
            return self.store.json(path)
        except REFUSALS as error:
            self.failures.append(error)
            return None

    def node(
        self,
        flavour: Flavour,
        attributes: object,
        array: Mapping[str, Any] | None,
        raw: Mapping[str, object],
    ) -> Node:
        told = attributes if isinstance(attributes, dict) else {}
        read = {name: members for name, members in raw.items() if members is not None}
        return Node(flavour, told, array, self.store, read)


def _zarr3(asking: _Asking) -> Node | None:
    members = asking.json("zarr.json")
    if members is None:
        return None
    is_array = members.get("node_type") == "array"
    attributes = members.get("attributes")
    array = members if is_array else None
    return asking.node("zarr3", attributes, array, {"zarr.json": members})


def _zarr2(asking: _Asking) -> Node | None:
    attributes = asking.json(".zattrs")
    if attributes and "multiscales" in attributes:
        return asking.node("zarr2", attributes, None, {".zattrs": attributes})
    array = asking.json(".zarray")
    if array is None and attributes is None:
        return None
    read = {".zattrs": attributes, ".zarray": array}
    return asking.node("zarr2", attributes, array, read)


def _consolidated(asking: _Asking) -> Node | None:
    """Zarr v2 of which only ``.zmetadata`` can be had."""
    if asking.json(".zmetadata") is None:
        return None
    store = asking.store.consolidated()
    return _zarr2(_Asking(store, [], frozenset(store.told)))


def _n5(asking: _Asking) -> Node | None:
    members = asking.json("attributes.json")
    if members is None:
        return None
    array = members if "dimensions" in members else None
    return asking.node("n5", members, array, {"attributes.json": members})


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

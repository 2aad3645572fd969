"""What a folder holds: files by their first bytes and suffix, stores by their metadata.

Nothing is opened beyond the first bytes of files and the JSON of stores. Links to
folders are not followed, so that a loop of links ends.
"""

from __future__ import annotations

import contextlib
import os
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from benchmarks.real_files.file_kinds import file_kind
from benchmarks.real_files.findings import UNREADABLE, Item, Stored
from benchmarks.real_files.series import series
from benchmarks.real_files.stored import (
    DAMAGED_ZIP,
    Place,
    is_there,
    n5_array,
    ome_group,
    read_object,
    read_whole,
    scale_keys,
    zarr_array,
)

DRIVERS = {
    "DM": "dm3", "TIFF": "tiff", "picture": "images", "Zarr": "ngff",
    "OME-Zarr": "ngff", "N5": "ngff", "precomputed": "precomputed",
}  # fmt: skip
"""Which driver reads which kind."""

ZARR_FILES = (".zarray", ".zgroup", ".zattrs", "zarr.json")
STORE_FILES = (*ZARR_FILES, "attributes.json", "info")
ALL = {"*"}
_CHUNK = re.compile(r"c?([./]?[0-9]+)*")


def discover(root: Path, drivers: Mapping[str, str] | None = None) -> list[Item]:
    """Everything below ``root``, or the one file or store that it is.

    ``drivers`` are those that are installed, by kind; a kind without one is no volume
    format. Items are in the order of their paths.
    """
    found = _Walk(root, DRIVERS if drivers is None else drivers)
    return sorted(found.items(), key=lambda item: (item.path, item.kind))


class _Walk:
    """One walk through a folder."""

    def __init__(self, root: Path, drivers: Mapping[str, str]) -> None:
        self._alone = not root.is_dir()
        self._top = root.parent if self._alone else root
        self._start, self._drivers = root, drivers

    def items(self) -> Iterator[Item]:
        if self._alone:
            yield self._file(self._start)
        else:
            yield from self._folder(self._start)

    def _item(self, place: Path, kind: str, why: str = "") -> Item:
        """An item; without a reason why not, the driver of its kind reads it."""
        path = place.relative_to(self._top).as_posix()
        driver = "" if why else self._drivers.get(kind, "")
        if not driver:
            why = why or f"{kind}: no driver for it is installed"
        return Item(self._top, path, kind, driver, (str(place),), why)

    def _folder(self, folder: Path) -> Iterator[Item]:
        try:
            entries = sorted(os.scandir(folder), key=lambda e: e.name)
        except OSError as error:
            yield self._item(folder, UNREADABLE, f"cannot be listed: {error.strerror}")
            return
        # a folder, a pipe or a lost link of such a name tells nothing of a store
        names = {e.name for e in entries if e.name in STORE_FILES and is_there(e)}
        below: set[str] = set()
        if names:
            store, below = self._store(folder, names)
            yield from store
        files = []
        for entry in entries:
            place = folder / entry.name
            if entry.is_dir(follow_symlinks=False):
                if below is not ALL and entry.name not in below:
                    yield from self._folder(place)
            elif entry.name not in names and not (
                below is ALL and _CHUNK.fullmatch(entry.name)
            ):
                files.append(self._file(place))
        yield from files
        yield from series(files)

    def _store(self, folder: Path, names: set[str]) -> tuple[list[Item], set[str]]:
        """The items that a folder with metadata is, and folders that hold its chunks.

        ``ALL`` stands for everything: nothing below an array is looked at.
        """
        found = []
        for kind, files, look in (
            ("Zarr", set(ZARR_FILES), _zarr),
            ("N5", {"attributes.json"}, _n5),
        ):
            what, stored = look(folder) if names & files else ("", None)
            if what == "array" and stored:
                return [replace(self._item(folder, kind), stored=stored)], ALL
            if what == "image" and stored:
                name = "OME-Zarr" if kind == "Zarr" else kind
                found.append(replace(self._item(folder, name), stored=stored))
            elif what == "damaged":  # the driver has to say so
                found.append(self._item(folder, kind))
            elif what and not found:
                why = f"{kind}: a group without an image of its own"
                found.append(self._item(folder, kind, why))
        if "info" not in names:
            return found, set()
        keys = scale_keys(read_object(folder / "info"))
        item = self._item(folder, "precomputed")
        below = {key.split("/")[0] for key in keys}
        return [*found, replace(item, stored=Stored(paths=keys))], below

    def _file(self, place: Path) -> Item:
        kind, why = file_kind(place, self._drivers)
        item = self._item(place, kind, why)
        if kind == "OME-Zarr":  # in a zip file
            with contextlib.suppress(OSError, ValueError, *DAMAGED_ZIP):
                _, stored = _zarr(zipfile.Path(place))
                return replace(item, stored=stored or Stored())
        return item


def _zarr(folder: Place) -> tuple[str, Stored | None]:
    """What a folder with metadata of Zarr is: ``array``, ``image`` or ``group``.

    It is ``damaged`` if it is none that can be told, and a file that should hold a
    JSON object holds none.
    """
    members = read_object(folder / "zarr.json")
    attributes = members.get("attributes") or read_object(folder / ".zattrs")
    attributes = attributes if isinstance(attributes, dict) else {}
    array = read_object(folder / ".zarray")
    if members.get("node_type") == "array":
        array = members
    if array or is_there(folder / ".zarray"):
        return "array", zarr_array(array, attributes)
    image = ome_group(attributes)
    if image:
        return "image", image
    if None in [read_whole(folder / name) for name in ZARR_FILES]:
        return "damaged", None
    is_group = "zarr_format" in {*members, *read_object(folder / ".zgroup")}
    return "group" if is_group else "", None


def _n5(folder: Path) -> tuple[str, Stored | None]:
    """What a folder with ``attributes.json`` is, in the same words."""
    members = read_whole(folder / "attributes.json")
    if members is None:
        return "damaged", None
    if "dimensions" in members and "dataType" in members:
        return "array", n5_array(members)
    told = {"multiscales", "scales", "downsamplingFactors", "multiScale"}
    if told & set(members) or is_there(folder / "s0/attributes.json"):
        return "image", Stored()
    return "group", None

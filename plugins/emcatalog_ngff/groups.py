"""Groups that hold several images and are none: plates, wells, series, labels.

Written from the OME-NGFF specification, versions 0.1 to 0.6. They are refused with the
paths of their images; a series of exactly one image, as bioformats2raw writes a file
with one image, is that image.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from emcatalog.errors import EmcatalogError, FormatError
from emcatalog_ngff.ome import attributes_of_ome
from emcatalog_ngff.probe import Node
from emcatalog_ngff.store import REFUSALS

SEARCHED = 200
SHOWN = 8


def only_image(node: Node) -> str | None:
    """The path of the single image of a ``bioformats2raw.layout``, else None."""
    told = attributes_of_ome(node.attributes)
    if "bioformats2raw.layout" not in told or "plate" in told:
        return None
    paths = _series(node)
    return paths[0] if len(paths) == 1 else None


def no_image(node: Node) -> FormatError:
    """The error for a group that says nothing of an image, with a way on."""
    told = attributes_of_ome(node.attributes)
    kind, paths = _collected(node, told)
    if kind:
        return FormatError(
            entry=node.store.url,
            got=f"{kind} of {len(paths)}: {_listed(paths)}",
            expected="one image",
            hint=f"add the path of one to the URL, such as {paths[0]}"
            if paths
            else "add the path of an image to the URL",
        )
    inside = list(_images_below(node))
    hint = "the URL must be that of the multiscale group, which holds s0 or 0"
    if inside:
        hint = f"its subgroups {', '.join(inside)} have one: add one of them to the URL"
    return FormatError(
        entry=node.store.url,
        got=f"a {node.flavour} group without multiscales "
        f"(attributes: {sorted(node.attributes)[:SHOWN]})",
        expected="a multiscale image, or an array",
        hint=hint,
    )


def _collected(node: Node, told: Mapping[str, Any]) -> tuple[str, list[str]]:
    """What kind of collection a group is, and the paths of its images."""
    if "plate" in told:
        return "a plate with wells", [
            f"{well}/0" for well in _paths(told["plate"], "wells")
        ]
    if "well" in told:
        return "a well with fields of view", _paths(told["well"], "images")
    if "bioformats2raw.layout" in told:
        return "a series of images", _series(node)
    if "labels" in told:
        return "a group of label images", _strings(told["labels"])
    if "scene" in told:
        return "a scene of images", _paths(told["scene"], "images")
    return "", []


def _series(node: Node) -> list[str]:
    """Paths of the images of a bioformats2raw series: told, or numbered from 0 on."""
    name = "OME/zarr.json" if node.flavour == "zarr3" else "OME/.zattrs"
    with suppress(*REFUSALS, FormatError):
        members = node.store.json(name)
        inside = members.get("attributes") if node.flavour == "zarr3" else members
        told = attributes_of_ome(inside) if isinstance(inside, dict) else {}
        if paths := _strings(told.get("series")):
            return paths
    return list(_numbered(node))


def _numbered(node: Node) -> Iterator[str]:
    file = "zarr.json" if node.flavour == "zarr3" else ".zattrs"
    for i in range(SHOWN):
        try:
            node.store.json(f"{i}/{file}")
        except EmcatalogError:
            return
        yield str(i)


def _paths(value: object, member: str) -> list[str]:
    rows = value.get(member) if isinstance(value, dict) else None
    rows = rows if isinstance(rows, list) else []
    return _strings([row.get("path") for row in rows if isinstance(row, dict)])


def _strings(value: object) -> list[str]:
    rows = value if isinstance(value, list) else []
    return [row.strip("/")[:200] for row in rows if isinstance(row, str) and row]


def _listed(paths: list[str]) -> str:
    more = ", ..." if len(paths) > SHOWN else ""
    return ", ".join(paths[:SHOWN]) + more


def _images_below(node: Node) -> Iterator[str]:
    """Up to five multiscale groups below a local folder; none for remote ones."""
    root = node.store.root()
    if root is None or not os.path.isdir(root):  # noqa: PTH112 - never raises
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
                # of a pipe there may be no end
                is_small = file.is_file() and file.stat().st_size < 2**20
                if is_small and b'"multiscales"' in file.read_bytes():
                    found += 1
                    yield str(folder.relative_to(root))
                    break

"""The JSON of an image as it was read: that of its group and of each level."""

from __future__ import annotations

from collections.abc import Mapping

from emcatalog_ngff.probe import Node
from emcatalog_ngff.pyramid import Levels

FILES = {"zarr2": ".zarray", "zarr3": "zarr.json", "n5": "attributes.json"}
"""Where the metadata of an array lie, by the flavour of the store."""


def raw_json(node: Node, levels: Levels) -> Mapping[str, object]:
    """What each file says, by its path below the image: ``.zattrs``, ``s0/.zarray``.

    Consolidated metadata repeat those of each array: they are left out.
    """
    image, arrays = levels
    name = FILES[node.flavour]
    pairs = zip(image.levels, arrays, strict=True)
    raw = {**node.raw, **{f"{v.path}/{name}": a.raw for v, a in pairs if v.path}}
    group = raw.get("zarr.json")
    if isinstance(group, dict) and "consolidated_metadata" in group:
        raw["zarr.json"] = {**group, "consolidated_metadata": "<left out>"}
    return raw

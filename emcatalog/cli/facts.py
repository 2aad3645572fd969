"""What is known of catalog entries, as plain values to be shown or written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from emcatalog.catalog import VolumeCatalog, entries
from emcatalog.cli.arguments import source_of
from emcatalog.driver import VolumeSource, attributes
from emcatalog.driver.array import voxel_size_source
from emcatalog.errors import EmcatalogError
from emcatalog.mirror import Mirrors, current_mirrors
from emcatalog.volume import Volume


@dataclass(frozen=True)
class Entry:
    """One entry of a catalog, as its YAML tells."""

    name: str
    driver: str
    description: str
    parameters: tuple[dict[str, Any], ...]
    in_mirror: bool | None
    """Whether the active mirror holds it, with default parameters; None without one."""

    @property
    def group(self) -> str:
        """Name of the nested catalog that it is in, or nothing."""
        return self.name.rpartition(".")[0]

    def as_json(self) -> dict[str, Any]:
        """The same as a dictionary."""
        return asdict(self)


def catalog_entries(catalog: VolumeCatalog) -> list[Entry]:
    """Every entry, nested ones included; opens none."""
    mirrors = current_mirrors()
    found = []
    for name, entry in entries(catalog):
        held = _held(catalog, name, mirrors) if mirrors.roots else None
        found.append(_entry(name, entry.describe(), held))
    return found


def _entry(name: str, facts: dict[str, Any], held: bool | None) -> Entry:
    drivers = facts["driver"]
    return Entry(
        name=name,
        driver=str(drivers[0]) if drivers else "not installed",
        description=str(facts.get("description") or ""),
        parameters=tuple(_parameter(p) for p in facts["user_parameters"]),
        in_mirror=held,
    )


def _parameter(facts: dict[str, Any]) -> dict[str, Any]:
    wanted = ("name", "type", "default", "allowed", "min", "max", "description")
    return {key: facts[key] for key in wanted if facts.get(key) not in (None, "")}


def _held(catalog: VolumeCatalog, name: str, mirrors: Mirrors) -> bool:
    try:
        source = source_of(catalog, name)
    except EmcatalogError:
        return False
    places = list(urls(source))
    return bool(places) and all("://" not in mirrors.resolve(url) for url in places)


def urls(source: VolumeSource) -> Iterator[str]:
    """Where a source lies: its ``urlpath``, up to the first wildcard or brace."""
    given = source.options.get("urlpath", "")
    for url in [given] if isinstance(given, str) else list(given):
        plain = re.split(r"[*?{\[]", url, maxsplit=1)[0]
        yield plain if plain == url else plain.rpartition("/")[0]


def described(source: VolumeSource) -> dict[str, Any]:
    """What opening a source tells: levels, attributes, claims and conflicts.

    Reads metadata only. Sizes and voxel sizes are in z, y, x order and nanometres.
    """
    pyramid, level = source.pyramid, source.level_index
    record = pyramid.record
    return {
        "level": level,
        "levels": [_level(n, volume) for n, volume in enumerate(pyramid.levels)],
        "voxel_size_source": voxel_size_source(record),
        "attrs": attributes(pyramid, level),
        "claims": [asdict(claim) for claim in record.claims],
        "conflicts": [asdict(claim) for claim in record.conflicts()],
    }


def _level(number: int, volume: Volume) -> dict[str, Any]:
    grid, dtype = volume.grid, volume.dtype
    return {
        "level": number,
        "shape": list(grid.shape),
        "voxel_size_nm": list(grid.voxel_size),
        "origin_nm": list(grid.origin),
        "extent_nm": list(grid.extent),
        "dtype": str(dtype),
        "chunks": list(volume.chunks),
        "bytes": grid.region.size * dtype.itemsize,
    }

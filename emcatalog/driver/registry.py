"""Drivers by name, through entry points: ours come through the same door as yours."""

from __future__ import annotations

import functools
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from emcatalog.driver.source import VolumeSource
from emcatalog.errors import UnknownNameError, suggest
from emcatalog.transport import Transport
from emcatalog.volume import Pyramid

GROUP = "intake.drivers"


def driver(name: str) -> type[VolumeSource]:
    """The driver that is installed under ``name``.

    Raises UnknownNameError, with the nearest spelling, if there is none.
    """
    found = entry_points(group=GROUP, name=name)
    loaded = [_loaded(point) for point in found]
    ours = [kind for kind in loaded if issubclass(kind, VolumeSource)]
    if not ours:
        names = {point.name for point in entry_points(group=GROUP)}
        raise UnknownNameError(
            got=f"the driver {name!r}",
            expected="one that is installed",
            hint=suggest(name, names),
        )
    return ours[0]


@functools.lru_cache(maxsize=64)
def _loaded(point: EntryPoint) -> type:
    kind: type = point.load()
    return kind


def open_pyramid_with(
    name: str, urlpath: str | list[str], transport: Transport, **options: Any
) -> Pyramid:
    """Open ``urlpath`` with the driver ``name``, for a driver that builds on another.

    Raises UnknownNameError for a driver or an option that does not exist.
    """
    return driver(name).opened(transport, urlpath=urlpath, **options)

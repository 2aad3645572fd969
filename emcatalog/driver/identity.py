"""Where the data of a source lies, and a name for it that stays."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emcatalog.driver.options import known
from emcatalog.errors import OptionError, public

if TYPE_CHECKING:
    from emcatalog.driver.source import VolumeSource

DECLARED = frozenset({"urlpath", "voxel_size_nm"})
"""Options that do not choose among images: where they are, and what is said of them."""

FEW_PLACES = 4
"""More places than these are named by the first of them and a digest of all."""


def identity(kind: type[VolumeSource], options: Mapping[str, Any]) -> str:
    """Names the data that the driver ``kind`` opens with ``options``."""
    options_of = known(kind.open_pyramid)
    place = options.get("urlpath", options_of["urlpath"].default)
    chosen = (
        f"{name}={_written(value)}"
        for name, value in sorted(options.items())
        if name not in DECLARED and value != options_of[name].default
    )
    return " ".join((kind.name, *_places(place), *chosen))


def _places(place: str | list[str]) -> Iterator[str]:
    found = placed([place] if isinstance(place, str) else place)
    places = [_written(part) for part in found]
    if len(places) <= FEW_PLACES:
        yield from places
        return
    digest = hashlib.sha256("\n".join(places).encode("utf-8", "replace")).hexdigest()
    yield f"{places[0]} and {len(places) - 1} more, sha256:{digest[:16]}"


def _written(value: object) -> str:
    """An option as text; a URL without query, which may hold a secret."""
    text = public(str(value))
    return text.partition("?")[0] if "://" in text else text


def placed(urlpath: str | list[str]) -> str | list[str]:
    """Local paths made absolute: an array may be read after a change of directory."""
    if isinstance(urlpath, list):
        return [str(placed(part)) for part in urlpath]
    if not urlpath or not isinstance(urlpath, str) or "\0" in urlpath:
        raise OptionError(
            got=f"{urlpath!r} as urlpath", expected="a URL or a path, or a list of them"
        )
    if "://" in urlpath:
        return urlpath
    return str(Path(os.path.expanduser(urlpath)).absolute())  # noqa: PTH111 - ~x.tif

"""Options of a driver: known names, right types, or an error with a suggestion."""

from __future__ import annotations

import inspect
import math
import os
import types
from collections.abc import Callable, Mapping
from typing import Any, Union, get_args, get_origin, get_type_hints

import numpy as np
import yaml

from emcatalog.errors import OptionError, UnknownNameError, suggest

FACE = {
    "level": "resolution level: 0 is the finest, -1 the coarsest",
    "voxel_nm": "choose the level by its voxel size in nanometres",
    "storage_options": "options of fsspec for the protocol of the URL",
    "metadata": "what the catalog's author knows of the data",
}
"""Options that every driver has."""


FLOATS = 2**1023
"""Integers below it are floats."""


def known(opener: Callable[..., object]) -> dict[str, inspect.Parameter]:
    """Options of a driver's ``open_pyramid``, by name."""
    parameters = inspect.signature(opener).parameters
    return {n: p for n, p in parameters.items() if n != "transport"}


def checked(
    driver: str, opener: Callable[..., object], given: Mapping[str, Any]
) -> dict[str, Any]:
    """``given`` with each value of the type that the driver declares.

    Raises UnknownNameError for a name that the driver does not have, and OptionError
    for a missing or unfitting value.
    """
    parameters, hints = known(opener), get_type_hints(opener)
    for name in given:
        if name not in parameters:
            raise UnknownNameError(
                entry=f"driver {driver}",
                got=f"the option {name!r}",
                expected="one that it has",
                hint=suggest(name, {*parameters, *FACE}),
            )
    for name, parameter in parameters.items():
        if parameter.default is parameter.empty and given.get(name) is None:
            raise OptionError(
                entry=f"driver {driver}",
                got=f"no {name}",
                expected="where the data lies",
                hint=f"{name}: https://... in the args of the catalog entry",
            )
    return {
        name: coerce(driver, name, value, hints.get(name, Any))
        for name, value in given.items()
    }


def coerce(driver: str, name: str, value: Any, hint: Any) -> Any:
    """``value`` as a type of ``hint``; text from templates and shells is read as YAML.

    >>> coerce("tiff", "channel", "2", int | None)
    2
    """
    allowed = _types(hint)
    value = plain(value)
    if isinstance(value, str) and str not in allowed:
        value = _parsed(value)
    elif value == "" and type(None) in allowed:
        value = None
    if isinstance(value, int) and not isinstance(value, bool) and int not in allowed:
        # an integer that no float can hold stays one, and is refused below
        fits = float in allowed and abs(value) < FLOATS
        value = float(value) if fits else value
    if object not in allowed and type(value) not in allowed:
        names = " or ".join("null" if t is type(None) else t.__name__ for t in allowed)
        raise OptionError(
            entry=f"driver {driver}" if driver else "",
            got=f"{name}={_shown(value)}",
            expected=names,
            hint=f"write {name} as {names}",
        )
    return value


def _shown(value: object) -> str:
    try:
        return repr(value)
    except ValueError:  # Python writes no integers of thousands of digits
        return f"a value of type {type(value).__name__} with too many digits"


def plain(value: Any) -> Any:
    """``value`` as YAML knows it: paths are text, arrays and tuples are lists.

    >>> from pathlib import Path
    >>> plain({"urlpath": Path("a.tif"), "voxel_size_nm": (50, 8, np.float64(8))})
    {'urlpath': 'a.tif', 'voxel_size_nm': [50, 8, 8.0]}
    """
    if isinstance(value, Mapping):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def _parsed(text: str) -> Any:
    try:
        ensure_unfolded(text)
        return yaml.safe_load(text) if len(text) < 10_000 else text
    except (yaml.YAMLError, ValueError, LookupError, RecursionError):
        return text  # tags and dates that do not fit make yaml raise these


MOST_NODES = 100_000
"""Nodes of a YAML text, those that aliases repeat counted each time."""


def ensure_unfolded(text: str) -> None:
    r"""Raise yaml.YAMLError for aliases that make much of little, or of themselves.

    >>> ensure_unfolded("a: &a [1, 2]\nb: *a")
    """
    if "*" in text and _nodes(yaml.compose(text, yaml.SafeLoader), {}) > MOST_NODES:
        raise yaml.YAMLError(f"aliases that stand for more than {MOST_NODES} nodes")


def _nodes(node: Any, known: dict[int, float]) -> float:
    """Nodes below ``node``; infinitely many if it holds itself."""
    if id(node) not in known:
        known[id(node)] = math.inf
        value = node.value if isinstance(node, yaml.CollectionNode) else ()
        pairs = isinstance(node, yaml.MappingNode)
        parts = [part for pair in value for part in pair] if pairs else value
        known[id(node)] = 1 + sum(_nodes(part, known) for part in parts)
    return known[id(node)]


def _types(hint: Any) -> tuple[type, ...]:
    if hint is Any:
        return (object,)
    if get_origin(hint) in (Union, types.UnionType):
        return tuple(t for part in get_args(hint) for t in _types(part))
    origin = get_origin(hint)
    if isinstance(origin, type) and issubclass(origin, list | tuple):
        return (list,)
    if origin is dict:
        return (dict,)
    if origin is not None:  # Literal and the like: the driver checks the values
        return tuple({type(value) for value in get_args(hint)})
    return (hint,) if isinstance(hint, type) else (object,)

"""Which entries of a catalog have a row in the table.

An entry that is a template for siblings (any image of a server, by its number) is a
*family*: it describes no dataset until its parameters are given. It is known by a
parameter that may be anything and that chooses what is opened, not merely its level.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from emcatalog.catalog import VolumeCatalog, entries
from emcatalog.errors import UnknownNameError, suggest

_LEVELS = ("level", "voxel_nm")


@dataclass(frozen=True)
class Choice:
    """Names of the entries with a row, of the families left out, and of nested ones."""

    names: tuple[str, ...]
    families: tuple[str, ...] = ()
    nested: tuple[str, ...] = ()


def choose(
    catalog: VolumeCatalog, names: Sequence[str] = (), *, every: bool = False
) -> Choice:
    """The entries called ``names``; without any, those of the catalog itself.

    The name of a nested catalog stands for its volumes. ``every`` takes all entries,
    nested ones and families too. Raises UnknownNameError with a suggestion.
    """
    known = {name: entry.describe() for name, entry in entries(catalog)}
    if every and not names:
        return Choice(tuple(known))
    if names:
        found = dict.fromkeys(n for name in names for n in _called(name, known))
        return Choice(tuple(found))
    single = [name for name, facts in known.items() if not is_family(facts)]
    return Choice(
        tuple(name for name in single if "." not in name),
        tuple(name for name in known if name not in single),
        tuple(name for name in single if "." in name),
    )


def is_family(facts: Mapping[str, Any]) -> bool:
    """Whether an entry, as Intake describes it, is a template for siblings.

    >>> free = {"name": "url", "type": "str"}
    >>> is_family({"user_parameters": [free], "args": {"urlpath": "{{ url }}"}})
    True
    >>> is_family({"user_parameters": [free | {"allowed": ["a", "b"]}],
    ...            "args": {"urlpath": "{{ url }}"}})
    False
    """
    chosen = repr([v for k, v in facts["args"].items() if k not in _LEVELS])
    templates = " ".join(re.findall(r"\{[{%].*?[%}]\}", chosen))
    return any(
        not parameter.get("allowed")
        and re.search(rf"\b{re.escape(str(parameter['name']))}\b", templates)
        for parameter in facts["user_parameters"]
    )


def _called(name: str, known: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    inside = [n for n in known if n.startswith(f"{name}.")]
    if name in known:
        yield name
    elif inside:
        yield from (n for n in inside if not is_family(known[n]))
    else:
        raise UnknownNameError(
            entry="the catalog",
            got=f"the name {name!r}",
            expected="an entry of the catalog",
            hint=suggest(name, known),
        )

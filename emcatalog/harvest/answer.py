"""A document of an archive, read with distrust, and the claims that it makes.

Archives change their answers without notice, so nothing of a document is taken for
granted: what is absent is not claimed, and what is not as it should be becomes a claim
with a doubt.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode

from emcatalog.errors import public
from emcatalog.harvest.values import is_silent, tidy
from emcatalog.json_text import shown
from emcatalog.record import Claim, Source

Step = str | int
"""A member of an object by its name, or an item of an array by its number."""

MOST = 1000
"""Items of an array that are looked at."""

LONGEST_NAME = 100
"""Characters that are shown of the name of a member, and of a unit."""

_OPEN = {"type", "image", "project", "dataset", "screen", "plate", "well"}
"""Members of a query that name what is asked for; others may be secrets."""


@dataclass(frozen=True)
class Answer:
    """A parsed document, the URL that it came from, and the kind of source it is.

    >>> answer = Answer({"size": {"x": "20"}}, "https://a.org/1")
    >>> [(c.value, c.locator) for c in answer.tells("width", "size", "x")]
    [(20, 'https://a.org/1#size.x')]
    """

    document: object
    url: str
    source: Source = "api"

    def at(self, *path: Step) -> Any:
        """What stands at ``path``; None where nothing does."""
        found: object = self.document
        for step in path:
            if isinstance(found, Mapping) and isinstance(step, str):
                found = found.get(step)
            elif isinstance(found, list) and isinstance(step, int):
                found = found[step] if 0 <= step < len(found) else None
            else:
                return None
        return found

    def rows(self, *path: Step) -> Iterator[tuple[Step, ...]]:
        """Paths of the objects in the array or object at ``path``, `MOST` at most."""
        found = self.at(*path)
        names: list[Step] = []
        if isinstance(found, Mapping):
            names = [*itertools.islice(found, MOST)]
        elif isinstance(found, list):
            names = list(range(min(len(found), MOST)))
        for name in names:
            if isinstance(self.at(*path, name), Mapping):
                yield *path, name

    def text(self, *path: Step) -> str:
        """The text at ``path``; empty for all else."""
        found = self.at(*path)
        return tidy(found) if isinstance(found, str) else ""

    def texts(self, *path: Step) -> tuple[str, ...]:
        """The texts in the array at ``path``; one text stands for an array of it."""
        found = self.at(*path)
        items = found[:MOST] if isinstance(found, list) else [found]
        return tuple(t for item in items if isinstance(item, str) and (t := tidy(item)))

    def place(self, *path: Step) -> str:
        """Where ``path`` is, for people: the URL and the path."""
        return located(self.url, ".".join(str(step)[:LONGEST_NAME] for step in path))

    def tells(
        self,
        field: str,
        *path: Step,
        unit: str = "",
        read: Callable[[object], object] | None = None,
    ) -> tuple[Claim, ...]:
        """The claim that what stands at ``path`` makes, none where it is silent.

        ``read`` turns it into the value of the field; what it makes None is doubted.
        """
        found, place = self.at(*path), self.place(*path)
        if is_silent(found):
            return ()
        value = read(found) if read else found
        if value is None:
            return doubted(
                self.says(field, found, place, unit), f"{field} cannot be read from it"
            )
        return self.says(field, value, place, unit)

    def says(
        self, field: str, value: Any, place: str, unit: str = ""
    ) -> tuple[Claim, ...]:
        """A claim about ``field``, none for an empty value."""
        if is_silent(value):
            return ()
        unit = unit[:LONGEST_NAME]
        if isinstance(value, list | dict):
            claim = Claim(field, shown(value), self.source, place, unit)
            return doubted((claim,), "it is an array or object, and no value")
        told = tidy(value) if isinstance(value, str) else value
        return (Claim(field, told, self.source, place, unit).examined(),)


def located(url: str, path: str) -> str:
    """The locator of a claim: the URL without secrets, then the path in the document.

    >>> located("https://a.org/list/?type=map&image=3&key=x#part", "annotations.0")
    'https://a.org/list/?type=map&image=3#annotations.0'
    """
    place, _, query = public(url).partition("#")[0].partition("?")
    asked = [(name, value) for name, value in parse_qsl(query) if name in _OPEN]
    return f"{place}{'?' if asked else ''}{urlencode(asked)}#{path}"


def chosen(url: str) -> str:
    """What the fragment of ``url`` chooses of a document; empty for all of it.

    >>> chosen("https://a.org/table.csv#image%201.tif")
    'image 1.tif'
    """
    return unquote(url.partition("#")[2])


def doubted(claims: tuple[Claim, ...], doubt: str) -> tuple[Claim, ...]:
    """The claims with a doubt, unless they have one of their own."""
    return tuple(c if c.doubt else replace(c, doubt=doubt) for c in claims)

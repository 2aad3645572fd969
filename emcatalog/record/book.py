"""Record: all claims about one image, none of them lost."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from emcatalog.errors import UnknownNameError, suggest
from emcatalog.record.claim import Claim
from emcatalog.record.fields import FIELDS
from emcatalog.record.form import claims_of, written_claim
from emcatalog.record.judgement import Conflict, Explanation, judge, ranked
from emcatalog.record.values import Value


@dataclass(frozen=True)
class Record:
    """All claims about one image.

    Each claim is examined (`Claim.examined`) when the record is made: values come into
    the field's unit and terms, and what cannot be is doubted. Raises OptionError for
    what a catalog's author declares and cannot be.

    >>> record = Record((Claim("voxel_size_z", 50.0, "file", "SBFSEM", "nm"),
    ...                  Claim("voxel_size_z", 80.0, "catalog", unit="nm")))
    >>> record.value("voxel_size_z"), len(record.conflicts())
    (50.0, 1)
    """

    claims: tuple[Claim, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "claims", tuple(c.examined() for c in self.claims))

    @functools.cached_property
    def _by_field(self) -> Mapping[str, tuple[Claim, ...]]:
        found: dict[str, list[Claim]] = {}
        for claim in self.claims:
            found.setdefault(claim.field, []).append(claim)
        return {field: tuple(claims) for field, claims in found.items()}

    @property
    def fields(self) -> tuple[str, ...]:
        """Fields of which something is said, in the order of the vocabulary."""
        return tuple(field for field in FIELDS if field in self._by_field)

    def about(self, field: str) -> tuple[Claim, ...]:
        """Claims about ``field``, the most trusted first; doubted ones are last."""
        return ranked(field, self._by_field.get(field, ()))

    def winner(self, field: str) -> Claim | None:
        """The most trusted claim about ``field`` that is not doubted, if there is one.

        Of two that are trusted alike it is the first, or a narrower term than that.
        """
        first = next(iter(self.about(field)), None)
        return None if first is None or first.doubt else first

    def value(self, field: str) -> Value | None:
        """The value of the winner of ``field``; None if nothing is known."""
        claim = self.winner(field)
        return None if claim is None else claim.value

    def explain(self, field: str) -> Explanation:
        """Who says what about ``field``, and why the winner is believed.

        Raises UnknownNameError for what is no field.

        >>> record = Record((Claim("levels", 9, "file", "multiscales"),))
        >>> print(record.explain("levels"))
        levels: resolution levels
          is: 9 (file: multiscales)
          why: the data file says so, and no other claim differs
        """
        if field not in FIELDS:
            raise UnknownNameError(
                got=f"the field {field!r}",
                expected="a field of the vocabulary",
                hint=suggest(field, FIELDS),
            )
        return judge(field, self._by_field.get(field, ()))

    def conflicts(self) -> tuple[Conflict, ...]:
        """Fields about which claims disagree, in the order of the vocabulary.

        A number that is rounded to fewer digits does not disagree, nor does what only
        a convention says.
        """
        found = (self.explain(field).conflict for field in self.fields)
        return tuple(conflict for conflict in found if conflict)

    def doubts(self) -> tuple[Claim, ...]:
        """Claims that cannot be true as they stand; each has its ``doubt``."""
        return tuple(claim for claim in self.claims if claim.doubt)

    def with_claims(self, claims: Iterable[Claim]) -> Record:
        """The record with further claims."""
        return Record(self.claims + tuple(claims))

    def read_at(self, time: str) -> Record:
        """The record with ``time`` for what was read and has no time of its own.

        What a catalog's author or a convention says was not read anywhere.
        """
        dated = (
            replace(c, time=time)
            if not c.time and c.source not in ("catalog", "default")
            else c
            for c in self.claims
        )
        return Record(tuple(dated))

    def to_json(self) -> dict[str, Any]:
        """The record as JSON holds it, in the form that `schema` describes."""
        return {"claims": [written_claim(claim) for claim in self.claims]}

    @classmethod
    def from_json(cls, document: object) -> Record:
        """The record that `to_json` gave.

        Raises FormatError that names what is not as it should be.
        """
        return cls(claims_of(document))

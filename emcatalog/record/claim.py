"""Claim: one statement about one field, and who made it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from dataclasses import field as member

from emcatalog.errors import OptionError, public, suggest
from emcatalog.record.fields import FIELDS, Source
from emcatalog.record.values import Examined, Value, examine, kept, shown, wanted


@dataclass(frozen=True)
class Claim:
    """One statement: ``field`` is ``value`` (in ``unit``), as ``source`` says.

    ``locator`` is where it was read: a tag path, a JSON key or a URL. ``time`` is the
    day, or the second in UTC, at which it was read. A claim with a ``doubt`` is kept,
    but never believed. ``voxel_size``, ``origin`` and ``extent`` are claimed per axis,
    as ``voxel_size_z`` and so on, because sources often know x and y but not z.

    Raises OptionError for a field or a source that there is not.
    """

    field: str
    value: Value
    source: Source
    locator: str = ""
    unit: str = ""
    time: str = member(default="", compare=False)
    doubt: str = ""

    def __post_init__(self) -> None:
        if self.field not in FIELDS:
            raise OptionError(
                got=f"a claim about {self.field!r}",
                expected="a field of the vocabulary",
                hint=suggest(self.field, FIELDS),
            )
        if self.source not in FIELDS[self.field].trust:
            raise OptionError(
                got=f"the source {self.source!r} of {self.field}",
                expected="one of those that are trusted in some order",
                hint=suggest(self.source, FIELDS[self.field].trust),
            )

    def examined(self) -> Claim:
        """The claim with its value in the field's type, unit and terms.

        What cannot be so has a doubt that says why; the value stays as it was told.
        Raises OptionError where the author of a catalog wrote it, who can mend it.

        >>> Claim("voxel_size_z", "0.05", "api", unit="um").examined().value
        50.0
        >>> Claim("voxel_size_z", 0, "file", "a tag", "nm").examined().doubt
        '0 nm is less than 0.001 nm'
        """
        found = self._found()
        locator = public(self.locator)
        if found.words:
            locator = f"{locator}: {found.words!r}".removeprefix(": ")
        # repr, for to == 1 is True and numbers of NumPy are Python's
        if repr((found.value, found.unit, found.doubt, locator)) == repr(
            (self.value, self.unit, self.doubt, self.locator)
        ):
            return self
        return replace(
            self,
            value=found.value,
            unit=found.unit,
            locator=locator,
            doubt=found.doubt,
        )

    def _found(self) -> Examined:
        if self.doubt:
            return Examined(kept(self.value), self.unit, self.doubt)
        kind = FIELDS[self.field]
        own = self.source in ("catalog", "default")
        found = examine(kind, self.value, self.unit, own=own)
        if found.doubt and self.source == "catalog":
            raise OptionError(
                got=f"{self.field} = {shown(self.value)}: {found.doubt}",
                expected=f"{kind.meaning}, {wanted(kind)}",
                hint=f"mend or remove {self.locator or 'what is declared'}",
            )
        return found

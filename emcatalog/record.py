"""Metadata as frozen values: every field with its value, unit and source.

A `Record` keeps every `Claim` that was made about a field. The claim of the most
trusted source wins; the others stay and can be asked for, because public descriptions
of one volume often disagree.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from emcatalog.errors import FormatError, OptionError, public, suggest

Value = str | int | float | tuple[str | int | float, ...]
Source = Literal["file", "server", "catalog", "default"]

TRUST: tuple[Source, ...] = ("file", "server", "catalog", "default")
"""Order of trust: what the data file says, the server's answer, the catalog's author,
and last what follows from a convention of the format."""

FIELDS = frozenset(
    {
        "title", "kind", "format", "protocol", "url", "voxel_size", "origin", "lossy",
        "rendered", "compression", "pixel_type", "channel", "time", "channels", "modality",
        "organism", "tissue", "preparation", "instrument", "acquired", "released",
        "licence", "citation", "doi", "data_doi", "accession", "description",
        "route", "display_window", "gaps", "note", "orientation",
    }
)  # fmt: skip
"""The one vocabulary of all sources."""


@dataclass(frozen=True)
class Claim:
    """One statement: ``field`` is ``value`` (in ``unit``), as ``source`` says.

    ``locator`` is where it was read: a tag path, a JSON key or a URL. ``voxel_size``
    and ``origin`` are claimed per axis, as ``voxel_size_z`` and so on, because sources
    often know x and y but not z.
    """

    field: str
    value: Value
    source: Source
    locator: str = ""
    unit: str = ""

    def __post_init__(self) -> None:
        name = self.field.removesuffix("_z").removesuffix("_y").removesuffix("_x")
        if name not in FIELDS:
            raise OptionError(
                got=f"a claim about {self.field!r}",
                expected="a field of the vocabulary",
                hint=suggest(name, FIELDS),
            )


@dataclass(frozen=True)
class Record:
    """All claims about one image.

    >>> record = Record((Claim("voxel_size_z", 50.0, "file", "SBFSEM", "nm"),
    ...                  Claim("voxel_size_z", 80.0, "catalog", unit="nm")))
    >>> record.value("voxel_size_z"), len(record.conflicts())
    (50.0, 1)
    """

    claims: tuple[Claim, ...] = ()

    def about(self, field: str) -> tuple[Claim, ...]:
        """Claims about ``field``, the most trusted first."""
        found = (c for c in self.claims if c.field == field)
        return tuple(sorted(found, key=lambda c: TRUST.index(c.source)))

    def winner(self, field: str) -> Claim | None:
        """The most trusted claim about ``field``, if there is one."""
        return next(iter(self.about(field)), None)

    def value(self, field: str) -> Value | None:
        """The most trusted value of ``field``; None if nothing is known."""
        claim = self.winner(field)
        return claim.value if claim else None

    def conflicts(self) -> tuple[Claim, ...]:
        """Claims that lost to a different value."""
        return tuple(c for c in self.claims if c.value != self.value(c.field))

    def with_claims(self, claims: Iterable[Claim]) -> Record:
        """The record with further claims."""
        return Record(self.claims + tuple(claims))


def declared_voxel_size(
    sizes: Sequence[float | None] | float | None,
) -> tuple[Claim, ...]:
    """Claims of a catalog author about the voxel size: z, y, x in nanometres.

    One number stands for all three axes; None leaves an axis to the file. Raises
    OptionError for anything else.

    >>> [c.field for c in declared_voxel_size([50, None, None])]
    ['voxel_size_z']
    """
    if sizes is None:
        return ()
    triple = [sizes] * 3 if isinstance(sizes, int | float) else list(sizes)
    if len(triple) != 3 or not all(s is None or _is_length(s) for s in triple):
        raise OptionError(
            got=f"voxel_size_nm={sizes!r}",
            expected="[z, y, x] in nanometres, each a positive number or null",
            hint="for instance voxel_size_nm=[50, 8, 8]",
        )
    return tuple(
        Claim(f"voxel_size_{axis}", float(size), "catalog", "voxel_size_nm", "nm")
        for axis, size in zip("zyx", triple, strict=True)
        if size is not None
    )


def voxel_size(record: Record) -> tuple[float, float, float]:
    """The most trusted voxel size along z, y and x, in nanometres.

    Raises FormatError that names the axes of which nothing is known.
    """
    found = [record.value(f"voxel_size_{axis}") for axis in "zyx"]
    missing = [a for a, v in zip("zyx", found, strict=True) if not _is_length(v)]
    if missing:
        raise FormatError(
            got=f"no voxel size along {', '.join(missing)} in the source",
            expected="a length in nanometres for z, y and x",
            hint="declare it with voxel_size_nm=[z, y, x]; what the file does say "
            "goes before what is declared",
        )
    z, y, x = (float(v) for v in found if isinstance(v, int | float))
    return z, y, x


def _is_length(value: object) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and 0 < float(value) < math.inf  # type: ignore[arg-type]  # a number


def located(urlpath: str) -> tuple[Claim, ...]:
    """Claims about where the data lies and by what protocol it is had.

    >>> [c.value for c in located("precomputed://gs://bucket/image")]
    ['precomputed://gs://bucket/image', 'gs']
    """
    place = public(urlpath).partition("?")[0]  # a query may hold a secret
    *_, protocol = ["file", *place.split("://")[:-1]]
    return (
        Claim("url", place, "catalog", "urlpath"),
        Claim("protocol", protocol, "catalog", "urlpath"),
    )


def declared(values: Mapping[str, Value]) -> tuple[Claim, ...]:
    """Turn the fields of a catalog entry's metadata into claims.

    Keys outside the vocabulary are the catalog's own business and are left out.
    """
    return tuple(
        Claim(name, value, "catalog", "metadata")
        for name, value in values.items()
        if name in FIELDS and isinstance(value, str | int | float)
    )

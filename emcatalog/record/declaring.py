"""Claims of a catalog's author, and the voxel size that a record settles on."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from emcatalog.errors import FormatError, OptionError, public
from emcatalog.record.book import Record
from emcatalog.record.claim import Claim
from emcatalog.record.fields import FIELDS, SYNONYMS
from emcatalog.record.judgement import told
from emcatalog.record.values import shown


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
        Claim(
            f"voxel_size_{axis}", float(size), "catalog", "voxel_size_nm", "nm"
        ).examined()
        for axis, size in zip("zyx", triple, strict=True)
        if size is not None
    )


def voxel_size(record: Record) -> tuple[float, float, float]:
    """The most trusted voxel size along z, y and x, in nanometres.

    Raises FormatError that names the axes of which nothing is known, and what is said
    of them that cannot be.
    """
    found = [record.value(f"voxel_size_{axis}") for axis in "zyx"]
    missing = [a for a, v in zip("zyx", found, strict=True) if not _is_length(v)]
    if missing:
        doubts = [told(c) for a in missing for c in record.about(f"voxel_size_{a}")]
        but = f"; it says only {'; '.join(doubts[:3])}" if doubts else ""
        raise FormatError(
            got=f"no voxel size along {', '.join(missing)} in the source{but}",
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


def authored(values: Mapping[str, object], urlpath: str) -> tuple[Claim, ...]:
    """What an entry's metadata declares, and where the entry points.

    A ``url`` or ``protocol`` that is declared stands in place of that of ``urlpath``,
    for an author does not disagree with himself. Raises OptionError, as `declared`
    does.

    >>> [c.value for c in authored({"url": "https://a.org/page"}, "s3://a/b")]
    ['https://a.org/page', 's3']
    """
    own = declared(values)
    told = {claim.field for claim in own}
    return (*own, *(c for c in located(urlpath) if c.field not in told))


def declared(values: Mapping[str, object]) -> tuple[Claim, ...]:
    """Turn the fields of a catalog entry's metadata into claims.

    Quantities are numbers in the field's unit or texts such as ``1.9 kV``; fields of
    axes may be given as one, ``voxel_size: [z, y, x]``. Other words for fields, such as
    ``species``, are understood. Keys outside the vocabulary are the catalog's own
    business and are left out, and so is null. Raises OptionError for a value that
    cannot be one of its field.

    >>> [(c.field, c.value) for c in declared({"organism": "mouse", "mine": 1})]
    [('organism', 'Mus musculus')]
    """
    found = (Claim(*row, "catalog", "metadata") for row in _rows(values))  # type: ignore[arg-type]  # examined
    return tuple(claim.examined() for claim in found)


def _rows(values: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    for word, value in values.items():
        name = SYNONYMS.get(word, word)
        if value is None:
            continue
        if name in FIELDS:
            yield name, value
        elif f"{name}_z" in FIELDS:
            yield from _per_axis(name, value)


def _per_axis(name: str, value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, str) and "," in value:
        value = value.split(",")
    triple = [value] * 3 if isinstance(value, int | float | str) else value
    if not isinstance(triple, list | tuple) or len(triple) != 3:
        raise OptionError(
            got=f"{name} = {shown(value)} in the metadata",
            expected="[z, y, x] in nanometres, or one length for all",
        )
    for axis, length in zip("zyx", triple, strict=True):
        if length is not None:
            yield f"{name}_{axis}", length

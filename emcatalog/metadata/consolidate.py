"""One entry of a catalog -> one Record of all that is known.

The claims of the entry's author are taken from the entry at hand; what the data, its
server and archives say comes from a snapshot, else it is read. What only tables and
write-ups of others say is kept with a doubt, and so it is not believed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import getitem
from typing import Any, Literal

from emcatalog.catalog import VolumeCatalog
from emcatalog.driver import VolumeSource
from emcatalog.driver.facts import facts
from emcatalog.errors import EmcatalogError, OptionError
from emcatalog.geometry import AXES, DIGITS
from emcatalog.metadata.entry import author_claims, is_local, named
from emcatalog.metadata.reading import Reading, read
from emcatalog.metadata.snapshot import Snapshot, save, snapshots
from emcatalog.mirror import MIRROR_VARIABLE, current_mirrors
from emcatalog.record import Claim, Explanation, Record
from emcatalog.volume import Pyramid

Taken = Literal["snapshot", "headers", "catalog"]
Parameters = Mapping[str, Any]

HEARSAY = "only tables and write-ups of others say so"


@dataclass(frozen=True)
class Described:
    """One entry: its name and record, what the record was taken from, and troubles.

    ``taken`` is ``catalog`` where neither a snapshot nor the data itself was at hand;
    ``verdicts`` are those of the snapshot.
    """

    name: str
    record: Record
    taken: Taken
    summary: str = ""
    troubles: tuple[EmcatalogError, ...] = ()
    verdicts: Mapping[str, str] = field(default_factory=dict)

    def explain(self, field: str) -> Explanation:
        """Who says what about a field, and why the winner is believed.

        Where somebody looked into a disagreement, what was found is told too.
        """
        told = self.record.explain(field)
        found = self.verdicts.get(field)
        return replace(told, why=f"{told.why}. {found}") if found else told


@dataclass(frozen=True)
class Reader:
    """How entries of a catalog are described.

    ``refresh`` reads what there is a snapshot of, too, and keeps what was read;
    ``remote`` False reads local files only. ``parameters`` are those of the entries.
    """

    catalog: VolumeCatalog
    parameters: Parameters
    refresh: bool = False
    remote: bool = True

    def describe(self, names: Iterable[str]) -> Iterator[Described]:
        """Each entry, one after the other. Troubles of one do not hide the others.

        Raises OptionError for a refresh from a mirror, which may be a miniature.
        """
        if self.refresh and (mirrors := current_mirrors().roots):
            raise OptionError(
                got=f"a refresh while the mirror {mirrors[0]} is read",
                expected="the servers themselves, for what is read is kept",
                hint=f"unset {MIRROR_VARIABLE}; --check compares it and keeps nothing",
            )
        known = snapshots()
        for name in names:
            try:
                yield self._described(name, known)
            except EmcatalogError as error:
                bare = Record((Claim("name", name, "catalog", "name of the entry"),))
                yield Described(name, bare, "catalog", "", (named(error, name),))

    def source(self, name: str) -> VolumeSource:
        """The entry called ``name`` with its parameters; nothing is opened."""
        entry: Any = reduce(getitem, name.split("."), self.catalog)
        source: VolumeSource = entry(**self.parameters)
        return source

    def _described(self, name: str, known: Mapping[str, Snapshot]) -> Described:
        source = self.source(name)
        own = tuple(author_claims(name, source))
        snapshot = known.get(source.identity)
        claims: tuple[Claim, ...] = snapshot.claims if snapshot else ()
        verdicts = snapshot.verdicts if snapshot else {}
        taken: Taken = "snapshot" if snapshot else "catalog"
        troubles: tuple[EmcatalogError, ...] = ()
        if self.refresh or (not snapshot and (self.remote or is_local(source))):
            try:
                reading = read(source, claims)
            except EmcatalogError as error:
                troubles = (named(error, name),)
            else:
                troubles = tuple(named(error, name) for error in reading.troubles)
                if not (snapshot and troubles):
                    claims, taken = merged(claims, reading), "headers"
                if self.refresh and not troubles:
                    _keep(source.identity, claims, verdicts)
        record = consolidated((*claims, *own))
        summary = source.description or ""
        return Described(name, record, taken, summary, troubles, verdicts)


def consolidated(claims: Iterable[Claim]) -> Record:
    """All claims in one record, with what follows from them.

    Hearsay that stands alone has a doubt.

    >>> told = Claim("organism", "Mus musculus", "secondary")
    >>> consolidated([told]).value("organism")
    >>> consolidated([told, Claim("organism", "mouse", "page")]).value("organism")
    'Mus musculus'
    """
    record = Record(tuple(claims))
    alone = {f for f in record.fields if _is_hearsay(record.winner(f))}
    known = Record(tuple(_doubted(c) if c.field in alone else c for c in record.claims))
    return known.with_claims((*facts(Pyramid((), known)), *_extents(known)))


def _extents(record: Record) -> Iterator[Claim]:
    """Lengths of the volume, where only its author's voxel size gives them."""
    for count, axis in zip(("depth", "height", "width"), AXES, strict=True):
        number, size = record.winner(count), record.winner(f"voxel_size_{axis}")
        if number and size and not record.winner(f"extent_{axis}"):
            length = round(float(number.value) * float(size.value), DIGITS)  # type: ignore[arg-type]  # numbers
            told = f"voxels times voxel_size_{axis}"
            yield Claim(f"extent_{axis}", length, size.source, told, "nm", size.time)


def merged(older: Iterable[Claim], reading: Reading) -> tuple[Claim, ...]:
    """What was read, and older claims that the reading does not replace."""
    return (*reading.claims, *(c for c in older if not reading.replaces(c)))


def _keep(
    identity: str, claims: tuple[Claim, ...], verdicts: Mapping[str, str]
) -> None:
    title = Record(claims).value("title")
    save(Snapshot(identity, str(title or ""), claims, verdicts))


def _is_hearsay(claim: Claim | None) -> bool:
    return claim is not None and claim.source == "secondary"


def _doubted(claim: Claim) -> Claim:
    return claim if claim.doubt else replace(claim, doubt=HEARSAY)

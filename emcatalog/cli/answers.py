"""What ``emcatalog metadata`` answers: the table, and what is asked in its place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emcatalog.cli.arguments import parameters
from emcatalog.cli.reports import Report, Target, explanation, overview, show
from emcatalog.cli.terminal import progress, say, whisper
from emcatalog.errors import OptionError, UnknownNameError, suggest

if TYPE_CHECKING:
    from emcatalog.metadata.choosing import Choice
    from emcatalog.metadata.consolidate import Described, Reader
    from emcatalog.record import Explanation, Record


@dataclass(frozen=True)
class Request:
    """What the command line asks for."""

    names: tuple[str, ...]
    words: tuple[str, ...]
    catalog_path: str | None
    every: bool
    refresh: bool
    form: str
    out: Path | None
    fields: str | None
    modes: Mapping[str, Any]

    @property
    def target(self) -> Target:
        """Where the answer goes."""
        return Target.of(self.form, self.out)

    def reader(self) -> Reader:
        """How entries are described."""
        from emcatalog.catalog import open_catalog
        from emcatalog.metadata.consolidate import Reader

        given = parameters(self.words)
        if given and len(self.names) != 1:
            raise OptionError(
                got=f"-p {self.words[0]} for {len(self.names) or 'all'} entries",
                expected="the name of one entry",
                hint="for instance emcatalog metadata idr_image -p image_id=9846152",
            )
        return Reader(open_catalog(self.catalog_path), given, refresh=self.refresh)

    def choice(self, reader: Reader) -> Choice:
        """The entries asked for."""
        from emcatalog.metadata.choosing import choose

        return choose(reader.catalog, self.names, every=self.every)


def table(request: Request) -> bool:
    """The table itself; whether something could not be read."""
    from emcatalog.metadata import columns
    from emcatalog.metadata.formats import to_json
    from emcatalog.metadata.table import displayed, document, rows

    if request.fields == "":
        return _list_fields(request)
    chosen = columns.chosen(request.fields) if request.fields else ()
    target, reader = request.target, request.reader()
    choice = request.choice(reader)
    described = _described(reader, choice.names)
    found = _records(described)
    made = rows(found)
    if target.is_terminal:
        people = [displayed(row) for row in made]
        show(Report("metadata", chosen, people) if chosen else overview(made))
        _remark(choice, found)
    elif target.form == "json" and not chosen:
        target.put(to_json(document(described)))
    else:
        read = target.form in ("md", "html")
        usual = columns.USUAL if read else columns.ALL
        shown = [displayed(row) for row in made] if read else made
        target.write(Report("emcatalog metadata", chosen or usual, shown))
    return _told(described)


def _remark(choice: Choice, found: Mapping[str, Record]) -> None:
    """What the table in the terminal leaves out, and where it is told."""
    disagree = sum(len(record.conflicts()) for record in found.values())
    if any(_imputed_voxels(record) for record in found.values()):
        whisper("* imputed: declared by the catalog, measured by nobody")
    if disagree:
        fields = "field is" if disagree == 1 else "fields are"
        whisper(f"{disagree} {fields} in dispute: emcatalog metadata --conflicts")
    if nested := len(choice.nested):
        volumes = "volume" if nested == 1 else "volumes"
        whisper(f"{nested} further {volumes}: emcatalog metadata --all")
    if choice.families:
        whisper(f"no row without parameters (-p): {', '.join(choice.families)}")


def _imputed_voxels(record: Record) -> bool:
    from emcatalog.metadata.table import imputed

    return any(field.startswith("voxel_size") for field in imputed(record))


def _list_fields(request: Request) -> bool:
    from emcatalog.metadata.columns import EARLIER, MARKS
    from emcatalog.record import FIELDS

    rows = [
        {
            "field": field.name,
            "type": field.type,
            "unit": field.unit,
            "trust": " > ".join(field.trust),
            "meaning": field.meaning,
            "terms": field.terms.names if field.terms else None,
        }
        for field in FIELDS.values()
    ]
    columns = ("field", "type", "unit", "meaning")
    if request.target.is_terminal:
        show(Report("fields", columns, rows))
        earlier = [name for name in EARLIER if name not in FIELDS]
        whisper(f"columns besides: {', '.join((*earlier, *MARKS))}")
    else:
        request.target.write(Report("fields", tuple(rows[0]), rows))
    return False


def _conflicts(request: Request) -> bool:
    from emcatalog.metadata.columns import chosen, fields_of
    from emcatalog.metadata.settling import unsettled
    from emcatalog.record import FIELDS

    names = chosen(request.fields) if request.fields else tuple(FIELDS)
    wanted = {field for name in names for field in fields_of(name)}
    reader = request.reader()
    described = _described(reader, request.choice(reader).names)
    told = [one for one in unsettled(described) if one[1].field in wanted]
    _explained(request, told)
    if request.target.is_terminal and not told:
        say("Nobody disagrees.")
    return _told(described)


def _explain(request: Request) -> bool:
    name, fields = _named_fields(request)
    described = _described(replace(request, names=(name,)).reader(), [name])
    (one,) = described
    told = [(name, one.explain(field)) for field in fields or one.record.fields]
    _explained(request, told)
    return _told(described)


def _named_fields(request: Request) -> tuple[str, tuple[str, ...]]:
    """The entry and the fields that ``--explain NAME.FIELD`` names."""
    from emcatalog.catalog import entries, open_catalog
    from emcatalog.metadata.columns import fields_of

    word = str(request.modes["explain"])
    known = [name for name, _ in entries(open_catalog(request.catalog_path))]
    if word in known:
        return word, ()
    name, _, field = word.rpartition(".")
    if name not in known:
        raise UnknownNameError(
            got=f"--explain {word}",
            expected="an entry and a field, such as dataset2.voxel_size",
            hint=suggest(name or word, known),
        )
    return name, fields_of(field)


def _explained(request: Request, told: list[tuple[str, Explanation]]) -> None:
    from emcatalog.metadata.settling import COLUMNS, claim_rows

    if request.target.is_terminal:
        for name, explained in told:
            say(*explanation(name, explained))
    else:
        request.target.write(Report("who says what", COLUMNS, claim_rows(told)))


def _raw(request: Request) -> bool:
    from emcatalog.metadata.formats import to_json

    name = str(request.modes["raw"])
    source = replace(request, names=(name,)).reader().source(name)
    Target("json", request.out).put(to_json(source.raw_metadata))
    return False


def _check(request: Request) -> bool:
    from emcatalog.metadata.changes import COLUMNS, compared
    from emcatalog.metadata.snapshot import snapshots

    reader = request.reader()
    names, known = request.choice(reader).names, snapshots()
    with progress("reading headers") as report:
        found = []
        for number, name in enumerate(names):
            report(name, number / len(names))
            found.append(compared(reader, name, known))
    rows = [row for comparison in found for row in comparison.rows]
    if request.target.is_terminal and rows:
        show(Report("changes", COLUMNS, rows))
    elif not request.target.is_terminal:
        request.target.write(Report("what changed", COLUMNS, rows))
    for comparison in found:
        for remark in comparison.remarks:
            whisper(remark)
    failed = any(comparison.failed for comparison in found)
    count = sum(comparison.compared for comparison in found)
    if request.target.is_terminal and not rows and not failed:
        say(_unchanged(count, len(found)))
    return failed or bool(rows) or not count


def _unchanged(compared: int, asked: int) -> str:
    if not compared:
        return "Nothing was compared, for there is no snapshot."
    others = f"; {asked - compared} of {asked} have none" if compared < asked else ""
    return f"Nothing changed since the snapshots{others}."


def _write(request: Request) -> bool:
    from emcatalog.metadata.consolidated import documents

    reader = request.reader()
    described = _described(reader, request.choice(reader).names)
    if _told(described):
        whisper("nothing is written: the table would lack what could not be read")
        return True
    folder = Path(request.modes["write"]).expanduser().absolute()
    made = documents(described)
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in made.items():
        Target("", folder / name).put(text)
    return False


def _schema(request: Request) -> bool:
    from emcatalog.metadata.formats import to_json
    from emcatalog.record import schema

    Target("json", request.out).put(to_json(schema()))
    return False


def _export(request: Request) -> bool:
    from emcatalog.cli.exporting import exported

    reader = request.reader()
    described = _described(reader, request.choice(reader).names)
    form = str(request.modes["export"])
    Target("", request.out).put(exported(form, reader, _records(described)))
    return _told(described)


def _described(reader: Reader, names: Iterable[str]) -> list[Described]:
    known = list(names)
    with progress("reading metadata") as report:
        found = []
        for described in reader.describe(known):
            found.append(described)
            report(described.name, len(found) / len(known))
    return found


def _records(described: Iterable[Described]) -> dict[str, Record]:
    return {one.name: one.record for one in described}


def _told(described: Iterable[Described]) -> bool:
    """Tell what could not be read; whether there was anything."""
    troubles = [trouble for one in described for trouble in one.troubles]
    for trouble in troubles:
        whisper(str(trouble))
    return bool(troubles)


MODES: Mapping[str, Callable[[Request], bool]] = {
    "conflicts": _conflicts, "explain": _explain, "raw": _raw, "check": _check,
    "write": _write, "schema": _schema, "export": _export,
}  # fmt: skip
"""What is asked for in place of the table; each tells whether something failed."""

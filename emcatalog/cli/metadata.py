"""``emcatalog metadata``: one table over all sources, and who says what."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from emcatalog.cli.arguments import catalog_option, parameter_option, parameters
from emcatalog.cli.exporting import EXPORTS
from emcatalog.cli.reports import (
    FORMATS,
    TERMINAL,
    Report,
    Target,
    explanation,
    overview,
    show,
)
from emcatalog.cli.terminal import progress, say, whisper
from emcatalog.errors import OptionError, UnknownNameError, suggest

if TYPE_CHECKING:
    from emcatalog.metadata.choosing import Choice
    from emcatalog.metadata.consolidate import Described, Reader
    from emcatalog.record import Explanation, Record

EXAMPLES = """\b
Examples:
  emcatalog metadata                               the five, in short
  emcatalog metadata --format csv --out table.csv  all columns
  emcatalog metadata --fields name,voxel_size,licence
  emcatalog metadata --fields                      what fields there are
  emcatalog metadata --conflicts                   who disagrees, and who wins
  emcatalog metadata --explain dataset2.voxel_size
  emcatalog metadata idr_image -p image_id=9846152 --refresh
  emcatalog metadata --export croissant dataset4 --out croissant.json
"""


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


@click.command(epilog=EXAMPLES)
@click.argument("names", nargs=-1)
@click.option("--format", "form", type=click.Choice(FORMATS), default=TERMINAL,
              help="How to write it.")  # fmt: skip
@click.option("--out", "-o", metavar="FILE", type=click.Path(path_type=Path),
              help="Write to a file; its suffix tells the format.")  # fmt: skip
@click.option("--fields", is_flag=False, flag_value="", metavar="[A,B,...|all]",
              help="Choose columns; without a value, list all.")  # fmt: skip
@click.option("--conflicts", is_flag=True,
              help="Each disagreement: all claims, the winner, why.")  # fmt: skip
@click.option("--explain", metavar="NAME[.FIELD]",
              help="Tell who says what about a field.")  # fmt: skip
@click.option("--raw", metavar="NAME",
              help="The vendor's own tags as JSON; reads headers.")  # fmt: skip
@click.option("--refresh", is_flag=True,
              help="Read headers and archives again; keep what they say.")  # fmt: skip
@click.option("--check", is_flag=True,
              help="Tell what changed since the snapshot.")  # fmt: skip
@click.option("--write", metavar="DIR", type=click.Path(path_type=Path),
              help="Write consolidated.csv, .json and .md into a folder.")  # fmt: skip
@click.option("--schema", is_flag=True, help="JSON Schema of a record.")
@click.option("--export", type=click.Choice(EXPORTS),
              help="Write it in a form that others read.")  # fmt: skip
@click.option("--all", "-a", "every", is_flag=True,
              help="Nested catalogs and families too.")  # fmt: skip
@parameter_option
@catalog_option
def metadata(**options: Any) -> None:
    """Tell what is known of the datasets, and who says so.

    NAMES are those of entries, such as dataset4 or more.fafb; a nested catalog stands
    for its volumes. What headers and archives say comes from a snapshot, so no network
    is needed; what there is no snapshot of is read, never its voxels. A value that the
    catalog declares and nobody measured is imputed and marked with an asterisk.

    The exit status is 1 if something could not be read, and with --check if something
    changed. A disagreement is no failure.
    """
    modes = {mode: options.pop(mode) for mode in _MODES}
    asked = [mode for mode, value in modes.items() if value]
    if len(asked) > 1:
        raise OptionError(
            got=" and ".join(f"--{mode}" for mode in asked),
            expected="one of them",
            hint="they answer different questions: run the command for each",
        )
    request = Request(**options, modes=modes)
    answer = _MODES[asked[0]] if asked else _table
    if answer(request):
        click.get_current_context().exit(1)


def _table(request: Request) -> bool:
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
        whisper(f"{disagree} fields are in dispute: emcatalog metadata --conflicts")
    if choice.nested:
        whisper(f"{len(choice.nested)} further volumes: emcatalog metadata --all")
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
    from emcatalog.metadata.settling import unsettled

    reader = request.reader()
    described = _described(reader, request.choice(reader).names)
    told = unsettled(described)
    _explained(request, told)
    if request.target.is_terminal and not told:
        say("Nobody disagrees.")
    return _told(described)


def _explain(request: Request) -> bool:
    name, fields = _named_fields(request)
    described = _described(request.reader(), [name])
    (one,) = described
    told = [(name, one.explain(field)) for field in fields or one.record.fields]
    _explained(request, told)
    return _told(described)


def _named_fields(request: Request) -> tuple[str, tuple[str, ...]]:
    """The entry and the fields that ``--explain NAME.FIELD`` names."""
    from emcatalog.catalog import entries
    from emcatalog.metadata.columns import fields_of

    word = str(request.modes["explain"])
    known = [name for name, _ in entries(request.reader().catalog)]
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

    reader = request.reader()
    names = request.choice(reader).names
    with progress("reading headers") as report:
        found = []
        for number, name in enumerate(names):
            report(name, number / len(names))
            found.append(compared(reader, name))
    rows = [row for comparison in found for row in comparison.rows]
    if request.target.is_terminal and rows:
        show(Report("changes", COLUMNS, rows))
    elif not request.target.is_terminal:
        request.target.write(Report("what changed", COLUMNS, rows))
    for comparison in found:
        for remark in comparison.remarks:
            whisper(remark)
    failed = any(comparison.failed for comparison in found)
    if request.target.is_terminal and not rows and not failed:
        say("Nothing changed since the snapshots.")
    return failed or bool(rows)


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


_MODES: Mapping[str, Callable[[Request], bool]] = {
    "conflicts": _conflicts, "explain": _explain, "raw": _raw, "check": _check,
    "write": _write, "schema": _schema, "export": _export,
}  # fmt: skip
"""What is asked for in place of the table; each tells whether something failed."""


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

"""The tables of docs/metadata.md, made from the snapshots.

``python tests/metadata_page.py`` writes them anew; a test says when that is due.
"""

from __future__ import annotations

import itertools
import operator
import re
from collections.abc import Iterator
from pathlib import Path

from emcatalog.catalog import open_catalog
from emcatalog.metadata.consolidate import Described, Reader
from emcatalog.metadata.formats import marked_down, plain, to_markdown
from emcatalog.metadata.settling import unsettled
from emcatalog.metadata.table import displayed, rows
from emcatalog.record import FIELDS, Claim, Explanation
from emcatalog.record.fields import MEASURED, TOLD
from emcatalog.record.judgement import NAMES

PAGE = Path(__file__).resolve().parent.parent / "docs/metadata.md"
FIVE = tuple(f"dataset{n}" for n in range(1, 6))
SHORT = (
    "name", "depth", "height", "width", "pixel_type", "pixel_size_in_nm",
    "experiment_type", "species", "organ",
)  # fmt: skip
_AXIS = re.compile(r"_[zyx]$")


def described() -> list[Described]:
    """The five as their snapshots know them; no server is asked."""
    return list(Reader(open_catalog(), {}, remote=False).describe(FIVE))


def tables() -> dict[str, str]:
    """Each table of the page, by the name between its marks."""
    found = described()
    records = {one.name: one.record for one in found}
    shown = [displayed(row) for row in rows(records)]
    return {
        "table": to_markdown(shown, SHORT),
        "trust": "".join(_orders()),
        "fields": "".join(_fields(found)),
        **{f"{one.name}": "".join(_settled(one)) for one in found},
        "unconfirmed": "".join(_unconfirmed(found)),
    }


def written(page: str) -> str:
    """The page with its tables as they should be."""
    for name, table in tables().items():
        mark = f"<!-- {name} -->"
        before, _, rest = page.partition(f"{mark}\n")
        _, end, after = rest.partition("<!-- end -->")
        assert end, f"docs/metadata.md has no {mark} ... <!-- end -->"
        page = f"{before}{mark}\n{table}{end}{after}"
    return page


def _orders() -> Iterator[str]:
    yield "| what | who is trusted, the most trusted first |\n|---|---|\n"
    for told, order in (("is measured", MEASURED), ("is told", TOLD)):
        yield f"| what {told} | {', '.join(f'{NAMES[s]} (`{s}`)' for s in order)} |\n"


def _fields(found: list[Described]) -> Iterator[str]:
    yield f"| field | unit | kind | {' | '.join(FIVE)} |\n|---|---|---|{'---|' * 5}\n"
    for field in FIELDS.values():
        if _AXIS.search(field.name) and not field.name.endswith("_z"):
            continue
        name = re.sub(r"_z$", r"_{z,y,x}", field.name)
        cells = [_source(one, field.name) for one in found]
        if any(cells):
            kind = "told" if field.told else "measured"
            yield f"| `{name}` | {field.unit} | {kind} | {' | '.join(cells)} |\n"


def _source(one: Described, field: str) -> str:
    winner = one.record.winner(field)
    doubted = any(claim.field == field for claim in one.record.doubts())
    return winner.source if winner else "*unconfirmed*" if doubted else ""


def _settled(one: Described) -> Iterator[str]:
    yield "| field | is | not | how it was settled |\n|---|---|---|---|\n"
    told = [_row(one, d) for _, d in unsettled([one]) if not FIELDS[d.field].free]
    # axes of which the same is told are one row
    for (stem, cells), same in itertools.groupby(told, operator.itemgetter(0, 2)):
        axes = ", ".join(row[1] for row in same)
        yield f"| {f'`{stem}`' if not axes else f'`{stem}_` {axes}'} | {cells} |\n"


def _row(one: Described, dispute: Explanation) -> tuple[str, str, str]:
    """Field without its axis, the axis, and the other cells."""
    field = dispute.field
    axis = field[-1] if _AXIS.search(field) else ""
    believed = _said(dispute.winner) if dispute.winner else "not known"
    others = (*dispute.losers, *(c for c in dispute.doubted if c.doubt))
    why = one.verdicts.get(field) or _doubts(dispute) or dispute.why
    cells = (believed, "; ".join(dict.fromkeys(map(_said, others))), marked_down(why))
    return field.removesuffix(f"_{axis}"), axis, " | ".join(cells)


def _doubts(dispute: Explanation) -> str:
    return "; ".join(dict.fromkeys(c.doubt for c in dispute.doubted))


def _said(claim: Claim) -> str:
    """A value, who says so, and where that is to be read."""
    value = marked_down(plain(claim.value)) + f" {claim.unit}" * bool(claim.unit)
    place = claim.locator.partition("#")[0]
    repository = re.match(r"https://github\.com/([\w.-]+/[\w.-]+)", place)
    if claim.source == "secondary" and repository:
        return f"{value} ([{repository[1]}]({place}))"
    return f"{value} ({claim.source})"


def _unconfirmed(found: list[Described]) -> Iterator[str]:
    yield "| dataset | field | what is said | why it is not believed |\n"
    yield "|---|---|---|---|\n"
    for one in found:
        for field in FIELDS:
            claims = [c for c in one.record.doubts() if c.field == field]
            if claims and one.record.winner(field) is None:
                said = "; ".join(dict.fromkeys(map(_said, claims)))
                why = "; ".join(dict.fromkeys(c.doubt for c in claims))
                yield f"| {one.name} | `{field}` | {said} | {marked_down(why)} |\n"


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text("utf-8")), "utf-8")

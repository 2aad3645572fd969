"""The tables of a sweep, for a terminal of 80 columns."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from benchmarks.real_files.findings import FAULTS, Finding, Outcome, Row, shown
from benchmarks.real_files.side_by_side import OURS, VERDICTS, Comparison, counted

HEADS = {
    Outcome.EQUAL: "equal", Outcome.CALIBRATION: "calibr. differs",
    Outcome.PEERS: "as peers", Outcome.DIFFERS: "unlike a peer",
    Outcome.READ: "read", Outcome.EMPTY: "empty", Outcome.REFUSED: "refused",
    Outcome.WRONG: "WRONG", Outcome.FOREIGN: "FOREIGN", Outcome.HANG: "HANG",
    Outcome.CRASH: "CRASH",
}  # fmt: skip
"""Columns in the order in which they stand."""

LOUD = (
    Outcome.WRONG, Outcome.FOREIGN, Outcome.HANG, Outcome.CRASH, Outcome.CALIBRATION,
    Outcome.DIFFERS,
)  # fmt: skip
"""What is told one by one, and not only counted."""


MOST_NAMED = 5
"""Files that are named of those that have one and the same fault."""


def by_kind(findings: Iterable[Finding]) -> dict[str, Counter[Outcome]]:
    """How many images and levels of each kind came to what."""
    counts: dict[str, Counter[Outcome]] = defaultdict(Counter)
    for finding in findings:
        if finding.outcome is not Outcome.NONE:
            counts[finding.kind][finding.outcome] += 1
    return dict(sorted(counts.items(), key=lambda pair: pair[0].lower()))


def refusals(findings: Iterable[Finding]) -> list[tuple[str, list[Finding]]]:
    """Refusals of one reason together, the most frequent first.

    Reasons that differ only in numbers and names are one; its words are the first's.
    """
    groups: dict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        if finding.outcome is Outcome.REFUSED:
            groups[f"{finding.kind} {_skeleton(finding.detail)}"].append(finding)
    pairs = [(group[0].detail, group) for group in groups.values()]
    return sorted(pairs, key=lambda p: (-len(p[1]), p[1][0].kind, p[1][0].path))


def _skeleton(text: str) -> str:
    text = re.sub(r"\([^()]*\)|b?'[^']*'|b?\"[^\"]*\"", "", text)
    text = re.sub(r", [^,;]* (?=;)|\S*/\S+", "", text)
    return re.sub(r"[-+.\d]+|u?int|float|complex", "", text.partition(";")[0])


def others(findings: Iterable[Finding]) -> Counter[str]:
    """Reasons why files are no volume format."""
    return Counter(f.detail for f in findings if f.outcome is Outcome.NONE)


def failed(findings: Iterable[Finding]) -> bool:
    """Whether anything is wrong, foreign, hung or crashed."""
    bad = {*FAULTS, Outcome.CALIBRATION}
    return any(finding.outcome in bad for finding in findings)


def show(
    console: Console,
    findings: Sequence[Finding],
    comparisons: Sequence[Comparison] = (),
    unasked: Sequence[Row] = (),
) -> None:
    """Print the counts, the refusals, the other libraries, and whatever is amiss."""
    console.print(_counts(findings))
    reasons = refusals(findings)
    if reasons:
        console.print(_refused(reasons))
    if comparisons:
        console.print(side_by_side(comparisons))
    what = others(findings)
    if what:
        listed = ", ".join(f"{n} × {shown(why)}" for why, n in what.most_common())
        console.print(Text(f"no volume format: {what.total()} files ({listed})\n"))
    for (outcome, detail), group in _loud(findings).items():
        colour = "bold red" if outcome in FAULTS else "yellow"
        more = f" and {len(group) - MOST_NAMED} more" * (len(group) > MOST_NAMED)
        console.print(Text(f"{outcome}: {', '.join(group[:MOST_NAMED])}{more}", colour))
        console.print(Text(f"  {shown(detail)}"))
    for row in unasked:
        text = f"no file for the row of EXPECTED.csv about {shown(row.path)}"
        console.print(Text(text, "yellow"))
    console.print(Text(summary(findings), "bold red" if failed(findings) else "green"))


def _loud(findings: Iterable[Finding]) -> dict[tuple[Outcome, str], list[str]]:
    """What is amiss, and of which files and parts."""
    groups: dict[tuple[Outcome, str], list[str]] = defaultdict(list)
    for finding in findings:
        if finding.outcome in LOUD:
            place = " ".join(filter(None, (shown(finding.path), finding.part)))
            groups[finding.outcome, finding.detail].append(place)
    return groups


def side_by_side(comparisons: Iterable[Comparison]) -> Grid:
    """Verdicts by kind and library."""
    made = Grid(box=box.SIMPLE_HEAD, pad_edge=False, title="beside other libraries")
    made.title_justify = "left"
    made.add_column("kind")
    made.add_column("library")
    for verdict in VERDICTS:
        made.add_column(verdict, justify="right")
    for (kind, library), counts in counted(comparisons).items():
        cells = [
            Text(str(counts[v] or "·"), "" if counts[v] else "dim") for v in VERDICTS
        ]
        made.add_row(kind, Text(library, "bold" if library == OURS else ""), *cells)
    return made


def summary(findings: Sequence[Finding]) -> str:
    """One line: how many were found, read and refused, and whether all is well."""
    counts = Counter(f.outcome for f in findings)
    read = sum(counts[o] for o in (Outcome.EQUAL, Outcome.PEERS, Outcome.READ))
    items = len({(f.path, f.kind) for f in findings if f.outcome is not Outcome.NONE})
    faults = ", ".join(f"{counts[o]} {HEADS[o]}" for o in HEADS if o in FAULTS)
    return (
        f"{items} files and stores: {read} images or levels read "
        f"({counts[Outcome.EQUAL]} equal to EXPECTED.csv), "
        f"{counts[Outcome.REFUSED]} refused; {faults}"
    )


def used(counts: dict[str, Counter[Outcome]]) -> list[Outcome]:
    """Outcomes that have a column: those that are there, and the first and worst."""
    always = {Outcome.EQUAL, Outcome.REFUSED, Outcome.WRONG, Outcome.FOREIGN}
    return [o for o in HEADS if o in always or any(c[o] for c in counts.values())]


def _counts(findings: Sequence[Finding]) -> Grid:
    counts = by_kind(findings)
    columns = used(counts)
    made = Grid(box=box.SIMPLE_HEAD, pad_edge=False)
    made.add_column("kind", no_wrap=True)
    for outcome in columns:
        made.add_column(HEADS[outcome], justify="right")
    for kind, row in counts.items():
        cells = [Text(str(row[o] or "·"), _style(o, row[o])) for o in columns]
        made.add_row(kind, *cells)
    total = Counter(f.outcome for f in findings)
    made.add_section()
    made.add_row("all", *(Text(str(total[o]), _style(o, total[o])) for o in columns))
    return made


def _style(outcome: Outcome, count: int) -> str:
    if not count:
        return "dim"
    return "bold red" if outcome in FAULTS else ""


def _refused(reasons: Sequence[tuple[str, list[Finding]]]) -> Grid:
    made = Grid(
        box=box.SIMPLE_HEAD, pad_edge=False, title="refused", title_justify="left"
    )
    made.add_column("", justify="right")
    made.add_column("kind")
    made.add_column(
        "got; expected, in the error's words, and the first such file", overflow="fold"
    )
    for reason, group in reasons:
        words = Text(f"{shown(reason)}\n")
        words.append(shown(group[0].path), "dim")
        made.add_row(str(len(group)), group[0].kind, words)
    return made

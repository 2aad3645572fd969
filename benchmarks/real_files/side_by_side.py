"""The libraries beside each other: how many real files each reads right."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.real_files.asking import Reading
from benchmarks.real_files.findings import Finding, Outcome, Row
from benchmarks.real_files.peers import BY_NAME

VERDICTS = ("right", "another array", "error", "hang or crash")
OURS = "emcatalog"
_NUMBERS = re.compile(r"bool|u?int\d+|float\d+|complex\d+|RGBA8|[<>|]?[biufc]\d+")


@dataclass(frozen=True)
class Comparison:
    """Of one library and one item that EXPECTED.csv has rows for."""

    library: str
    kind: str
    path: str
    verdict: str
    detail: str = ""


def is_numbers(row: Row) -> bool:
    """Whether the row is about numbers: texts and objects are no images."""
    return bool(_NUMBERS.fullmatch(row.dtype)) and not row.bad


def judged(reading: Reading, rows: Sequence[Row]) -> Comparison:
    """``right`` if every row's voxels are among what the library read."""
    kind, path = reading.item.kind, reading.item.path
    missing = [row for row in rows if not _is_read(row, reading)]
    if not missing:
        return Comparison(reading.peer, kind, path, "right")
    if reading.failure:
        verdict = "error" if reading.failure not in ("hang", "crash") else VERDICTS[3]
        return Comparison(reading.peer, kind, path, verdict, reading.detail)
    read = ", ".join(f"{'x'.join(map(str, r.shape))} {r.dtype}" for r in reading.rows)
    row = missing[0]
    wanted = f"{'x'.join(map(str, row.shape))} {row.dtype}"
    detail = f"read {read or 'nothing'}, expected {wanted} with other voxels"
    return Comparison(reading.peer, kind, path, VERDICTS[1], detail)


def _is_read(row: Row, reading: Reading) -> bool:
    return any(
        row.digest in digests
        and (row.dtype == "RGBA8" or math.prod(found.shape) == math.prod(row.shape))
        for found, digests in zip(reading.rows, reading.digests, strict=True)
    )


def ours(findings: Sequence[Finding]) -> Comparison:
    """The same verdict about the findings of one item."""
    worst = {
        Outcome.WRONG: VERDICTS[1],
        Outcome.HANG: VERDICTS[3], Outcome.CRASH: VERDICTS[3],
        Outcome.FOREIGN: "error", Outcome.REFUSED: "error", Outcome.READ: "error",
    }  # fmt: skip
    first = findings[0]
    compared = [f for f in findings if f.outcome in worst or f.outcome in _RIGHT]
    right = any(f.outcome in _RIGHT for f in compared)
    for outcome, verdict in worst.items():
        bad = [f for f in compared if f.outcome is outcome]
        if bad and not (right and outcome in (Outcome.REFUSED, Outcome.READ)):
            return Comparison(OURS, first.kind, first.path, verdict, bad[0].detail)
    return Comparison(OURS, first.kind, first.path, "right")


_RIGHT = (Outcome.EQUAL, Outcome.CALIBRATION)


def side_by_side(
    readings: Iterable[Reading],
    findings: Iterable[Finding],
    rows: Mapping[str, Sequence[Row]],
) -> list[Comparison]:
    """Verdicts on every item with rows (by its path), by every library of its kind."""
    found = [
        judged(reading, rows[reading.item.path])
        for reading in readings
        if rows.get(reading.item.path)
    ]
    mine: dict[tuple[str, str], list[Finding]] = defaultdict(list)
    for finding in findings:
        if rows.get(finding.path) and finding.driver:
            mine[finding.path, finding.kind].append(finding)
    return [ours(group) for group in mine.values()] + found


def counted(
    comparisons: Iterable[Comparison],
) -> dict[tuple[str, str], Counter[str]]:
    """Verdicts by kind and library, ours first."""
    counts: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for one in comparisons:
        counts[one.kind, one.library][one.verdict] += 1
    rank = {name: n for n, name in enumerate((OURS, *BY_NAME))}
    return dict(sorted(counts.items(), key=lambda p: (p[0][0].lower(), rank[p[0][1]])))

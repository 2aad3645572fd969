"""The page of the documentation: what was read and refused, ours and other libraries.

It is made from a sweep alone, and the same sweep makes the same page: there is no date
and no path of a machine in it.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

from benchmarks.real_files.findings import Finding, Outcome, shown
from benchmarks.real_files.peers import PEERS
from benchmarks.real_files.report import HEADS, by_kind, others, refusals, used
from benchmarks.real_files.side_by_side import VERDICTS, Comparison, counted

COMMAND = "python -m benchmarks.real_files"
REFRESH = f"{COMMAND} ../shared/realdata --write docs/real-files.md"

HEAD = """\
# Real files

Every file of a folder of real ones (Gatan DM3 and DM4, TIFF, N5, Zarr, OME-Zarr,
Neuroglancer precomputed, pictures of sections) is opened through the drivers, read to
the last voxel, and compared with what independent readers found: voxels by sha256,
voxel size and origin by axis. The files come from public repositories and are not part
of this one. This page is written by the sweep itself:

```sh
{refresh}
```

For a folder of your own, with an `EXPECTED.csv` in it or without:

```sh
{command} PATH
```

{summary}
"""
KINDS = """\
## What came of them

Images and levels are counted, not files. *as peers*: no row is about it, and every
other library reads the same. *read*: nothing was there to compare with. *empty*:
metadata without any chunk. *refused*: by an error of ours that says what it is.
"""
REFUSED = """\
## Refused, and why

The error's own words. Reasons that differ in numbers and names only stand in one row.
"""
BESIDE = """\
## Beside other libraries

The same files by each library in its documented way, in a process of its own with a
limit of time and memory. Counted is what `EXPECTED.csv` has a row of numbers for.
*right*: the voxels are the expected ones, in C or Fortran order, in that type or a
wider one. *another array*: it gave others and said nothing; that may be by design, as
when grey values of 4 bits are stretched to 8. *error*: it raised anything, a refusal or
a traceback.

Be wary of the comparison: `EXPECTED.csv` was made by some of these libraries
(rosettasciio and ncempy for DM, tifffile and Pillow for TIFF, Pillow and imagecodecs
for pictures, zarr-python and tensorstore for Zarr, tensorstore for N5, tensorstore and
cloud-volume for precomputed). Where only one of them could read a file, it is right by
definition. Chunks that cloud-volume writes to a disk carry the suffix `.gz`, which
tensorstore alone does not look for; in a bucket they have none. An *error* of ours is a
refusal, whose reason is in the table above.
"""


def page(
    findings: Sequence[Finding],
    comparisons: Sequence[Comparison],
    expected: Path | None,
) -> str:
    """The whole page as Markdown."""
    parts = [
        HEAD.format(
            refresh=REFRESH, command=COMMAND, summary=_summary(findings, expected)
        ),
        KINDS,
        _kinds(findings),
        _no_format(findings),
        REFUSED,
        _refusals(findings),
    ]
    if comparisons:
        parts += [BESIDE, _libraries(comparisons), _calls(), _others(comparisons)]
    return "\n".join(part.rstrip() + "\n" for part in parts if part)


def versions() -> str:
    """The libraries that took part, in one line; the page is theirs."""
    peers = (f"{peer.name} {peer.version or 'absent'}" for peer in PEERS)
    return f"emcatalog {version('emcatalog')}; " + "; ".join(peers)


def _summary(findings: Sequence[Finding], expected: Path | None) -> str:
    counts = Counter(f.outcome for f in findings)
    items = len({(f.path, f.kind) for f in findings if f.outcome is not Outcome.NONE})
    told = "no EXPECTED.csv"
    if expected:
        text = expected.read_bytes()
        rows = len(text.decode("utf-8", "replace").splitlines()) - 1
        told = (
            f"an EXPECTED.csv of {rows} rows ({hashlib.sha256(text).hexdigest()[:12]})"
        )
    faults = [
        f"{counts[o]} {HEADS[o].lower()}"
        for o in (Outcome.WRONG, Outcome.FOREIGN, Outcome.HANG, Outcome.CRASH)
    ]
    return (
        f"Swept: {items} files, stores and series, with {told}. "
        f"**{counts[Outcome.EQUAL]} equal, {counts[Outcome.REFUSED]} refused, "
        f"{', '.join(faults)}.**\n\nVersions: {versions()}."
    )


def _kinds(findings: Sequence[Finding]) -> str:
    counts = by_kind(findings)
    columns = used(counts)
    rows = [
        [kind, *(str(row[o] or "") for o in columns)] for kind, row in counts.items()
    ]
    total = Counter(f.outcome for f in findings)
    rows.append(["**all**", *(f"**{total[o]}**" for o in columns)])
    return _table(["kind", *(HEADS[o] for o in columns)], rows, numbers=True)


def _no_format(findings: Sequence[Finding]) -> str:
    counts = others(findings)
    listed = ", ".join(f"{n} × {why}" for why, n in sorted(counts.items()))
    return f"No volume format, and not opened: {listed}.\n" if counts else ""


def _refusals(findings: Sequence[Finding]) -> str:
    rows = [
        [str(len(group)), group[0].kind, _cell(reason), f"`{shown(group[0].path)}`"]
        for reason, group in refusals(findings)
    ]
    return _table(["", "kind", "got; expected", "the first such file"], rows)


def _libraries(comparisons: Sequence[Comparison]) -> str:
    rows = [
        [kind, library, *(str(counts[v] or "") for v in VERDICTS)]
        for (kind, library), counts in counted(comparisons).items()
    ]
    return _table(["kind", "library", *VERDICTS], rows)


def _calls() -> str:
    rows = [[peer.name, f"`{peer.call}`"] for peer in PEERS]
    return _table(["library", "how it was called"], rows)


def _others(comparisons: Iterable[Comparison]) -> str:
    """What was read as another array, one by one."""
    rows = [
        [one.library, f"`{shown(one.path)}`", _cell(one.detail)]
        for one in comparisons
        if one.verdict == VERDICTS[1]
    ]
    head = "### Another array than expected\n\n"
    return head + _table(["library", "file", "what it gave"], rows) if rows else ""


def _table(
    head: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: bool = False
) -> str:
    def lines() -> Iterator[str]:
        yield f"| {' | '.join(head)} |"
        right = "---:" if numbers else "---"
        yield f"| --- |{''.join(f' {right} |' for _ in head[1:])}"
        for row in rows:
            yield f"| {' | '.join(row)} |"

    return "\n".join(lines()) + "\n"


def _cell(text: str) -> str:
    r"""Text in a cell of a table: nothing in it is markup.

    >>> _cell("a|b *c*")
    'a\\|b \\*c\\*'
    """
    return re.sub(r"([|*_<\[`])", r"\\\1", shown(text))

"""Facts of a dataset's page on the site of OpenOrganelle, as keys and texts.

Source of the shape: what the page shows, section by section, such as
``{"FIB-SEM parameters": {"Current_(nA)": "0.22"}}``; the sections may lie in
``raw_metadata``. Keys hold the unit, and texts the order of axes:
``"Final_voxel_size_(nm)": "(4, 4, 2.96) (x, y, z)"``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from emcatalog.errors import FormatError
from emcatalog.harvest.answer import Answer, Step, doubted
from emcatalog.harvest.documents import refuse_failure
from emcatalog.harvest.openorganelle import dwell
from emcatalog.harvest.values import doi, link
from emcatalog.record import Claim

Path = tuple[Step, ...]

_PLAIN = {
    "imaging start date": "acquired", "dataset id": "accession",
    "dataset location": "download",
}  # fmt: skip
_QUANTITIES = {
    "primary energy": "accelerating_voltage", "current": "beam_current",
}  # fmt: skip
_TRIPLES = {"final voxel size": "voxel_size", "dimensions": "extent"}
_TRIPLE = re.compile(
    r"\(([^,()]{1,40}),([^,()]{1,40}),([^,()]{1,40})\)\s*"
    r"\(\s*([xyz])\s*,\s*([xyz])\s*,\s*([xyz])\s*\)"
)
_UNIT = re.compile(r"\(([^()]{1,20})\)")
_PAPER = re.compile(r"[A-Za-z].{0,60} et al\.?,? \d{4}", re.IGNORECASE)


def claims(document: object, url: str) -> tuple[Claim, ...]:
    """What the page says; all claims have the source ``page``.

    Raises FormatError for a document in which no fact of such a page stands.

    >>> page = {"Acquisition": {"Final_voxel_size_(nm)": "(4, 4, 2.96) (x, y, z)"}}
    >>> [(c.field, c.value) for c in claims(page, "")][1:]
    [('voxel_size_x', 4.0), ('voxel_size_y', 4.0), ('voxel_size_z', 2.96)]
    """
    refuse_failure(document, url)
    answer = Answer(document, url, "page")
    root: Path = ("raw_metadata",) if answer.at("raw_metadata") is not None else ()
    facts = [
        path for section in answer.rows(*root) for path in _members(answer, section)
    ]
    found = [claim for path in facts for claim in _of_fact(answer, path)]
    found += _papers(answer, facts)
    for path in answer.rows(*root):
        if str(path[-1]).casefold() == "fib-sem parameters":
            found += answer.says("modality", "FIB-SEM", answer.place(*path))
    if not found:
        raise FormatError(
            entry=url,
            got="JSON without facts of a page of OpenOrganelle",
            expected='{"Acquisition details": {"Final_voxel_size_(nm)": ...}, ...}',
        )
    return (*answer.says("source", "OpenOrganelle", answer.place()), *found)


def _members(answer: Answer, section: Path) -> Iterator[Path]:
    for name in answer.at(*section):
        if isinstance(answer.at(*section, name), str):
            yield *section, name


def _of_fact(answer: Answer, path: Path) -> Iterator[Claim]:
    name, unit = _name_and_unit(str(path[-1]))
    if field := _TRIPLES.get(name):
        yield from _triple(answer, field, path, unit)
    elif field := _QUANTITIES.get(name):
        yield from answer.tells(field, *path, unit=unit)
    elif field := _PLAIN.get(name):
        yield from answer.tells(field, *path)
    elif name == "scan rate" and unit == "MHz":
        yield from dwell(answer, *path)
    elif name.startswith("reconstructed") and name.endswith("data"):
        yield from answer.tells("data_doi", *path, read=doi)
    elif name.endswith("segmentations"):
        words = (
            f"{name.removesuffix('segmentations').strip()}: {link(answer.at(*path))}"
        )
        if link(answer.at(*path)):
            yield from answer.says("segmentations", (words,), answer.place(*path))


def _name_and_unit(key: str) -> tuple[str, str]:
    """A key in plain words, and the unit in its brackets.

    >>> _name_and_unit("Final_voxel_size_(nm)")
    ('final voxel size', 'nm')
    """
    unit = _UNIT.search(key)
    words = _UNIT.sub("", key).replace("_", " ").casefold()
    return " ".join(words.split()), unit[1] if unit else ""


def _triple(answer: Answer, field: str, path: Path, unit: str) -> Iterator[Claim]:
    """Three lengths in the order of axes that stands behind them."""
    place, text = answer.place(*path), answer.at(*path)
    found = _TRIPLE.search(text)
    if not found or {*found.groups()[3:]} != set("xyz"):
        doubt = f"its axes are not told: {text.strip()!r:.200}"
        for axis in "zyx":
            told = answer.says(f"{field}_{axis}", text, place, unit)
            yield from doubted(told, doubt)
        return
    for length, axis in zip(found.groups()[:3], found.groups()[3:], strict=True):
        yield from answer.says(f"{field}_{axis}", length.strip(), place, unit)


def _papers(answer: Answer, facts: list[Path]) -> Iterator[Claim]:
    """DOIs under keys such as ``Xu_et_al.,_2021``; of several, the first is taken."""
    named = [
        path
        for path in facts
        if _PAPER.fullmatch(str(path[-1]).replace("_", " ")) and doi(answer.at(*path))
    ]
    for number, path in enumerate(named):
        both = answer.tells("doi", *path, read=doi)
        both += answer.tells("publication_url", *path, read=link)
        doubt = f"one more of the {len(named)} papers that the page names"
        yield from doubted(both, doubt) if number else both

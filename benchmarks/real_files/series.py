"""Files of a folder that are sections of one volume: which, and in which order."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from benchmarks.real_files.findings import Item


def series(files: Iterable[Item]) -> Iterator[Item]:
    """Sections of one volume among the files of a folder, as further items.

    Three or more files of one kind are a series if their names differ in one number
    only. The folder is what is opened if it holds nothing else of the kind.
    """
    alike: dict[tuple[str, ...], list[Item]] = defaultdict(list)
    kinds: dict[str, int] = defaultdict(int)
    for item in files:
        if item.driver and item.kind in ("DM", "TIFF", "picture"):
            name = Path(item.places[0]).name
            kinds[item.kind] += 1
            alike[(item.kind, *re.split(r"[0-9]+", name))].append(item)
    for key, members in alike.items():
        ordered = in_order([Path(m.places[0]) for m in members])
        if not ordered:
            continue
        first, last = ordered[0], ordered[-1]
        top = members[0].root
        path = f"{first.relative_to(top).as_posix()} .. {last.name}"
        whole = kinds[key[0]] == len(members)
        places = (f"{first.parent}{os.sep}",) if whole else tuple(map(str, ordered))
        yield Item(top, path, f"series of {key[0]}", members[0].driver, places)


def in_order(places: Sequence[Path]) -> list[Path]:
    """The files by the one number in which their names differ; empty if it is not one.

    >>> [p.name for p in in_order([Path("s10.png"), Path("s9.png"), Path("s8.png")])]
    ['s8.png', 's9.png', 's10.png']
    """
    if len(places) < 3:
        return []
    numbers = [tuple(map(int, re.findall(r"[0-9]+", p.name))) for p in places]
    varying = [
        i for i, column in enumerate(zip(*numbers, strict=True)) if len(set(column)) > 1
    ]
    if len(varying) != 1:
        return []
    (column,) = varying
    ordered = sorted(range(len(places)), key=lambda n: numbers[n][column])
    if len({row[column] for row in numbers}) < len(places):
        return []
    return [places[n] for n in ordered]


def members_of(item: Item) -> list[Path]:
    """The files of a series, in order."""
    if len(item.places) > 1:
        return [Path(place) for place in item.places]
    folder = Path(item.places[0])
    first = Path(item.path.partition(" .. ")[0]).name
    pattern = re.split(r"[0-9]+", first)
    alike = [p for p in folder.iterdir() if re.split(r"[0-9]+", p.name) == pattern]
    return in_order(alike)

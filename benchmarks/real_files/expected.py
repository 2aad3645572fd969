"""EXPECTED.csv: what independent readers found in each file.

A row names a file (``path``; ``#`` and ``/`` lead to a scale or a level), the number of
an image in it (``item``), shape, type, the first 16 digits of the sha256 over the
voxels, the calibration (``axes``) and the order in which the bytes were hashed.
"""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from benchmarks.real_files.findings import Row

NEEDED = ("path", "shape", "dtype", "array_sha256_16_C")


class Table:
    """The rows by path, and which of them have been asked for."""

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        self._rows: dict[str, list[Row]] = defaultdict(list)
        for row in rows:
            self._rows[row.path].append(row)
        self._asked: set[str] = set()

    def about(self, path: str, levels: Iterable[str] = ()) -> tuple[Row, ...]:
        """The rows of a file or folder, those of its scales and ``levels`` as well."""
        keys = {path, *(f"{path}/{level}" for level in levels)}
        keys |= {key for key in self._rows if key.startswith(f"{path}#")}
        found = [row for key in sorted(keys) for row in self._rows.get(key, ())]
        self._asked.update(row.path for row in found)
        return tuple(found)

    def unasked(self) -> tuple[Row, ...]:
        """Rows of which no file was found."""
        left = [path for path in self._rows if path not in self._asked]
        return tuple(row for path in left for row in self._rows[path])


def read_expected(place: Path) -> Table:
    """The rows of the file at ``place``.

    A row that cannot be understood is kept: ``bad`` says why, and the comparison with
    it fails. Raises ValueError for a file that lacks the columns.
    """
    with place.open(encoding="utf-8", errors="replace", newline="") as file:
        rows = csv.DictReader(file)
        missing = [c for c in NEEDED if c not in (rows.fieldnames or ())]
        if missing:
            raise ValueError(f"{place.name} lacks the columns {', '.join(missing)}")
        return Table(map(parse_row, rows))


def parse_row(members: Mapping[str, str | None]) -> Row:
    """One row; ``bad`` tells what of it makes no sense.

    >>> row = parse_row({"path": "a#8_8_8", "shape": "4x3x2x1", "dtype": "uint8",
    ...                  "array_sha256_16_C": "0" * 16,
    ...                  "order": "xyzc; sha over tobytes('F')"})
    >>> row.shape, row.letters
    ((1, 2, 3, 4), 'czyx')
    """
    given = {k: v or "" for k, v in members.items() if isinstance(v, str | None) and k}
    digest, bad = given.get("array_sha256_16_C", "").strip().lower(), ""
    if not re.fullmatch(r"[0-9a-f]{8,64}", digest):
        bad = f"array_sha256_16_C {digest!r} is no sha256"
    text = given.get("shape", "").strip()
    shape: tuple[int, ...] = ()
    if re.fullmatch(r"[0-9]+(x[0-9]+)*", text):
        shape = tuple(map(int, text.split("x")))
    else:
        bad = f"shape {text!r} is not such as 10x20x30"
    letters = letters_of(given.get("order", ""), given.get("axes", ""), len(shape))
    if "tobytes('F')" in given.get("order", ""):
        shape, letters = shape[::-1], letters[::-1]
    return Row(
        path=given.get("path", ""),
        item=given.get("item", "") or "0",
        shape=shape,
        dtype=given.get("dtype", "").strip(),
        digest=digest,
        letters=letters,
        axes=given.get("axes", ""),
        reader=given.get("reader", "") or "EXPECTED",
        bad=bad,
    )


def letters_of(order: str, axes: str, count: int) -> str:
    """One letter for each axis of the shape; empty if the row does not tell them.

    >>> letters_of("tifffile asarray; axes YXS; TIFF", "", 3)
    'yxs'
    >>> letters_of("numpy C order of rosettasciio array", "y:2 A,x:1 nm", 2)
    'yx'
    >>> letters_of("array as tensorstore n5 gives it", "", 3)
    'xyz'
    """
    head = order.partition(";")[0].strip()
    plain = head.replace(",", "").removesuffix(" C").lower()
    named = re.search(r"\baxes ([A-Z]+)\b", order)
    calibrated = [part.partition(":")[0] for part in axes.split(",") if ":" in part]
    ways = (
        named[1].lower() if named else "",
        plain if re.fullmatch(r"[tczyxs]+", plain) else "",
        "xyzct"[:count] if "tensorstore n5" in order else "",
        "".join(n.lower() if n in "xyz" else "q" for n in calibrated),
    )
    return next((w for w in ways if w and len(w) == count), "")

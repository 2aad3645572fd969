"""What headers and archives said, kept as files, so that it is known offline.

A snapshot is one JSON file of facts: the ``identity`` of the data (the same text as
`VolumeSource.identity`), its ``title``, and ``claims``, each with the day on which it
was read; ``verdicts`` may tell of a field what was found when its disagreement was
looked into. What a catalog's author declares is never in it: that is taken from the
entry at hand. Snapshots of the shipped catalog come with the package; those that
``emcatalog metadata --refresh`` writes lie in a folder of the user.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from emcatalog.beside import beside
from emcatalog.errors import EmcatalogError, FormatError
from emcatalog.json_text import mapping, parsed, wrong
from emcatalog.metadata.formats import to_json
from emcatalog.record import FIELDS, Claim, Record

FOLDER_VARIABLE = "EMCATALOG_SNAPSHOTS"
SHIPPED = Path(__file__).resolve().parent / "snapshots"
LARGEST = 2**24
"""Bytes of a snapshot; one of all that is known of a volume has a thousandth."""


@dataclass(frozen=True)
class Snapshot:
    """Claims about one image, as they were read; see the module.

    >>> Snapshot("tiff file:a.tif", "", (Claim("depth", 3, "file", time="2025-06-11"),
    ...     Claim("title", "cells", "page", time="2025-07-01"))).read
    '2025-07-01'
    """

    identity: str
    title: str
    claims: tuple[Claim, ...]
    verdicts: Mapping[str, str] = field(default_factory=dict)

    @property
    def read(self) -> str:
        """The day (or second, UTC) of the newest claim; empty if none is dated."""
        return max((claim.time for claim in self.claims), default="")


def user_folder() -> Path:
    """Where snapshots of the user lie: EMCATALOG_SNAPSHOTS, or the usual place."""
    told = os.environ.get(FOLDER_VARIABLE, "")
    if told:
        return Path(os.path.expanduser(told)).absolute()  # noqa: PTH111 - ~nobody
    import platformdirs

    return Path(platformdirs.user_data_dir("emcatalog", appauthor=False)) / "snapshots"


def snapshots() -> dict[str, Snapshot]:
    """The newest snapshot of each identity, of those shipped and those of the user.

    Of two that are equally new that of the user is taken. Raises FormatError that
    names a damaged file.
    """
    found: dict[str, Snapshot] = {}
    for folder in (SHIPPED, user_folder()):
        for path in sorted(p for p in folder.glob("*.json") if p.is_file()):
            snapshot = load(path)
            known = found.get(snapshot.identity)
            if known is None or known.read <= snapshot.read:
                found[snapshot.identity] = snapshot
    return found


def load(path: Path) -> Snapshot:
    """The snapshot in a file; FormatError that names the file if it is damaged."""
    try:
        if path.stat().st_size > LARGEST:
            raise wrong("the size", path.stat().st_size, f"at most {LARGEST} bytes")
        return _snapshot(path.read_bytes())
    except EmcatalogError as error:
        raise FormatError(
            entry=f"snapshot {path}",
            got=error.got,
            expected=error.expected,
            hint="remove the file, then emcatalog metadata --refresh reads it again",
        ) from error


def save(snapshot: Snapshot, folder: Path | None = None) -> Path:
    """Write a snapshot into the user's folder, or another; returns its file.

    Its name follows from the identity, so a newer one takes the place of the older.
    """
    text = to_json(
        {
            "identity": snapshot.identity,
            "title": snapshot.title,
            "verdicts": dict(snapshot.verdicts),
            "claims": Record(snapshot.claims).to_json()["claims"],
        }
    )
    path = (folder or user_folder()) / _file_name(snapshot.identity)
    path.parent.mkdir(parents=True, exist_ok=True)
    with beside(path) as scratch:
        scratch.write_text(text, "utf-8")
    return path


def _snapshot(text: bytes) -> Snapshot:
    whole = mapping(
        parsed(text, "a snapshot: identity, title, claims", ""), "the snapshot"
    )
    identity, claims = whole.get("identity"), whole.get("claims")
    if not isinstance(identity, str) or not identity:
        raise wrong("identity", identity, "the text that names the data")
    if not isinstance(claims, list):
        raise wrong("claims", claims, "a list of claims")
    read = Record.from_json({"claims": claims}).claims
    for claim in read:
        if claim.source == "catalog":
            raise wrong(claim.field, claim.value, "no claim of a catalog's author")
    verdicts = mapping(whole.get("verdicts", {}), "verdicts")
    for name, verdict in verdicts.items():
        if name not in FIELDS or not isinstance(verdict, str):
            raise wrong(f"verdicts.{name}", verdict, "a sentence about a field")
    return Snapshot(identity, str(whole.get("title", "")), read, verdicts)


def _file_name(identity: str) -> str:
    last = re.sub(r"[^A-Za-z0-9]+", "-", identity[-60:]).strip("-")
    return f"{last}-{hashlib.sha256(identity.encode()).hexdigest()[:12]}.json"

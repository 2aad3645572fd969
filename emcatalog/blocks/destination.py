"""Destination: where a result goes, and what stands beside while it is made.

Beside the place ``OUT`` there is ``OUT.part`` meanwhile: the store, the journal of
what is written, the options, and what else the next run needs. Only a store that was
read back is moved to ``OUT``, so nothing half-written ever stands there.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emcatalog.cache.lock import locked
from emcatalog.errors import EmcatalogError, OptionError, TransportError

Told = Mapping[str, Any]


@dataclass(frozen=True)
class Destination:
    """Where a result goes. ``told`` is what it is made of: plain values by name."""

    out: Path
    told: Told

    @property
    def part(self) -> Path:
        """The folder beside, in which it is made."""
        return self.out.with_name(self.out.name + ".part")

    @property
    def note(self) -> dict[str, Any]:
        """What the store says of itself beside NGFF."""
        return {"emcatalog": {"prediction": _plain(self.told)}}

    @property
    def store(self) -> Path:
        """The store that is being written."""
        return self.part / "store"

    def is_finished(self) -> bool:
        """Whether this very result stands there; clears away what was left beside."""
        attributes = _json(self.out / "zarr.json").get("attributes", {})
        if attributes.get("emcatalog") != self.note["emcatalog"]:
            return False
        if self.part.exists() and not self.store.exists():
            shutil.rmtree(self.part)
        return True

    def check(self, *, force: bool) -> None:
        """Refuse a place where something else is, or where nothing can be.

        Raises OptionError.
        """
        if not self.out.parent.is_dir():
            raise OptionError(
                got=f"{self.out}, whose folder does not exist",
                expected="a place in a folder that exists",
            )
        if not self.out.exists():
            return
        if not force:
            raise OptionError(
                got=f"{self.out}, which exists, and is another result",
                expected="a new place",
                hint="another name, or force=True to replace it",
            )
        if not any((self.out / name).is_file() for name in ("zarr.json", ".zgroup")):
            raise OptionError(
                got=f"{self.out}, which is no Zarr store",
                expected="a store that force=True may replace",
                hint="another name",
            )

    @contextmanager
    def entered(self, *, force: bool) -> Iterator[None]:
        """Within it no other run writes there, and what is beside is of this result.

        Raises OptionError if another run is at work, or if an earlier one that did not
        end had other options (with ``force`` what it made is thrown away).
        """
        with self.writing():
            self.part.mkdir(exist_ok=True)
        with locked(self.part / "lock") as file:
            if file is None:
                raise OptionError(
                    got=f"{self.part}, where another run is at work",
                    expected="one run for one result",
                    hint="wait for it, or take another name",
                )
            with self.writing():
                self._begin(force=force)
            yield

    def _begin(self, *, force: bool) -> None:
        book = self.part / "options.json"
        begun = _json(book)
        if begun and (other := _differences(begun, _plain(self.told))):
            if not force:
                raise OptionError(
                    got=f"{self.part}, begun with {other}",
                    expected="the same options, to go on",
                    hint="force=True begins anew, or remove it",
                )
            begun = {}
        if begun and self.store.exists():
            return
        for found in self.part.iterdir():
            if found.name != "lock":
                shutil.rmtree(found) if found.is_dir() else found.unlink()
        _write_json(book, self.told)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Within it what the disk refuses is a TransportError that names the place."""
        try:
            yield
        except OSError as error:
            if isinstance(error, EmcatalogError):
                raise
            raise TransportError(
                entry=str(self.out),
                got=f"{error.strerror or error} while writing",
                expected="a disk that takes it",
                hint="run it again when it does: what is written is kept beside",
            ) from error

    def finish(self) -> None:
        """Move the store to its place; what was there is removed after that."""
        with self.writing():
            for scrap in self.store.rglob("*.partial"):
                scrap.unlink()
            if self.out.exists():
                self.out.rename(self.part / "old")
            self.store.rename(self.out)
            shutil.rmtree(self.part)


def _differences(begun: Told, told: Told) -> str:
    names = [n for n in {**begun, **told} if begun.get(n) != told.get(n)]
    return ", ".join(f"{n}={begun.get(n)!r}, not {told.get(n)!r}" for n in names)


def _plain(told: Told) -> dict[str, Any]:
    """As JSON gives it back."""
    plain: dict[str, Any] = json.loads(json.dumps(dict(told)))
    return plain


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _write_json(path: Path, told: Told) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(dict(told), indent=2) + "\n", "utf-8")
    fresh.replace(path)

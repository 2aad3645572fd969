"""``emcatalog sample``: the embedded miniatures as a mirror directory."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from emcatalog.cli.terminal import number_of_bytes, progress, say


def sample(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="A new directory, or an older sample.")
    ],
) -> None:
    """Write miniatures of the five datasets, in their own formats.

    They are procedural, not measured. The directory is a mirror: with it, the shipped
    catalog opens all five without any network.

      emcatalog sample sample
      EMCATALOG_MIRROR=sample emcatalog show dataset4
    """
    place = write(directory)
    size = sum(p.stat().st_size for p in place.rglob("*") if p.is_file())
    say(f"The sample is in {place} ({number_of_bytes(size)}).")
    say("", "Read from it with", f"  export EMCATALOG_MIRROR={place}")
    say("  emcatalog list", "or, in Python,", f"  emcatalog.use_mirror({str(place)!r})")


def write(directory: Path, *, fresh: bool = False) -> Path:
    """Write the sample, or find it there; shows its progress.

    ``fresh`` writes it anew. Raises OptionError for a directory that holds anything
    but a sample.
    """
    from emcatalog.sample import write_sample

    place = directory.expanduser().absolute()
    if fresh:
        _call_outdated(place)
    with progress("writing the sample") as report:
        return write_sample(place, report)


def _call_outdated(place: Path) -> None:
    """Change the sample's stamp, so that it is replaced as any older sample is."""
    from emcatalog.sample.writing import STAMP

    stamp = place / STAMP
    if stamp.is_file():
        facts = json.loads(stamp.read_text(encoding="utf-8"))
        facts["emcatalog sample"] = -1
        stamp.write_text(json.dumps(facts), encoding="utf-8")

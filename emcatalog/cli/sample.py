"""``emcatalog sample``: the embedded miniatures as a mirror directory."""

from __future__ import annotations

from pathlib import Path

import click

from emcatalog.cli.terminal import progress, say

EXAMPLES = """\b
Examples:
  emcatalog sample sample
  EMCATALOG_MIRROR=sample emcatalog show dataset4
"""


@click.command(epilog=EXAMPLES)
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
def sample(directory: Path) -> None:
    """Write miniatures of the five datasets, in their own formats.

    They are procedural, not measured. DIR, which is new or an older sample, becomes a
    mirror: with it, the shipped catalog opens all five without any network.
    """
    place = write(directory)
    say(
        f"The sample is in {place}. Read from it with",
        f"  export EMCATALOG_MIRROR={place}",
        "or, in Python,",
        f"  emcatalog.use_mirror({str(place)!r})",
    )


def write(directory: Path) -> Path:
    """Write the sample, or find it there; shows its progress.

    Raises OptionError for a directory that holds anything but a sample.
    """
    from emcatalog.sample import write_sample

    with progress("writing the sample") as report:
        return write_sample(directory.expanduser(), report)

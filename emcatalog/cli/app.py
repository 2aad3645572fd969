"""The application: its commands, its common options, and errors as letters."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import click

from emcatalog.cli.demo import demo
from emcatalog.cli.doctor import doctor
from emcatalog.cli.listing import list_entries
from emcatalog.cli.metadata import metadata
from emcatalog.cli.reading import read
from emcatalog.cli.sample import sample
from emcatalog.cli.search import search
from emcatalog.cli.show import show
from emcatalog.cli.terminal import letter
from emcatalog.cli.train import train
from emcatalog.errors import (
    EmcatalogError,
    OptionError,
    TransportError,
    UnitError,
    UnknownNameError,
    printable,
)

FAILED, MISUSED = 1, 2
MISUSES = (OptionError, UnknownNameError, UnitError)

HELP = """Public volume electron microscopy as labelled, lazy arrays in nanometres.

Every dataset of the catalog is one array with the axes z, y, x, whatever
server and format it lives on. Only what a command needs is downloaded.

\b
Begin with:
  emcatalog demo                    five datasets in one picture, offline
  emcatalog list                    what there is
  emcatalog search "mouse voxel<10nm"
  emcatalog show dataset4           everything known about one
  emcatalog metadata --conflicts    who says what, and who is believed
  emcatalog read dataset4 --box "0:400,0:1um,0:1um" --out box.tif
  emcatalog train                   a network learns mitochondria, offline
  emcatalog doctor                  what works, and which servers answer
"""

EPILOG = """\b
Exit status:
  0  done
  1  failed
  2  a word of the command line is wrong

\b
Environment:
  EMCATALOG_MIRROR            directory that is read before any server
  EMCATALOG_MEMORY_LIMIT      most bytes that one command may take: 4GiB
  EMCATALOG_CACHE             memory for chunks and pages once read: 1GiB
  EMCATALOG_DISK_CACHE        directory that keeps remote chunks and pages
  EMCATALOG_DISK_CACHE_LIMIT  most bytes in it; 20GiB if it is not told
  EMCATALOG_SNAPSHOTS         directory of what `metadata --refresh` reads
"""


class LetterGroup(click.Group):
    """Commands in the order of a tour; every error of ours is printed as a letter."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order in which the commands were added."""
        return list(self.commands)

    def make_context(self, *words: Any, **settings: Any) -> click.Context:
        """Take the words apart that stand before the command."""
        with _escaped():
            return super().make_context(*words, **settings)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; an error is told on stderr and becomes an exit status."""
        try:
            with _escaped():
                return super().invoke(ctx)
        except BrokenPipeError:
            raise  # `emcatalog list | head`: click ends quietly
        except (EmcatalogError, OSError) as error:
            if ctx.params["debug"]:
                raise
            letter(error if isinstance(error, EmcatalogError) else _told(error))
            ctx.exit(MISUSED if isinstance(error, MISUSES) else FAILED)


@contextlib.contextmanager
def _escaped() -> Iterator[None]:
    """Words that click quotes may be names of files, which hold anything."""
    try:
        yield
    except click.UsageError as error:
        said = error.format_message()
        if printable(said) == said:
            raise
        raise click.UsageError(printable(said), error.ctx) from None


def _told(error: OSError) -> EmcatalogError:
    """What the operating system refused, as an error of ours."""
    return TransportError(
        entry=str(error.filename or ""),
        got=error.strerror or str(error),
        expected="a place that can be read or written",
        hint="check the path, its permissions and the space on the disk",
    )


@click.group(
    cls=LetterGroup,
    help=HELP,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.version_option(package_name="emcatalog", message="emcatalog %(version)s")
def app(debug: bool) -> None:
    """Options that stand before the command; `LetterGroup` looks at ``debug``."""


_COMMANDS = (
    demo, list_entries, search, show, metadata, read, train, sample, doctor
)  # fmt: skip
for _command in _COMMANDS:
    app.add_command(_command)


def main() -> None:
    """Run the command line; the entry point ``emcatalog``."""
    app(prog_name="emcatalog")

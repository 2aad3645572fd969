"""The application: its commands, its common options, and errors as letters."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from emcatalog.cli import demo, listing, reading, sample, show
from emcatalog.cli.doctor import doctor
from emcatalog.cli.terminal import letter, say
from emcatalog.errors import (
    EmcatalogError,
    OptionError,
    TransportError,
    UnitError,
    UnknownNameError,
)

FAILED, MISUSED = 1, 2

HELP = """Public volume electron microscopy as labelled, lazy arrays in nanometres.

Every dataset of the catalog is one array with the axes z, y, x, whatever
server and format it lives on. Only what a command needs is downloaded.

[bold]Begin with[/bold]

  emcatalog demo                    five datasets in one picture, offline
  emcatalog list                    what there is
  emcatalog show dataset4           everything known about one
  emcatalog read dataset4 --box "0:400,0:1um,0:1um" --out box.tif
  emcatalog doctor                  what works, and which servers answer
"""

EPILOG = (
    "Exit status: 0 done, 1 failed, 2 a word of the command line is wrong. "
    "EMCATALOG_MIRROR names a directory that is read before any server; "
    "EMCATALOG_MEMORY_LIMIT the most bytes that one command may take (4GiB)."
)


class LetterGroup(TyperGroup):
    """A group of commands that prints every error of ours as a letter."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command; an error is told on stderr and becomes an exit status."""
        try:
            return super().invoke(ctx)
        except EmcatalogError as error:
            if ctx.params.get("debug"):
                raise
            letter(error)
            misused = isinstance(error, OptionError | UnknownNameError | UnitError)
            raise typer.Exit(MISUSED if misused else FAILED) from error
        except BrokenPipeError:
            raise  # `emcatalog list | head`: typer ends quietly
        except OSError as error:
            if ctx.params.get("debug"):
                raise
            letter(_told(error))
            raise typer.Exit(FAILED) from error


def _told(error: OSError) -> EmcatalogError:
    """What the operating system refused, as an error of ours."""
    return TransportError(
        entry=str(error.filename or ""),
        got=error.strerror or str(error),
        expected="a place that can be read or written",
        hint="check the path, its permissions and the space on the disk",
    )


app = typer.Typer(
    cls=LetterGroup,
    name="emcatalog",
    help=HELP,
    epilog=EPILOG,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        from emcatalog import __version__

        say(f"emcatalog {__version__}")
        raise typer.Exit


@app.callback()
def common(
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of an error.")
    ] = False,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_version, is_eager=True, help="Show the version."
        ),
    ] = False,
) -> None:
    """Options that stand before the command; `LetterGroup` looks at ``debug``."""


def _flowing(text: str) -> str:
    """Help for terminals of any width: only indented lines stay as they are."""
    parts = inspect.cleandoc(text).split("\n\n")
    return "\n\n".join(p if p.startswith(" ") else p.replace("\n", " ") for p in parts)


COMMANDS: dict[str, Callable[..., None]] = {
    "demo": demo.demo,
    "list": listing.list_entries,
    "show": show.show,
    "read": reading.read,
    "sample": sample.sample,
    "doctor": doctor,
}
for _name, _command in COMMANDS.items():
    app.command(_name, help=_flowing(_command.__doc__ or ""))(_command)


def main() -> None:
    """Run the command line; the entry point ``emcatalog``."""
    app(prog_name="emcatalog")

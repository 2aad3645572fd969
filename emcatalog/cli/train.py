"""``emcatalog train``: a network learns mitochondria from the embedded sample."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from emcatalog.cli.sample import write
from emcatalog.cli.terminal import cell, facts, progress, say, table

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from emcatalog.train import Marks, Outcome

EXAMPLES = """\b
Examples:
  emcatalog train
  emcatalog train --steps 1000 --seed 1 --out longer
  emcatalog train --steps 20 --out tried --force

\b
What is written into the folder --out:
  model.pt        the network; emcatalog.train.load opens it
  scores.json     all numbers, and the loss of each step
  held-out.png    input, truth and prediction
  predictions/    dataset1.ome.zarr to dataset5.ome.zarr
"""


@click.command(epilog=EXAMPLES)
@click.option(
    "--out",
    "-o",
    metavar="DIR",
    default="emcatalog-train",
    show_default=True,
    type=click.Path(path_type=Path),
    help="The folder for what comes of it.",
)
@click.option(
    "--steps",
    metavar="N",
    default=300,
    show_default=True,
    type=click.IntRange(min=1),
    help="Steps of learning, each from 4 blocks.",
)
@click.option(
    "--seed",
    metavar="N",
    default=0,
    show_default=True,
    type=click.IntRange(min=0),
    help="Another one takes other blocks and begins with other numbers.",
)
@click.option(
    "--device",
    metavar="NAME",
    default="auto",
    show_default=True,
    help="Where PyTorch computes: auto takes the GPU if there is one, else cpu.",
)
@click.option(
    "--dir",
    "directory",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Where the sample is kept.  [default: the user's cache]",
)
@click.option("--force", is_flag=True, help="Replace what an earlier run wrote.")
def train(
    out: Path, steps: int, seed: int, device: str, directory: Path | None, force: bool
) -> None:
    """Teach a small 3-D U-Net what mitochondria look like; offline.

    Blocks of 24 x 40 x 40 voxels of 16 nm are drawn from all five datasets of the
    embedded sample, through the catalog, and read while the network learns. A third of
    each dataset is held out, apart from the rest: by it the network is judged (Dice and
    IoU), beside the best threshold of brightness and beside calling every voxel a
    mitochondrion. At last it is run over the whole volumes, block by block. Minutes on
    two CPU cores. Needs PyTorch: pip install 'emcatalog[torch]'.

    The sample is procedural: what is learnt from it is no tool for measured data.
    """
    import platformdirs

    import emcatalog
    from emcatalog.train import Course, demonstrate, with_truth

    course = Course(steps=steps, seed=seed)
    target = out.expanduser().absolute()
    root = write(directory or platformdirs.user_cache_path("emcatalog") / "sample")
    with emcatalog.use_mirror(root), progress("preparing") as report:
        arrays = with_truth(emcatalog.open_catalog(), root)
        outcome = demonstrate(
            arrays, target, course, device=device, force=force, report=report
        )
    _tell(outcome)


def _tell(outcome: Outcome) -> None:
    """The marks, and what to look at next."""
    losses, folder = outcome.losses, outcome.folder
    few = max(1, len(losses) // 10)
    first, last = sum(losses[:few]) / few, sum(losses[-few:]) / few
    pace = f"{len(losses) / outcome.seconds:.3g} steps per second on {outcome.device}"
    say("Voxels that were held out:", _table(outcome), style="")
    say(
        facts(
            (
                ("loss", f"{first:.3f} at the beginning, {last:.3f} at the end"),
                ("pace", f"{len(losses)} steps in {outcome.seconds:.0f} s, {pace}"),
                ("picture", folder / "held-out.png"),
                ("volumes", folder / "predictions"),
            )
        ),
        "",
    )
    say("Try next, in Python:", style="bold")
    say(
        "  import emcatalog.train",
        f"  model = emcatalog.train.load({str(folder / 'model.pt')!r})",
        "  cat = emcatalog.open_catalog()",
        '  emcatalog.train.predict(model, cat.dataset3, "likely.ome.zarr")',
    )


def _table(outcome: Outcome) -> Table:
    ways = ("U-Net", "best threshold", "every voxel")
    shown = table("dataset\n", *(f">{way}\nDice / IoU" for way in ways))
    for name, marks in outcome.marks.items():
        shown.add_row(*_row(name, marks))
    shown.add_section()
    shown.add_row(*_row("all voxels", outcome.together))
    return shown


def _row(name: str, marks: Marks) -> list[RenderableType]:
    scores = (marks.model, marks.threshold, marks.everything)
    return [cell(name), *(cell(f"{s.dice:.3f} / {s.iou:.3f}") for s in scores)]

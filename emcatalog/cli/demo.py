"""``emcatalog demo``: five datasets from the embedded sample, in one picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from emcatalog.cli.sample import write
from emcatalog.cli.terminal import cell, progress, say, table, times
from emcatalog.errors import OptionError

if TYPE_CHECKING:
    import xarray as xr
    from rich.table import Table

    from emcatalog.driver import VolumeSource

DATASETS = ("dataset1", "dataset2", "dataset3", "dataset4", "dataset5")
BOX_NM = {"z": 400.0, "y": 1200.0, "x": 1200.0}
"""The box that is taken from each: what all five miniatures have."""

BOX_TEXT = f"{times(list(BOX_NM.values()))} nm (z, y, x)"

EXAMPLES = """\b
Example:
  emcatalog demo --out five.png
"""


@click.command(epilog=EXAMPLES)
@click.option(
    "--dir",
    "directory",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Where the sample is kept.  [default: the user's cache]",
)
@click.option(
    "--out",
    "-o",
    metavar="PNG",
    default="emcatalog-demo.png",
    show_default=True,
    type=click.Path(path_type=Path),
    help="The picture.",
)
def demo(directory: Path | None, out: Path) -> None:
    """Open all five datasets, tabulate and draw them; offline.

    They are read through the shipped catalog from an embedded sample: procedural
    miniatures in the formats of the five sources. It is made on the first run.
    """
    import platformdirs

    import emcatalog

    target = out.expanduser().absolute()
    _check_picture(target)
    root = write(directory or platformdirs.user_cache_path("emcatalog") / "sample")
    with emcatalog.use_mirror(root), progress("opening") as report:
        catalog = emcatalog.open_catalog()
        sources = {name: catalog[name] for name in DATASETS}
        boxes = {}
        for done, (name, source) in enumerate(sources.items()):
            report(f"reading {name}", 0.1 + done / 7)
            box = {axis: slice(0, size) for axis, size in BOX_NM.items()}
            boxes[name] = source.to_dask().sel(box).load()
        report("drawing", 0.9)
        _draw(boxes, target)
        shown = _table(sources)
    say(shown, f"The same box from each, {BOX_TEXT}, is drawn in", f"  {target}", "")
    _next_steps(root)


def _check_picture(target: Path) -> None:
    if target.suffix.lower() != ".png" or not target.parent.is_dir():
        raise OptionError(
            got=f"--out {target}",
            expected="a file name that ends in .png, in a folder that exists",
            hint="--out emcatalog-demo.png",
        )


def _draw(boxes: dict[str, xr.DataArray], target: Path) -> None:
    from emcatalog.beside import beside
    from emcatalog.view import Words, gallery

    words = Words(
        title="Five sources, one kind of array",
        note=f"The same box from each, {BOX_TEXT}. Embedded sample: procedural "
        "miniatures in the sources' own formats, not measured data.",
        caption=(
            "cat = emcatalog.open_catalog()",
            "da = cat.dataset4.to_dask()",
            "da.sel(z=slice(0, 400),",
            '       y=slice(0, "1.2 um"),',
            '       x=slice(0, "1.2 um"))',
        ),
    )
    with beside(target) as fresh:
        gallery(boxes, words).save(fresh)


def _table(sources: dict[str, VolumeSource]) -> Table:
    """A block of three lines for each: it fits into 80 columns."""
    shown = table(
        "dataset\nformat\nprotocol and server",
        ">voxels (z, y, x)\ndtype\nlevels",
        ">voxel size (nm)\nextent (µm)",
    )
    shown.columns[0].no_wrap = False  # the longest server is folded, not a number
    for name, source in sources.items():
        array = source.to_xarray()
        known = array.attrs
        place = urlsplit(str(source.options["urlpath"]))
        size = times([round(nm, 3) for nm in known["voxel_size_nm"]])
        extent = times([round(nm / 1000, 2) for nm in known["volume_extent_nm"]])
        levels = f"{known['levels']} level{'s' if known['levels'] > 1 else ''}"
        shown.add_row(
            cell(f"{name}\n{known['format']}\n{place.scheme}://{place.netloc}"),
            cell(f"{times(array.shape)}\n{array.dtype}\n{levels}"),
            cell(f"{size}\n{extent}"),
            end_section=True,
        )
    return shown


def _next_steps(root: Path) -> None:
    say("Try next, in Python:", style="bold")
    say(
        "  import emcatalog",
        f"  emcatalog.use_mirror({str(root)!r})  # without it: the public servers",
        "  emcatalog.open_catalog().dataset4.to_dask()",
        "",
    )
    say("or in the shell:", style="bold")
    say(f"  export EMCATALOG_MIRROR={root}", "  emcatalog show dataset4")

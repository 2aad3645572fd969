"""``emcatalog demo``: five datasets from the embedded sample, in one picture."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from emcatalog.cli import sample
from emcatalog.cli.terminal import Report, cell, is_wide, progress, say, table, times
from emcatalog.errors import OptionError

if TYPE_CHECKING:
    import xarray as xr
    from rich.table import Table

    from emcatalog.driver import VolumeSource

DATASETS = ("dataset1", "dataset2", "dataset3", "dataset4", "dataset5")
BOX_NM = {"z": 400.0, "y": 1200.0, "x": 1200.0}
"""The box that is taken from each: what all five miniatures have."""


def demo(
    directory: Annotated[
        Path | None,
        typer.Option("--dir", metavar="DIR", help="Where the sample is kept."),
    ] = None,
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="PNG", help="The picture.")
    ] = Path("emcatalog-demo.png"),
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Write the sample anew.")
    ] = False,
) -> None:
    """Open all five datasets through the shipped catalog, and draw them.

    They are read from an embedded sample - procedural miniatures in the formats of the
    five sources - so no network is needed. It is kept in the user's cache directory
    unless --dir says otherwise.

      emcatalog demo --out five.png
    """
    import emcatalog

    target = out.expanduser().absolute()
    _check_picture(target)
    root = sample.write(directory or _default_directory(), fresh=fresh)
    with emcatalog.use_mirror(root), progress("opening") as report:
        sources = _opened(report)
        boxes = {name: _box(source, name, report) for name, source in sources.items()}
        report("drawing", 0.9)
        _draw(boxes, target)
        shown = _table(sources)
    say(shown)
    say(f"The same box from each, {_box_text()}, is drawn in", f"  {target}", "")
    _next_steps(root)


def _default_directory() -> Path:
    import platformdirs

    return platformdirs.user_cache_path("emcatalog") / "sample"


def _check_picture(target: Path) -> None:
    if target.suffix.lower() != ".png" or not target.parent.is_dir():
        raise OptionError(
            got=f"--out {target}",
            expected="a file name that ends in .png, in a folder that exists",
            hint="--out emcatalog-demo.png",
        )


def _opened(report: Report) -> dict[str, VolumeSource]:
    import emcatalog

    report("opening the catalog", 0.0)
    catalog = emcatalog.open_catalog()
    return {name: catalog[name] for name in DATASETS}


def _box(source: VolumeSource, name: str, report: Report) -> xr.DataArray:
    report(f"reading {name}", 0.1 + DATASETS.index(name) / 7)
    box = {axis: slice(0, size) for axis, size in BOX_NM.items()}
    return source.to_dask().sel(box).load()


def _box_text() -> str:
    return f"{times(list(BOX_NM.values()))} nm (z, y, x)"


def _draw(boxes: dict[str, xr.DataArray], target: Path) -> None:
    from emcatalog.view import Words, gallery

    words = Words(
        title="Five sources, one kind of array",
        note=f"The same box from each, {_box_text()}. Embedded sample: procedural "
        "miniatures in the sources' own formats, not measured data.",
        caption=(
            "cat = emcatalog.open_catalog()",
            "da = cat.dataset4.to_dask()",
            "da.sel(z=slice(0, 400),",
            '       y=slice(0, "1.2 um"),',
            '       x=slice(0, "1.2 um"))',
        ),
    )
    figure = gallery(boxes, words)
    handle, name = tempfile.mkstemp(".png", f".{target.stem}.", target.parent)
    os.close(handle)
    beside = Path(name)
    try:
        figure.save(beside)
        beside.chmod(0o644)  # temporary files are private, pictures are not
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)


def _table(sources: dict[str, VolumeSource]) -> Table:
    facts = [_facts(name, source) for name, source in sources.items()]
    if is_wide():
        columns = (">voxels z, y, x", "dtype", ">levels", ">voxel nm", ">extent µm")
        shown = table("dataset", "source", "format", *columns)
        for row in facts:
            shown.add_row(cell(row[0], "bold"), *map(cell, row[1:]))
        return shown
    pair = (">voxels z, y, x", ">voxel nm, extent µm")
    shown = table("dataset", *pair, keep_first=False)
    for name, place, kind, voxels, dtype, levels, size, extent in facts:
        known = f"{dtype}, {levels} level{'' if levels == '1' else 's'}"
        pairs = (f"{voxels}\n{known}", f"{size}\n{extent}")
        shown.add_row(cell("\n".join((name, kind, place))), *map(cell, pairs))
    return shown


def _facts(name: str, source: VolumeSource) -> tuple[str, ...]:
    array = source.to_xarray()
    known = array.attrs
    return (
        name,
        _place(source),
        str(known.get("format", "")),
        times(array.shape),
        str(array.dtype),
        str(known["levels"]),
        times([round(size, 3) for size in known["voxel_size_nm"]]),
        times([round(size / 1000, 2) for size in known["volume_extent_nm"]]),
    )


def _place(source: VolumeSource) -> str:
    """Protocol and server that the catalog names."""
    parts = urlsplit(str(source.options.get("urlpath", "")))
    return f"{parts.scheme}://{parts.netloc}"


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

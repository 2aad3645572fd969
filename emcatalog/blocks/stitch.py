"""predict: a function over a volume larger than memory, block by block, to OME-Zarr."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from emcatalog.blocks.counter import whole
from emcatalog.blocks.destination import Destination
from emcatalog.blocks.planning import Plan, plan
from emcatalog.blocks.results import Function
from emcatalog.blocks.running import Job, Progress, run
from emcatalog.blocks.tiles import Lattice, Tiles
from emcatalog.errors import OptionError, public

OVERLAPS = ("crop", "blend")


def predict(  # noqa: PLR0913 - all that it is
    array: Any,
    function: Function,
    out: str | os.PathLike[str],
    size: Any = 128,
    *,
    halo: Any = 16,
    overlap: str = "crop",
    batch: int | None = None,
    threads: int = 1,
    label: str = "",
    progress: Progress | None = None,
    force: bool = False,
    **reading: Any,
) -> Path:
    """Apply ``function`` to blocks of ``array``; stitch the results into an OME-Zarr.

    - ``array``: one dataset: a source of a catalog, a `xarray.DataArray` of z, y, x in
      nm, or what else `members` takes; with riders, a block has an axis of arrays
      first, the image before its riders.
    - ``function`` is given blocks (z, y, x) of ``size`` voxels, all alike, and returns
      an array of that shape, or with an axis of channels before it, of any numbers
      (truth values become uint8). With ``batch=n`` it is given up to n blocks at once,
      (n, z, y, x), and returns as many results. Only the caller's thread calls it,
      while others read and write; with ``threads=n`` n others call it at once.
    - ``out``: a folder to be, such as ``cells.ome.zarr``: OME-NGFF 0.5 on Zarr v3, its
      voxels where those of ``array`` lie.
    - ``halo``: voxels on each side of a block, one number or three, that are seen and
      not written. With ``overlap="blend"`` results fade into each other over two halos
      instead; weights sum to one at each voxel.
    - ``label`` names the function, such as the version of a model: nobody else can
      tell that it has changed.
    - ``progress(done, total)`` is called after each batch, with numbers of blocks.
    - ``reading``: ``voxel_size``, ``pad``, ``missing`` and more of `plan`. Where a
      volume is thinner than a block, blocks are padded: ``pad="reflect"`` unless told.
      With ``missing="mask"``, what is not there is 0 in the result.

    What is written stands beside in ``OUT.part``; it is read back and moved to ``out``
    at the end. A run that was killed goes on where it was; one that is complete does
    nothing. Memory is that of some batches, whatever the volume's size: `footprint`.
    Returns ``out``.

    Raises OptionError if another result stands there (``force`` replaces it), if a run
    that did not end had other options, and for results of another shape or type;
    MemoryLimitError for batches that do not fit; CorruptError if the disk does not hold
    what was written; TransportError if it takes no more; and what reading and
    ``function`` raise. What was done until then is kept.

    >>> import tempfile, numpy as np, xarray as xr
    >>> from emcatalog.geometry import Grid
    >>> from emcatalog.index import voxel_coords
    >>> grid = Grid((40, 50, 60), (8.0, 4.0, 4.0))
    >>> array = xr.DataArray(np.ones(grid.shape, "u1"), voxel_coords(grid))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     out = predict(array, lambda b: b > 0, f"{folder}/a.zarr", 32, halo=4)
    ...     sorted(path.name for path in out.iterdir())
    ['s0', 'zarr.json']
    """
    if overlap not in OVERLAPS:
        raise OptionError(
            got=f"overlap={overlap!r:.60}", expected=" or ".join(map(repr, OVERLAPS))
        )
    batches = {
        "batch": 1 if batch is None else whole(batch, "batch", least=1),
        "threads": whole(threads, "threads", least=1),
    }
    tiles = plan(array, size, Tiles(halo), **{"pad": "reflect", **reading})
    lattice = _only(tiles)
    told = _told(tiles, lattice, reading) | {"overlap": overlap, "label": label}
    place = Destination(Path(out).absolute(), told)
    if not force and place.is_finished():
        return Path(out)
    place.check(force=force)
    with place.entered(force=force):
        # another run may have ended while this one waited
        if force or not place.is_finished():
            stacked, blend = batch is not None, overlap == "blend"
            job = Job(tiles, lattice, function, blend, stacked=stacked, **batches)
            run(job, place, progress or _silent)
            place.finish()
    return Path(out)


def _only(tiles: Plan) -> Lattice:
    """The tiles of the one dataset that there is."""
    found: Any = tiles.sampler
    if len(found.lattices) == 1:
        return found.lattices[0]  # type: ignore[no-any-return]
    names = ", ".join(member.name for member in tiles.members)
    raise OptionError(
        got=f"the datasets {names}",
        expected="one, for one result",
        hint="call it for each",
    )


def _told(tiles: Plan, lattice: Lattice, reading: Mapping[str, Any]) -> dict[str, Any]:
    """What a result is made of, in plain values: the same for a run that goes on."""
    member = lattice.space.member
    options = {"pad": tiles.pad, "missing": tiles.missing}
    return {
        "dataset": member.name,
        "url": public(str(member.record.value("url") or "")).partition("?")[0],
        "level": member.level,
        "start": list(member.within.start),
        "shape": list(member.within.shape),
        "voxel_size_nm": list(member.grid.voxel_size),
        "origin_nm": list(member.grid.origin),
        "voxel_type": str(member.image.volume.dtype),
        "riders": list(member.riders),
        "size": list(lattice.space.size),
        "halo": list(lattice.halo),
        **{name: _text(value) for name, value in {**options, **reading}.items()},
    }


def _text(value: object) -> str:
    """An option as text that is the same in the next process."""
    return public(re.sub(r" at 0x[0-9a-f]+", "", repr(value)))[:1000]


def _silent(done: int, total: int) -> None:
    """Nobody watches."""

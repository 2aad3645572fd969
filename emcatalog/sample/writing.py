"""Write the sample beside its place, verify it, and move it there in one step."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emcatalog.errors import CorruptError, OptionError
from emcatalog.mirror import mirror_path
from emcatalog.sample import buckets, empiar, epfl, idr
from emcatalog.sample.datasets import SAMPLES, Sample
from emcatalog.sample.stores import write_json
from emcatalog.sample.tissue import Picture

FORMAT_VERSION = 1
"""Number of the sample's layout and content; it grows when either changes."""

STAMP = "sample.json"
"""The file at the root of a sample that says that it is one, and lists its files."""

Progress = Callable[[str, float], None]


def write_sample(
    root: str | os.PathLike[str], progress: Progress | None = None
) -> Path:
    """Make ``root`` a mirror that holds the five miniatures; return its path.

    The sample is written into a hidden folder beside ``root``, verified and moved, so
    an interrupted call leaves nothing at ``root``. Where a whole sample of this version
    lies already, nothing is done; one that is older or incomplete is replaced.
    ``progress`` is called with a line of text and the share done, from 0 to 1.

    Beside the folders of the URL schemes, ``labels/dataset1`` to ``labels/dataset5``
    hold the truth as OME-Zarr 0.4: ``semantic`` (uint8, see
    `emcatalog.sample.CLASSES`) and ``instance`` (uint32, 0 between cells).

    Raises OptionError if ``root`` exists and holds anything but a sample.
    """
    target = Path(root).absolute()
    report = progress or _silent
    if _is_whole(target):
        report("the sample is there", 1.0)
        return target
    _refuse_foreign(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(
        tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent)
    )
    try:
        fresh = scratch / "sample"
        fresh.mkdir()
        _fill(fresh, report)
        _move(fresh, target, scratch / "old")
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    report("done", 1.0)
    return target


def _silent(_line: str, _share: float) -> None:
    """Report nothing."""


def _fill(root: Path, report: Progress) -> None:
    """Write all five and, last, the stamp."""
    done = 0.0
    total = float(sum(np.prod(s.grid.shape) for s in SAMPLES.values()))
    for sample in SAMPLES.values():
        report(f"writing {sample.name}", done / total)
        picture = sample.picture()
        image = sample.image(picture.brightness)
        _write_source(sample, partial(_place, root), image, picture)
        buckets.write_labels(root / "labels" / sample.name, sample, picture)
        done += float(np.prod(sample.grid.shape))
    stamp = {
        "emcatalog sample": FORMAT_VERSION,
        "about": "Procedural miniatures made by emcatalog; not measured data.",
        "files": _sizes(root),
    }
    write_json(root / STAMP, stamp)
    if not _is_whole(root):
        raise CorruptError(
            got=f"an incomplete sample in {root}",
            expected="every file as it was written",
            hint="free some disk space and try again",
        )


def _write_source(
    sample: Sample, place: buckets.Place, image: NDArray[np.uint8], picture: Picture
) -> None:
    """Write one miniature in the format of its source."""
    writers: dict[str, Callable[[], None]] = {
        "dataset1": lambda: idr.write(place, image),
        "dataset2": lambda: empiar.write(place, image),
        "dataset3": lambda: epfl.write(place, image, picture.semantic),
        "dataset4": lambda: buckets.write_nacc(
            place, image.astype(np.int16, copy=False), picture, sample.grid.voxel_size
        ),
        "dataset5": lambda: buckets.write_hemibrain(
            place, image, picture, sample.tissue.seed
        ),
    }
    writers[sample.name]()


def _place(root: Path, url: str) -> Path:
    return root / mirror_path(url)


def _sizes(root: Path) -> dict[str, int]:
    """Size of every file below ``root`` but the stamp, by its path."""
    files = sorted(p for p in root.rglob("*") if p.is_file())
    names = {p.relative_to(root).as_posix(): p.stat().st_size for p in files}
    names.pop(STAMP, None)
    return names


def _stamp(root: Path) -> tuple[int, dict[str, int]]:
    """Return version and listed files; version 0 where no stamp can be read."""
    try:
        stamp = json.loads((root / STAMP).read_text(encoding="utf-8"))
        return int(stamp["emcatalog sample"]), dict(stamp["files"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0, {}


def _is_whole(root: Path) -> bool:
    version, listed = _stamp(root)
    if version != FORMAT_VERSION:
        return False
    there = _sizes(root)
    return all(there.get(name) == size for name, size in listed.items())


def _refuse_foreign(root: Path) -> None:
    """Refuse a place whose content is not ours to replace."""
    if not root.exists():
        return
    version, listed = _stamp(root)
    if not root.is_dir() or (version == 0 and any(root.iterdir())):
        raise OptionError(
            got=f"{root}, which exists and is not a sample",
            expected="a new or empty directory, or a sample written before",
            hint="choose another directory, or empty this one yourself",
        )
    foreign = sorted(set(_sizes(root)) - set(listed))
    if foreign:
        raise OptionError(
            got=f"an outdated sample in {root} with other files: {foreign[0]}",
            expected="only the files of the sample, since all are replaced",
            hint="move those files away, or choose another directory",
        )


def _move(fresh: Path, target: Path, aside: Path) -> None:
    """Put ``fresh`` in the place of ``target``; one rename makes it visible."""
    if target.exists():
        target.rename(aside)
    try:
        fresh.rename(target)
    except OSError:
        # another process may have put the same sample there in the meantime
        if not _is_whole(target):
            raise

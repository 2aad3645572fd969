"""Which tasks there are: each format, as it is served, in single blocks and batches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from benchmarks.reads import paged_stores, serving, stores
from benchmarks.reads.task import Format, Serve, Served, Serving, Stored, Task

QUICK = (
    "zarr2-64/disk/*",
    "zarr3-shards/disk/single",
    "jpeg/disk/single",
    "tiff/disk/single",
    "dm3/disk/single",
    "zarr2-64/proxy/*",
    "jpeg/proxy/single",
    "tiff/proxy/batch",
    "dm3/proxy/single",
)
"""Tasks of a quick run."""

QUICK_ENGINES = (
    "emcatalog",
    "emcatalog (one by one)",
    "TensorStore",
    "zarr-python",
    "cloud-volume",
    "tifffile",
    "ncempy",
    "*limit",
    "* maps",
)
"""Engines of a quick run."""

SERVE: Mapping[str, Serve] = {"nginx": serving.nginx, "proxy": serving.proxy}
LOCAL_ONLY = ("gzip", "real-gzip")
"""Over HTTP these need a server that adds a header to files with a suffix."""


def all_formats(pictures: Path | None) -> dict[str, Format]:
    """Every format by its name; also those of the real stack of ``pictures``."""
    return {**stores.formats(pictures), **paged_stores.paged_formats()}


def chosen(names: Sequence[str], globs: Sequence[str]) -> list[str]:
    """The names that fit a glob, in their order; all without any.

    Raises ValueError for a glob that fits no name.
    """
    for glob in globs:
        if not any(fnmatchcase(name, glob) for name in names):
            raise ValueError(f"nothing is called {glob}; there is {', '.join(names)}")
    return [n for n in names if not globs or any(fnmatchcase(n, g) for g in globs)]


@contextmanager
def served(folder: Path, kind: Serving) -> Iterator[Served | None]:
    """The folder of stores behind a server; None for the disk."""
    if kind == "disk":
        yield None
        return
    with SERVE[kind](folder) as server:
        yield server


def planned(formats: Sequence[str], servings: Sequence[str]) -> list[str]:
    """The names of all tasks, such as ``zarr2-64/disk/single``, by how they are served.

    >>> planned(["dm3"], ["disk"])
    ['dm3/disk/single', 'dm3/disk/stream', 'dm3/disk/batch']
    """
    return [
        f"{name}/{kind}/{asked}"
        for kind in servings
        for name in formats
        if kind == "disk" or name not in LOCAL_ONLY
        for asked in ("single", "stream", "batch")
        if kind == "disk" or asked != "stream"
    ]


@dataclass(frozen=True)
class Stage:
    """Where stores lie and how they are served."""

    folder: Path
    kind: Serving
    server: Served | None
    quick: bool

    def task(self, form: Format, stored: Stored, asked: str) -> Task:
        """Eight blocks one after the other, or eight that are asked for together.

        On a disk those of a batch lie near each other, so that they share chunks, and
        those of a stream anywhere, as a training takes them.
        """
        block = form.quick_block if self.quick else form.block
        shape = stored.voxels().shape
        z, y, x = (min(n, side * 3 // 2) for n, side in zip(shape, block, strict=True))
        single, far = asked == "single", self.kind != "disk"
        few = form.far if far else 4 if self.quick else 8
        base = self.server.url if self.server else f"{self.folder}/"
        return Task(
            name=f"{stored.format}/{self.kind}/{asked}",
            stored=stored,
            serving=self.kind,
            place=base + stored.path,
            folder=str(self.folder),
            block=block,
            count=few if single else 8,
            batch=1 if single else 8,
            within=(z, y, x) if asked == "batch" and not far else None,
            link=self.server.link if self.server else None,
        )

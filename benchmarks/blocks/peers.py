"""Other libraries' samplers, each called in its documented way, in its environment.

``way`` names the library. xbatcher and zarrdataset cut a volume into tiles; torch-em
draws places anywhere and does not tell where; cellmap-data numbers every place.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.blocks.task import Batch, Epoch, Planner, Start, Task

_boxes: Any = None
CLASSES = ["nothing"]
"""cellmap-data wants a target: one that is not there costs one voxel of NaN."""


def opened(task: Task, way: str, workers: int) -> Epoch:
    """A DataLoader of the library's dataset."""
    return WAYS[way](task, workers)


def planner(task: Task, way: str) -> Planner:
    """The library's plan of all blocks."""
    return PLANS[way](task)


def xbatcher(task: Task, workers: int) -> Epoch:
    """``MapDataset(BatchGenerator(array, ...))``; tiles are numbered, x first."""
    from xbatcher.loaders.torch import MapDataset

    counts = [n // b for n, b in zip(task.shape, task.block, strict=True)]

    def number(start: Start) -> int:
        tile = [a // b for a, b in zip(start, task.block, strict=True)]
        return int(np.ravel_multi_index(tile, counts))

    told: list[int] = []
    loader = _loader(
        MapDataset(_xbatcher(_xarray(task), task)), task, workers, sampler=told
    )

    def epoch(_: int, starts: Sequence[Start]) -> Iterator[Batch]:
        told[:] = map(number, starts)
        places = iter(starts)
        for batch in loader:
            yield Batch(batch.numpy(), [next(places) for _ in batch])

    return epoch


def zarrdataset(task: Task, workers: int) -> Epoch:
    """A ``ZarrDataset`` with a ``PatchSampler``: shuffled, and it tells positions."""
    from zarrdataset import zarrdataset_worker_init_fn

    init = zarrdataset_worker_init_fn if workers else None
    loader = _loader(_zarrdataset(task), task, workers, worker_init_fn=init)

    def epoch(_: int, __: Sequence[Start]) -> Iterator[Batch]:
        for positions, image in loader:
            starts = positions[..., 0].tolist()
            yield Batch(image.numpy().reshape(-1, *task.block), starts)

    return epoch


def torch_em(task: Task, workers: int) -> Epoch:
    """A ``RawDataset``; nobody is told where its blocks lie."""
    _without_cuda()
    import torch
    from torch_em.data import RawDataset
    from torch_em.segmentation import get_data_loader

    dataset = RawDataset(
        named(task), task.key, task.block, n_samples=task.count, dtype=torch.uint8
    )
    loader = get_data_loader(
        dataset,
        task.batch,
        shuffle=True,
        pin_memory=False,
        num_workers=workers,
        persistent_workers=workers > 0,
    )

    def epoch(_: int, __: Sequence[Start]) -> Iterator[Batch]:
        for batch in loader:
            yield Batch(batch.numpy()[:, 0], None)

    return epoch


def cellmap(task: Task, workers: int) -> Epoch:
    """A ``CellMapDataset`` and its loader; it has no places at the last voxels."""
    _without_cuda()
    from cellmap_data import CellMapDataLoader

    told: list[int] = []
    dataset = _cellmap(task)
    most = [n - b - 1 for n, b in zip(task.shape, task.block, strict=True)]
    counts = [n + 1 for n in most]
    loader = CellMapDataLoader(
        dataset,
        batch_size=task.batch,
        num_workers=workers,
        sampler=told,
        persistent_workers=workers > 0,
    )

    def epoch(_: int, starts: Sequence[Start]) -> Iterator[Batch]:
        there = np.minimum(starts, most)
        told[:] = np.ravel_multi_index(tuple(there.T), counts).tolist()
        places = iter(there.tolist())
        for batch in loader:
            image = batch["raw"].numpy()[:, 0]
            yield Batch(image, [next(places) for _ in image])

    return epoch


def _loader(dataset: Any, task: Task, workers: int, **options: Any) -> Any:
    from torch.utils.data import DataLoader

    return DataLoader(
        dataset,
        task.batch,
        num_workers=workers,
        persistent_workers=workers > 0,
        **options,
    )


def _xarray(task: Task) -> Any:
    import xarray as xr

    group = xr.open_zarr(
        task.group, chunks=None, consolidated=False, mask_and_scale=False
    )
    return group[task.key]


def _xbatcher(array: Any, task: Task) -> Any:
    from xbatcher import BatchGenerator

    return BatchGenerator(array, dict(zip("zyx", task.block, strict=True)))


def _zarrdataset(task: Task) -> Any:
    from zarrdataset import ImagesDatasetSpecs, PatchSampler, ZarrDataset

    specs = ImagesDatasetSpecs(named(task), source_axes="ZYX", data_group=task.key)
    sampler = PatchSampler(task.block[0], spatial_axes="ZYX")
    return ZarrDataset([specs], sampler, shuffle=True, return_positions=True)


def _cellmap(task: Task) -> Any:
    _without_cuda()
    from cellmap_data import CellMapDataset

    scale = (task.voxel_size,) * 3
    return CellMapDataset(
        named(task),
        f"{named(task)}/labels/[{CLASSES[0]}]",
        CLASSES,
        {"raw": {"shape": task.block, "scale": scale}},
        {"target": {"shape": (1, 1, 1), "scale": scale}},
    )


def named(task: Task) -> str:
    """The task's group again, under a name and with metadata that libraries ask for.

    The name ends in ``.zarr``, and OME-NGFF 0.4 says that the array is the only level.
    """
    group = Path(f"{task.group}.zarr")
    if not group.exists():
        beside = group.with_suffix(".part")
        beside.mkdir(exist_ok=True)
        (beside / task.key).unlink(missing_ok=True)
        (beside / task.key).symlink_to(Path(task.array).resolve())
        scale = {"type": "scale", "scale": [task.voxel_size] * 3}
        level = {"path": task.key, "coordinateTransformations": [scale]}
        axes = [{"name": a, "type": "space", "unit": "nanometer"} for a in "zyx"]
        image = {"version": "0.4", "axes": axes, "datasets": [level]}
        is_old = (Path(task.array) / ".zarray").exists()
        files: dict[str, Any] = {"zarr.json": {"zarr_format": 3, "node_type": "group"}}
        if is_old:
            files = {".zgroup": {"zarr_format": 2}, ".zattrs": {"multiscales": [image]}}
        for name, told in files.items():
            (beside / name).write_text(json.dumps(told), "utf-8")
        beside.rename(group)
    return str(group)


def _without_cuda() -> None:
    """Let a torchvision be imported that was built for another PyTorch.

    PyPI has it for CUDA alone. Its own operators, of boxes, have no part in this; but
    without the names of two of them, nothing of it can be imported.
    """
    import torch

    global _boxes  # noqa: PLW0603 - a library of operators lives as long as its object
    if _boxes is None:
        _boxes = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            _boxes.define(f"{name}(Tensor a, Tensor b, float c) -> Tensor")


def _plan_xbatcher(task: Task) -> Planner:
    array = _xarray(task)
    return lambda: len(_xbatcher(array, task))


def _plan_zarrdataset(task: Task) -> Planner:
    def planned() -> int:
        next(iter(_zarrdataset(task)))
        return int(
            np.prod([n // b for n, b in zip(task.shape, task.block, strict=True)])
        )

    return planned


def _plan_torch_em(task: Task) -> Planner:
    _without_cuda()
    from torch_em.data import RawDataset

    def planned() -> int:
        dataset = RawDataset(named(task), task.key, task.block, n_samples=task.count)
        dataset._sample_bounding_box()  # noqa: SLF001 - it has no public name
        return len(dataset)

    return planned


def _plan_cellmap(task: Task) -> Planner:
    """As many random places, of the numbers of all: it has no plan of tiles."""
    from torch.utils.data import RandomSampler

    def planned() -> int:
        dataset = _cellmap(task)
        sampler = RandomSampler(dataset, replacement=True, num_samples=task.count)
        dataset._idx_to_center(next(iter(sampler)))  # noqa: SLF001 - the same
        return len(sampler)

    return planned


WAYS = {
    "xbatcher": xbatcher,
    "zarrdataset": zarrdataset,
    "torch-em": torch_em,
    "cellmap": cellmap,
}
PLANS = {
    "xbatcher": _plan_xbatcher,
    "zarrdataset": _plan_zarrdataset,
    "torch-em": _plan_torch_em,
    "cellmap": _plan_cellmap,
}

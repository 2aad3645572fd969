"""Results that wait on disk until their neighbours are there."""

from __future__ import annotations

import os
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Voxels = NDArray[Any]


class Kept:
    """Arrays by number in a folder, as ``NUMBER.CHECKSUM.npy``.

    A file appears when it is whole. Those of an earlier run are read once and compared
    with their checksums; what does not agree is removed, as if it had never been.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(exist_ok=True)
        self._sums: dict[int, int] = {}
        for path in folder.iterdir():
            self._found(path)

    def __contains__(self, number: int) -> bool:
        return number in self._sums

    def tiles(self) -> list[int]:
        """Numbers of all that are kept, in order."""
        return sorted(self._sums)

    def put(self, number: int, voxels: Voxels) -> None:
        """Keep ``voxels``, in C order, under ``number``."""
        told = checksum(voxels)
        path = self._path(number, told)
        fresh = path.with_suffix(".part")
        with fresh.open("wb") as file:
            np.lib.format.write_array(file, voxels, allow_pickle=False)
        os.replace(fresh, path)  # noqa: PTH105 - the name says that it may be there
        self._sums[number] = told

    def get(self, number: int) -> Voxels:
        """What is kept; read when it is used. KeyError if it is not there."""
        path = self._path(number, self._sums[number])
        voxels: Voxels = np.load(path, mmap_mode="r", allow_pickle=False)
        return voxels

    def drop(self, number: int) -> None:
        """Forget ``number``, if it is kept."""
        told = self._sums.pop(number, None)
        if told is not None:
            self._path(number, told).unlink(missing_ok=True)

    def _path(self, number: int, told: int) -> Path:
        return self._folder / f"{number}.{told:08x}.npy"

    def _found(self, path: Path) -> None:
        number, told, suffix = path.name.split(".")
        if suffix == "npy" and _is_whole(path, int(told, 16)):
            self._sums[int(number)] = int(told, 16)
        else:
            path.unlink()


def _is_whole(path: Path, told: int) -> bool:
    try:
        return checksum(np.load(path, allow_pickle=False)) == told
    except (ValueError, EOFError):
        return False


def checksum(voxels: Voxels) -> int:
    """CRC-32 of voxels in C order, without their shape and type."""
    return zlib.crc32(np.ascontiguousarray(voxels).data)

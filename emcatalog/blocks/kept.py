"""Results that wait on disk until their neighbours are there."""

from __future__ import annotations

import os
import re
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Voxels = NDArray[Any]

_NAME = re.compile(r"([0-9]+)\.([0-9a-f]{8})\.npy")


@dataclass(frozen=True)
class Slip:
    """What is known of a kept array without its header, which is slow to read."""

    path: Path
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    offset: int


class Kept:
    """Arrays by number in a folder, as ``NUMBER.CHECKSUM.npy``.

    A file appears when it is whole. Those of an earlier run are read once and compared
    with their checksums; what does not agree is removed, as if it had never been.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(exist_ok=True)
        self._slips: dict[int, Slip] = {}
        for path in list(folder.iterdir()):
            self._found(path)

    def __contains__(self, number: int) -> bool:
        return number in self._slips

    def tiles(self) -> list[int]:
        """Numbers of all that are kept, in order."""
        return sorted(self._slips)

    def put(self, number: int, voxels: Voxels) -> None:
        """Keep ``voxels``, in C order, under ``number``."""
        path = self._folder / f"{number}.{checksum(voxels):08x}.npy"
        fresh = path.with_suffix(".part")
        with fresh.open("wb") as file:
            np.lib.format.write_array(file, voxels, allow_pickle=False)
        os.replace(fresh, path)  # noqa: PTH105 - it may be there
        self._slips[number] = _slip(path, voxels)

    def get(self, number: int) -> Voxels:
        """What is kept; read when it is used. KeyError if it is not there."""
        slip = self._slips[number]
        return np.memmap(slip.path, slip.dtype, "r", slip.offset, slip.shape)

    def drop(self, number: int) -> None:
        """Forget ``number``, if it is kept."""
        slip = self._slips.pop(number, None)
        if slip is not None:
            slip.path.unlink(missing_ok=True)

    def _found(self, path: Path) -> None:
        named = _NAME.fullmatch(path.name)
        voxels = _whole(path, int(named[2], 16)) if named else None
        if named and voxels is not None:
            self._slips[int(named[1])] = _slip(path, voxels)
        else:
            path.unlink()


def _slip(path: Path, voxels: Voxels) -> Slip:
    offset = path.stat().st_size - voxels.nbytes
    return Slip(path, voxels.dtype, voxels.shape, offset)


def _whole(path: Path, told: int) -> Voxels | None:
    """What a file holds, if that has the checksum ``told``."""
    try:
        voxels: Voxels = np.load(path, allow_pickle=False)
    except (ValueError, EOFError):
        return None
    return voxels if checksum(voxels) == told else None


def checksum(voxels: Voxels) -> int:
    """CRC-32 of voxels in C order, without their shape and type."""
    return zlib.crc32(np.ascontiguousarray(voxels).data)

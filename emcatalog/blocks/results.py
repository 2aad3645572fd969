"""What a function makes of blocks: how it is called, and what it may return."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emcatalog.blocks.block import Block
from emcatalog.errors import OptionError

Voxels = NDArray[Any]
Function = Callable[[Voxels], Any]


def results(
    function: Function, blocks: Sequence[Block], *, together: bool
) -> list[Voxels]:
    """What ``function`` returns for each block: (z, y, x) or (channel, z, y, x).

    It is called once with all blocks, if they go ``together``, else for each. Raises
    OptionError for what is no array of numbers of these shapes.
    """
    given = [_given(block) for block in blocks]
    if together:
        answer = _array(function(np.stack(given)))
        if answer.ndim < 1 or len(answer) != len(blocks):
            raise OptionError(
                got=f"an array of shape {answer.shape} for {len(blocks)} blocks",
                expected=f"{len(blocks)} results, the first axis theirs",
            )
        found = list(answer)
    else:
        found = [_array(function(voxels)) for voxels in given]
    pairs = zip(found, blocks, strict=True)
    return [_real(_shaped(result, block), block) for result, block in pairs]


def _given(block: Block) -> Voxels:
    if not block.riders:
        return block.data
    return np.stack([block.data, *block.riders.values()])


def _array(answer: Any) -> Voxels:
    try:
        array = np.asarray(answer)
    except Exception as error:
        raise OptionError(
            got=f"a {type(answer).__name__}, which is no array: {error}"[:300],
            expected="an array of numbers for each block",
            hint="of torch: result.detach().cpu().numpy()",
        ) from error
    if array.dtype == np.bool_:
        return array.astype(np.uint8)
    if array.dtype.kind not in "uif" or array.dtype.itemsize > 8:
        raise OptionError(
            got=f"a result of {array.dtype}",
            expected="whole numbers, floats or truth values",
        )
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _shaped(result: Voxels, block: Block) -> Voxels:
    shape = block.place.shape
    if result.shape[-3:] != shape or result.ndim not in (3, 4) or not result.size:
        raise OptionError(
            got=f"a result of shape {result.shape} for a block of {shape} (z, y, x)",
            expected=f"{shape}, or an axis of channels before it",
        )
    return result


def _real(result: Voxels, block: Block) -> Voxels:
    """Zeros where the block has no voxels of the source; see plan's ``missing``."""
    return result if block.real is None else np.where(block.real, result, 0)

"""Bytes of a piece -> its voxels, checked, and what the threads that decode are."""

from __future__ import annotations

import functools
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from emcatalog.errors import CorruptError, EmcatalogError
from emcatalog.paged.pieces import Piece
from emcatalog.paged.table import Codec, Layout
from emcatalog.paged.window import plain_rows


def voxels_of(layout: Layout, piece: Piece, data: bytes) -> NDArray[np.generic]:
    """What ``piece`` holds, of shape (rows, columns), as stored or in native order.

    It is read-only and may be a view of ``data``. Raises CorruptError for bytes that
    do not decode into the rows and the type of the layout.
    """
    if layout.codec is None:
        return plain_rows(layout, data, piece.rows)
    voxels = _decoded(layout, layout.codec, piece, data)[: piece.rows, :, layout.sample]
    voxels.flags.writeable = False
    return voxels


def _decoded(
    layout: Layout, codec: Codec, piece: Piece, data: bytes
) -> NDArray[np.generic]:
    expected = piece.rows, layout.segment[1]
    try:
        decoded = codec.decode(data, (*expected, layout.samples))
    except EmcatalogError as error:
        error.about(piece.entry)
        raise
    except Exception as error:  # codecs raise whatever their libraries do
        raise _corrupt(piece, f"bytes that do not decode ({error})") from error
    if decoded.shape[:2] != expected or decoded.ndim != 3:
        raise _corrupt(piece, f"a picture of {decoded.shape[:2]}", f"{expected}")
    native = layout.dtype.newbyteorder("=")
    if decoded.dtype.newbyteorder("=") != native:
        raise _corrupt(piece, f"voxels of {decoded.dtype}", f"{native}")
    return decoded


def owned(voxels: NDArray[np.generic]) -> NDArray[np.generic]:
    """The same voxels, read-only, in memory of their own: a view would keep all of it.

    >>> owned(np.zeros((4, 3))[:, 1]).nbytes
    32
    """
    if voxels.base is None or voxels.base.nbytes == voxels.nbytes:
        return voxels
    own = voxels.copy()
    own.flags.writeable = False
    return own


def decoders() -> ThreadPoolExecutor:
    """The threads of this process that decode, one for each core.

    They wait for no server and for no other thread, so all readers can share them.
    """
    return _decoders(os.getpid())  # threads do not survive a fork


@functools.lru_cache(maxsize=1)
def _decoders(pid: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(os.cpu_count() or 1, "emcatalog-decoding")


def _corrupt(piece: Piece, got: str, expected: str = "whole voxels") -> CorruptError:
    return CorruptError(
        entry=piece.entry,
        got=got,
        expected=expected,
        hint="fetch the file again; if it stays so, it is damaged at its source",
    )

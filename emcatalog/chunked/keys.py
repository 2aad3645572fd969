"""How Neuroglancer's precomputed format names the chunks of one scale.

Unsharded chunks are files ``x0-x1_y0-y1_z0-z1``; sharded ones are numbered by a
compressed Morton code. Written from the format's public description, "Precomputed
volume" and "Sharded format", in the Neuroglancer documentation.
"""

from __future__ import annotations

from dataclasses import dataclass

from emcatalog.geometry import Triple


@dataclass(frozen=True)
class ChunkKeys:
    """The chunks of one scale; triples are x, y, z, as the format stores them.

    ``store`` is the key-value store of the scale's folder (JSON text), ``sharding``
    the scale's sharding (JSON text), or empty. ``suffixed`` says that ``store`` is a
    local folder whose files may carry the suffix of their compression, as cloud-volume
    writes them to disk.
    """

    store: str
    offset: Triple
    size: Triple
    chunk: Triple
    sharding: str = ""
    suffixed: bool = False

    @property
    def grid(self) -> Triple:
        """Chunks along x, y and z."""
        x, y, z = (-(-n // c) for n, c in zip(self.size, self.chunk, strict=True))
        return x, y, z

    def key(self, cell: Triple) -> bytes:
        """The key of the chunk at ``cell`` (x, y, z, counted from 0) in `store`.

        >>> ChunkKeys("", (0, 0, 0), (100, 64, 64), (64, 64, 64)).key((1, 0, 0))
        b'64-100_0-64_0-64'
        """
        if self.sharding:
            return morton(cell, self.grid).to_bytes(8, "big")
        parts = []
        for i, start, size, chunk in zip(
            cell, self.offset, self.size, self.chunk, strict=True
        ):
            parts.append(f"{start + i * chunk}-{start + min((i + 1) * chunk, size)}")
        return "_".join(parts).encode()


def morton(cell: Triple, grid: Triple) -> int:
    """The compressed Morton code of ``cell`` in a grid of chunks, both x, y, z.

    Bits of x, y and z take turns, lowest first; an axis has only as many bits as the
    grid needs there.

    >>> [morton((x, y, 0), (3, 2, 1)) for x, y in ((1, 0), (0, 1), (2, 1))]
    [1, 2, 6]
    """
    widths = [(n - 1).bit_length() for n in grid]
    code, place = 0, 0
    for bit in range(max(widths)):
        for index, width in zip(cell, widths, strict=True):
            if bit < width:
                code |= (index >> bit & 1) << place
                place += 1
    return code

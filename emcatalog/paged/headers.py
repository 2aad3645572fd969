"""Headers that lie all over a file: what was read of one serves the next opening.

A TIFF of a thousand pages has a thousand directories, each of which tells where the
next one is. Over a network that is a request for each page; so the blocks that a parser
has read are kept as one entry, of one version of the file.
"""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from emcatalog.cache import disk_cache, page_cache
from emcatalog.paged.kept import place_of
from emcatalog.transport import RangeReader, Transport

LARGEST = 1 << 27
"""Bytes of a header that are kept; larger ones are fetched again."""

_ENTRY = struct.Struct("<QQ")
"""Number and length of a block; all of them stand before the bytes."""


@contextlib.contextmanager
def kept_header(url: str, transport: Transport, block: int) -> Iterator[RangeReader]:
    """Random access to the header of ``url``, in blocks of so many bytes.

    What is read within the ``with`` is kept in memory, and in the disk cache if there
    is one, unless the block ends with an error. Only of remote files whose server
    tells a version.
    """
    place = place_of(transport, url)
    version = "" if place.local else transport.version(url)
    if not version:
        yield transport.reader(url, block)
        return
    disk, name = disk_cache(), f"{place.name}\nheader in blocks of {block}"
    data = page_cache().get(("header", name, version))
    if not isinstance(data, bytes):
        data = disk.get(name, version) if disk else None
    blocks = _Blocks(url, transport, block, _unpacked(data or b""))
    yield RangeReader(blocks.fetch, url, block)
    if data is not None and not blocks.fetched:
        return
    packed = _packed(blocks.kept)
    if len(packed) <= LARGEST:
        page_cache().put(("header", name, version), packed)
        if disk:
            disk.put(name, version, packed)


@dataclass
class _Blocks:
    """Blocks of a file by number: those that are kept, and the others as they come."""

    url: str
    transport: Transport
    size: int
    kept: dict[int, bytes]
    fetched: int = field(default=0)

    def fetch(self, start: int, length: int) -> bytes:
        """Bytes of whole blocks, fewer where the file ends."""
        numbers = range(start // self.size, (start + length) // self.size)
        if all(number in self.kept for number in numbers):
            return b"".join(self.kept[number] for number in numbers)
        data = self.transport.read_upto(self.url, start, length)
        self.fetched += len(data)
        for at, number in enumerate(numbers):
            self.kept[number] = data[at * self.size : (at + 1) * self.size]
        return data


def _packed(blocks: dict[int, bytes]) -> bytes:
    entries = [_ENTRY.pack(number, len(data)) for number, data in blocks.items()]
    return b"".join((struct.pack("<Q", len(entries)), *entries, *blocks.values()))


def _unpacked(packed: bytes) -> dict[int, bytes]:
    """The blocks that `_packed` took; the caches have verified every byte."""
    if not packed:
        return {}
    (count,) = struct.unpack_from("<Q", packed)
    at, blocks = 8 + count * _ENTRY.size, dict[int, bytes]()
    for number, length in _ENTRY.iter_unpack(packed[8:at]):
        blocks[number] = packed[at : at + length]
        at += length
    return blocks

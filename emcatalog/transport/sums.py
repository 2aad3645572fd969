"""Checksums of the members of zip files, which TensorStore does not compare."""

from __future__ import annotations

import threading
import zlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field

from emcatalog.errors import CorruptError
from emcatalog.transport import Transport
from emcatalog.transport.archive import Archive
from emcatalog.transport.origin import hold_over_forks

MOST_FILES = 16
"""Zip files whose checksums a process remembers; a member takes about 150 bytes."""


@dataclass(frozen=True)
class Sums:
    """The CRC-32 of each member below the folder ``inside`` of the zip file ``url``.

    They are read where they are first needed, so that this may be pickled.
    """

    url: str
    transport: Transport = field(repr=False)
    inside: str = ""

    def remember(self, archive: Archive) -> None:
        """Spare this process the reading: ``archive`` was opened just now."""
        sums = {name: info.CRC for name, info in archive.members.items()}
        with _lock:
            _kept[self._place] = sums
            while len(_kept) > MOST_FILES:
                _kept.popitem(last=False)

    def ensure(self, name: str, content: bytes) -> None:
        """Raise CorruptError unless ``content`` is that of the member ``name``.

        Raises what `Archive.open` raises, where the checksums must be read first.
        """
        found = zlib.crc32(content)
        # the file may have been written anew since its checksums were read
        if found == self._told(name) or found == self._told(name, anew=True):
            return
        raise CorruptError(
            entry=self.url,
            got=f"the member {self.inside + name!r} with the checksum {found:08x}",
            expected="the checksum that the zip file tells of it",
            hint="the zip file is damaged: fetch it again, or ask its keeper",
        )

    @property
    def _place(self) -> str:
        return self.transport.resolve(self.url)

    def _told(self, name: str, *, anew: bool = False) -> int | None:
        while True:
            with _lock:
                sums = _kept.get(self._place)
            if sums is not None and not anew:
                return sums.get(self.inside + name)
            self.remember(Archive.open(self.url, self.transport))
            anew = False


_kept: OrderedDict[str, Mapping[str, int]] = OrderedDict()
_lock = threading.Lock()
hold_over_forks(_lock)

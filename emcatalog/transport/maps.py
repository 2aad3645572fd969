"""Local files mapped into memory, read-only, and kept open while they are used."""

from __future__ import annotations

import mmap
import os
import stat
import threading
from collections import OrderedDict
from dataclasses import dataclass, field

from emcatalog.errors import TruncatedError
from emcatalog.transport.origin import hold_over_forks
from emcatalog.transport.spans import ensure_spans

MOST_MAPS = 128
"""Each holds a descriptor, of which some systems allow a process 256."""

Identity = tuple[int, int, int, int]


@dataclass(frozen=True)
class FileMap:
    """The bytes of a local file of ``size`` bytes, without a copy.

    A file that becomes shorter kills a process that touches what is gone (SIGBUS), and
    so may a network file system that fails. `view` looks at the length right before it
    hands bytes out: copy them at once, and keep no view.
    """

    path: str
    size: int
    content: mmap.mmap = field(repr=False)

    def view(self, start: int, length: int) -> memoryview:
        """``length`` bytes from ``start``, read-only.

        Raises TruncatedError where the file ends before, or has become shorter than
        it was when it was mapped, and OptionError for negative numbers.
        """
        ensure_spans([(start, length)])
        now = self.content.size()  # of the file itself, whatever bears its name now
        if now < self.size or start + length > self.size:
            raise TruncatedError(
                entry=self.path,
                got=f"{max(0, min(now, self.size) - start)} bytes at byte {start}",
                expected=f"{length}",
                hint="the file is shorter than its header says, or was cut while it "
                "was read: fetch it again, or ask its keeper",
            )
        return memoryview(self.content)[start : start + length]


_maps: OrderedDict[str, tuple[Identity, FileMap]] = OrderedDict()
_lock = threading.Lock()
hold_over_forks(_lock)


def map_of(path: str) -> FileMap | None:
    """The map of the file at ``path``, the same until the file changes.

    None for what has no bytes to map: an empty file, a folder, a device. Raises
    OSError for a file that cannot be opened.
    """
    facts = os.stat(path)  # noqa: PTH116 - called for each read; pathlib is slower
    if not stat.S_ISREG(facts.st_mode) or not facts.st_size:
        return None
    with _lock:
        identity, kept = _maps.get(path, (None, None))
        if kept is None or identity != _identity(facts):
            kept = _open(path)
            while len(_maps) > MOST_MAPS:
                # closed when its last view is gone
                _maps.popitem(last=False)
        elif path in _maps:
            _maps.move_to_end(path)
        return kept


def _open(path: str) -> FileMap | None:
    """Map a file and keep the map."""
    with open(path, "rb") as file:  # noqa: PTH123
        facts = os.fstat(file.fileno())
        if not facts.st_size:
            return None
        content = mmap.mmap(file.fileno(), facts.st_size, access=mmap.ACCESS_READ)
    made = FileMap(path, facts.st_size, content)
    _maps[path] = _identity(facts), made
    _maps.move_to_end(path)
    return made


def _identity(facts: os.stat_result) -> Identity:
    return facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns

"""Files that are there whole or not at all."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def beside(path: Path) -> Iterator[Path]:
    """A place in a hidden folder beside ``path``, moved to it in one step at the end.

    After an error nothing is left, and what was at ``path`` is untouched.
    """
    with tempfile.TemporaryDirectory(
        prefix=f".{path.name}.", suffix=".part", dir=path.absolute().parent
    ) as scratch:
        fresh = Path(scratch) / path.name
        yield fresh
        fresh.replace(path)

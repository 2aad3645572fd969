"""Files and folders that are there whole or not at all."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LONGEST = 60
"""Characters of a name that its hidden folder repeats; names of files are bounded."""


@contextmanager
def beside(path: Path) -> Iterator[Path]:
    """A place in a hidden folder beside ``path``, moved to it at the end.

    After an error nothing is left and what was at ``path`` is untouched.

    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with beside(Path(folder) / "a.txt") as fresh:
    ...         _ = fresh.write_text("whole")
    ...     [file.name for file in Path(folder).iterdir()]
    ['a.txt']
    """
    prefix = f".{path.name[:LONGEST]}."
    folder = path.absolute().parent
    scratch = Path(tempfile.mkdtemp(prefix=prefix, suffix=".part", dir=folder))
    try:
        fresh = scratch / path.name
        yield fresh
        if path.is_dir():  # a folder is not replaced in one step, as a file is
            path.rename(scratch / "old")
        fresh.replace(path)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)

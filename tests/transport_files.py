"""The files that tests of the transport read, and how URLs spell their names."""

from __future__ import annotations

from pathlib import Path

CONTENT = bytes(range(256)) * 500
NAME = "a b/stack #1.bin"
URL_NAME = "a%20b/stack%20%231.bin"


def write_files(folder: Path) -> Path:
    """A folder (for S3 a bucket) ``transport-files`` inside ``folder``."""
    file = folder / "transport-files" / NAME
    file.parent.mkdir(parents=True)
    file.write_bytes(CONTENT)
    (folder / "transport-files/a b/other.bin").write_bytes(b"")
    (folder / "transport-files/a b/below").mkdir()
    (folder / "transport-files/a b/below/x").write_bytes(b"x")
    return folder

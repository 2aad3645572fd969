"""Local places that are no files: pipes, sockets, devices, links to themselves."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile

from emcatalog.driver.registry import driver
from emcatalog.errors import ContentError, EmcatalogError, FormatError
from emcatalog.transport import Transport

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes"),
    pytest.mark.timeout(60),  # whoever opens a pipe to read waits for a writer
]

READS: dict[str, Callable[[str], object]] = {
    "read": lambda url: Transport().read(url),
    "read_range": lambda url: Transport().read_range(url, 0, 1),
    "read_upto": lambda url: Transport().read_upto(url, 0, 9),
    "read_spans": lambda url: Transport().read_spans(url, [(0, 1), (5, 2)]),
    "read_groups": lambda url: list(Transport().read_groups([(url, [(0, 1)])])),
    "reader": lambda url: Transport().reader(url).read(0, 4),
    "size": lambda url: Transport().size(url),
    "exists": lambda url: Transport().exists(url),
    "version": lambda url: Transport().version(url),
}


@pytest.fixture(params=["a pipe", "a socket", "a device"])
def special(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[tuple[str, str]]:
    """What it is, and where."""
    place = tmp_path / "special.tif"
    with socket.socket(socket.AF_UNIX) as held:
        if request.param == "a pipe":
            os.mkfifo(place)
        elif request.param == "a socket":
            held.bind(os.path.relpath(place))  # a long path is none for a socket
        else:
            place.symlink_to("/dev/zero")
        yield request.param, str(place)


@pytest.mark.parametrize("way", READS)
def test_what_is_no_file_is_refused(way: str, special: tuple[str, str]) -> None:
    """At once, by name, whatever is asked of it."""
    kind, url = special
    with pytest.raises(ContentError, match=f"got {kind} at .*; expected a regular"):
        READS[way](url)
    assert Transport().mapped(url) is None


def test_a_pipe_that_was_a_file_a_moment_ago(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is looked at before it is opened and after: it may be exchanged between."""
    pipe, file = tmp_path / "pipe", tmp_path / "file"
    os.mkfifo(pipe)
    file.write_bytes(b"12345")
    facts, ask = file.stat(), os.stat
    monkeypatch.setattr(
        os, "stat", lambda p, **more: facts if p == str(pipe) else ask(p, **more)
    )
    with pytest.raises(ContentError, match="got a pipe"):
        Transport().read_range(str(pipe), 0, 5)


FILES = {
    "a.tif": "tiff", "a.tif.gz": "tiff", "a.dm3": "dm3", "a.png": "images",
    "a.jpg": "images", "a.pgm": "images", "a.zarr.zip": "ngff",
}  # fmt: skip
"""Names of files, and the driver that reads such."""

INSIDE = {
    "attributes.json": "ngff", ".zattrs": "ngff", ".zarray": "ngff",
    "zarr.json": "ngff", "info": "precomputed",
}  # fmt: skip
"""Names of metadata in a folder, which is what the driver is given."""


@pytest.mark.parametrize(("name", "kind"), (FILES | INSIDE).items())
def test_no_driver_waits_for_a_pipe(name: str, kind: str, tmp_path: Path) -> None:
    """Named like what a driver reads, it is refused, and the message says why."""
    os.mkfifo(tmp_path / name)
    place = tmp_path if name in INSIDE else tmp_path / name
    with pytest.raises(ContentError, match="got a pipe at"):
        assert driver(kind)(str(place)).pyramid


def test_a_section_that_is_a_pipe(tmp_path: Path) -> None:
    """In a folder of files it is told as it is alone."""
    tifffile.imwrite(tmp_path / "1.tif", np.zeros((4, 5), np.uint8))
    os.mkfifo(tmp_path / "2.tif")
    with pytest.raises(ContentError, match="2.tif: got a pipe at"):
        assert driver("tiff")(str(tmp_path), voxel_size_nm=[8, 8, 8]).pyramid


def test_images_below_are_not_looked_for_in_pipes(tmp_path: Path) -> None:
    """The hint of a group without an image reads what lies below it."""
    (tmp_path / ".zgroup").write_text('{"zarr_format": 2}')
    (tmp_path / "below").mkdir()
    os.mkfifo(tmp_path / "below/.zattrs")
    with pytest.raises(FormatError, match="a zarr2 group without multiscales"):
        assert driver("ngff")(str(tmp_path)).pyramid


def test_a_folder_with_a_link_to_itself_is_listed(tmp_path: Path) -> None:
    """What the link leads to is no folder; what else is there is told."""
    (tmp_path / "loop.tif").symlink_to("loop.tif")
    (tmp_path / "folder").mkdir()
    (tmp_path / "linked").symlink_to("folder")
    (tmp_path / "a.tif").write_bytes(b"")
    names = Transport().names(str(tmp_path))
    assert names == ("a.tif", "folder/", "linked/", "loop.tif")
    with pytest.raises(EmcatalogError, match="symbolic link"):
        Transport().read(str(tmp_path / "loop.tif"))

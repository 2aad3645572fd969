"""What is written beside its place: there whole, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from emcatalog.beside import beside


def test_a_file_that_is_not_finished_takes_no_place(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("before")

    def interrupted() -> None:
        with beside(path) as fresh:
            fresh.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_takes_the_place_of_a_folder(tmp_path: Path) -> None:
    path = tmp_path / "a.zarr"
    path.mkdir()
    (path / "old").touch()
    with beside(path) as fresh:
        fresh.mkdir()
        (fresh / "new").touch()
    assert [file.name for file in path.iterdir()] == ["new"]
    assert list(tmp_path.iterdir()) == [path]


def test_the_longest_name_that_a_file_may_have(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 255)
    with beside(path) as fresh:
        fresh.write_text("whole")
    assert path.read_text() == "whole"

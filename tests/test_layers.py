"""The import rule of the house: a room imports only from lower floors."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CORE, PLUGINS = ROOT / "emcatalog", ROOT / "plugins"

FLOORS = {
    "errors": 0,
    "beside": 1, "dates": 1, "units": 1,
    "geometry": 2, "json_text": 2, "mirror": 2, "recheck": 2, "record": 2,
    "cache": 3, "transport": 3, "index": 3, "volume": 3,
    "accessor": 4, "chunked": 4, "harvest": 4, "paged": 4, "series": 4,
    "driver": 5, "exports": 5,
    "blocks": 6, "catalog": 6, "sample": 6, "view": 6, "testing": 6,
    "metadata": 7, "train": 7,
    "cli": 8,
}  # fmt: skip
FREE = {"__init__", "intake_hook"}
"""The face loads rooms on request; the hook imports none."""

CONTRACT = {
    "dates", "errors", "geometry", "json_text", "transport", "volume", "chunked",
    "paged", "series", "units", "record", "driver",
}  # fmt: skip
"""What a plugin may import."""

HOMES = {
    "tensorstore": {"chunked", "sample"},
    "PIL": {"view", "sample", "emcatalog_idr", "emcatalog_tiff"},
    "click": {"cli"},
    "torch": {"blocks", "train"},
    "tifffile": {"sample", "cli", "emcatalog_tiff"},
    "pytest": {"testing"},
}
"""Heavy dependencies, and the rooms that may import them."""


def _files(root: Path) -> list[Path]:
    return sorted(root.rglob("*.py"))


def _imported(path: Path) -> Iterator[str]:
    """Full names of the modules that a file imports, those in functions included."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            assert node.module
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _room(module: str) -> str | None:
    parts = module.split(".")
    if parts[0] != "emcatalog" or len(parts) < 2 or parts[1].startswith("__"):
        return None
    is_room = (CORE / parts[1]).is_dir() or (CORE / f"{parts[1]}.py").is_file()
    return parts[1] if is_room else None


def _home(path: Path) -> str:
    root = CORE if path.is_relative_to(CORE) else PLUGINS
    return path.relative_to(root).parts[0].removesuffix(".py")


def test_every_room_has_a_floor() -> None:
    rooms = {_home(p) for p in _files(CORE)} - FREE
    assert rooms == set(FLOORS) & rooms
    assert rooms <= set(FLOORS)


@pytest.mark.parametrize("path", _files(CORE), ids=lambda p: str(p.relative_to(ROOT)))
def test_rooms_import_from_lower_floors(path: Path) -> None:
    home = _home(path)
    if home in FREE:
        return
    for module in _imported(path):
        assert not module.startswith("emcatalog_"), f"the core imports {module}"
        room = _room(module)
        if room not in (None, home):
            assert FLOORS[room] < FLOORS[home], f"{home} imports {room}"


@pytest.mark.parametrize(
    "path", _files(PLUGINS), ids=lambda p: str(p.relative_to(ROOT))
)
def test_plugins_import_only_the_contract(path: Path) -> None:
    for module in _imported(path):
        top = module.split(".")[0]
        assert not top.startswith("emcatalog_") or top == _home(path)
        room = _room(module)
        assert room is None or room in CONTRACT, f"{_home(path)} imports {room}"


@pytest.mark.parametrize("library", HOMES)
def test_heavy_dependencies_have_homes(library: str) -> None:
    users = {
        _home(path)
        for path in _files(CORE) + _files(PLUGINS)
        if any(m.split(".")[0] == library for m in _imported(path))
    }
    assert users <= HOMES[library]


def test_the_face_is_small_and_light() -> None:
    import emcatalog

    assert len(emcatalog.__all__) <= 10
    for name in emcatalog.__all__:
        assert getattr(emcatalog, name) is not None
    with pytest.raises(AttributeError):
        _ = emcatalog.nothing


def test_importing_the_face_loads_nothing_heavy() -> None:
    import subprocess

    code = "import sys, emcatalog; print([m for m in sys.modules if m in {'xarray',"
    code += "'dask', 'tensorstore', 'matplotlib', 'intake', 'pandas', 'gcsfs'}])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"

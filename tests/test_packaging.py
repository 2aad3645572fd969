"""Wheel, sdist and editable install: what is in them and that they work alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = {
    "emcatalog",
    "emcatalog_dm3",
    "emcatalog_idr",
    "emcatalog_images",
    "emcatalog_ngff",
    "emcatalog_precomputed",
    "emcatalog_tiff",
}


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel that was built from that sdist."""
    out = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", out, ROOT],
        check=True,
        capture_output=True,
    )
    return out


@pytest.fixture(scope="session")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, installed apart from everything else."""
    target = tmp_path_factory.mktemp("site")
    (wheel,) = built.glob("*.whl")
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps"]
    subprocess.run([*command, "--target", target, wheel], check=True)
    return target


def run(site: Path, code: str, folder: Path) -> str:
    """Run code with the wheel and the dependencies, but without the checkout.

    ``-S`` leaves out the hooks of site-packages, an editable install among them.
    """
    dependencies = sysconfig.get_path("purelib")
    done = subprocess.run(
        [sys.executable, "-S", "-c", code],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": f"{site}{os.pathsep}{dependencies}",
            # else intake looks for conda with distutils, which came by such a hook
            "VIRTUAL_ENV": sys.prefix,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_holds_the_packages_and_the_catalogs(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == PACKAGES
    for name in (
        "catalog.yaml",
        "catalog-more.yaml",
        "py.typed",
        "testing/contract.py",
        "metadata/snapshots/empiar-11759.json",
    ):
        assert f"emcatalog/{name}" in names


def test_the_sdist_holds_what_is_needed_to_build_and_test(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    for name in (
        "catalog.yaml",
        "README.md",
        "LICENSE",
        "pyproject.toml",
        "tests/test_packaging.py",
        "metadata/consolidated.csv",
        "emcatalog/metadata/snapshots/empiar-11759.json",
        "plugins/emcatalog_dm3/__init__.py",
    ):
        assert name in names
    assert not [n for n in names if n.startswith(("sample/", ".git/", ".venv"))]


def test_the_wheel_works_alone(installed: Path, tmp_path: Path) -> None:
    code = """
import intake, emcatalog
assert "emcatalog" in list(intake.cat), list(intake.cat)
cat = emcatalog.open_catalog()
assert sorted(cat) == sorted(intake.cat.emcatalog)
assert len(list(cat.more)) >= 10
from emcatalog.catalog import problems, catalog_path
assert problems(cat) == []
from emcatalog.metadata import records
assert records(cat, ["dataset2"])["dataset2"].value("depth") == 16
print(emcatalog.__file__); print(catalog_path())
for name in ("plugins", "tests", "benchmarks"):
    try:
        __import__(name)
    except ImportError:
        continue
    raise SystemExit(f"{name} is importable")
"""
    for line in run(installed, code, tmp_path).splitlines():
        assert Path(line).is_relative_to(installed)


def test_engines_are_registered(installed: Path, tmp_path: Path) -> None:
    code = """
import xarray
print(sorted(xarray.backends.list_engines()))
"""
    found = run(installed, code, tmp_path)
    for name in ("dm3", "idr", "images", "tiff", "ngff", "precomputed"):
        assert f"'{name}'" in found


def test_an_editable_install_exposes_no_more_than_the_packages(tmp_path: Path) -> None:
    origin = json.loads(distribution("emcatalog").read_text("direct_url.json") or "{}")
    if not origin.get("dir_info", {}).get("editable"):
        pytest.skip("emcatalog is not installed editable here")
    code = """
import emcatalog, emcatalog_dm3
print(emcatalog.__file__)
for name in ("plugins", "tests", "benchmarks"):
    try:
        __import__(name)
    except ImportError:
        continue
    raise SystemExit(f"{name} is importable")
"""
    clean = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=clean,
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(done.stdout.strip()).is_relative_to(ROOT)


def packages_of(name: str, extras: frozenset[str] = frozenset()) -> set[str]:
    """Names of all distributions that installing ``name`` brings, itself included."""
    found: set[str] = set()
    waiting = [(canonicalize_name(name), extras)]
    seen = set(waiting)
    while waiting:
        name, extras = waiting.pop()
        found.add(name)
        for line in distribution(name).requires or []:
            need = Requirement(line)
            environments = [{"extra": extra} for extra in extras or {""}]
            if need.marker and not any(map(need.marker.evaluate, environments)):
                continue
            key = canonicalize_name(need.name), frozenset(need.extras)
            if key not in seen:
                seen.add(key)
                waiting.append(key)
    return found


def test_the_core_is_light() -> None:
    """The ten packages that the project must have bring 74; ours add a dozen."""
    core = packages_of("emcatalog")
    assert len(core) <= 90
    assert not core & {"torch", "starlette", "fastapi", "matplotlib", "distributed"}
    assert not core & {"pytest", "moto", "pint-xarray", "typer", "pydantic"}

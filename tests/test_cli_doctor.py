"""``emcatalog doctor``: offline, against loopback servers, and on a broken machine."""

from __future__ import annotations

import json
import socket
import time
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import emcatalog
import servers
from cli_fixtures import Run
from emcatalog.cache import DiskCache
from emcatalog.cli import app
from emcatalog.cli.doctor import versions as of_versions

NOWHERE = "http://127.0.0.1:9/"
SCHEMES = ("https://", "s3://", "gs://")


@pytest.fixture
def doctor(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the doctor and return what it found, by name."""
    monkeypatch.delenv("EMCATALOG_MIRROR", raising=False)
    for name in ("MEMORY_LIMIT", "CACHE", "DISK_CACHE", "DISK_CACHE_LIMIT"):
        monkeypatch.delenv(f"EMCATALOG_{name}", raising=False)

    def invoke(*words: str, code: int = 0) -> dict[str, Any]:
        done = CliRunner().invoke(app, ["doctor", "--json", *words])
        assert done.exit_code == code, done.output
        told = json.loads(done.stdout)
        assert told["ok"] == (code == 0)
        return {f["name"]: f for f in told["findings"]}

    return invoke


def _asked(found: dict[str, Any]) -> dict[str, Any]:
    return {n: f for n, f in found.items() if f["section"] == "servers"}


def test_offline_is_told_quickly_and_is_no_failure(doctor: Run) -> None:
    begun = time.monotonic()
    with emcatalog.use_mirror(rules=dict.fromkeys(SCHEMES, NOWHERE)):
        found = doctor()
    assert time.monotonic() - begun < 10
    asked = _asked(found)
    assert len(asked) >= 5
    assert {f["state"] for f in asked.values()} == {"note"}
    assert "not reached" in asked["https://documents.epfl.ch"]["text"]


def test_names_that_are_not_resolved_are_told(
    doctor: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise OSError("no name server")

    monkeypatch.setattr(socket, "getaddrinfo", fails)
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with emcatalog.use_mirror():
        asked = _asked(doctor())
    assert {f["state"] for f in asked.values()} == {"note"}
    assert "not reached" in asked["s3://janelia-cosem-datasets"]["text"]


def test_it_asks_a_few_bytes_of_each_server(doctor: Run, sample_root: Path) -> None:
    with servers.http(sample_root) as server:
        with emcatalog.use_mirror(rules=_rules(server.url)):
            asked = _asked(doctor("--timeout", "20"))
        paths = [request.path for request in server.requests]
    five = [
        "https://idr.openmicroscopy.org",
        "https://ftp.ebi.ac.uk",
        "https://documents.epfl.ch",
        "s3://janelia-cosem-datasets",
        "gs://neuroglancer-janelia-flyem-hemibrain",
    ]
    for name in five:
        assert asked[name]["state"] == "ok", asked[name]
        assert "answers anyone" in asked[name]["text"]
    assert asked[five[0]]["users"] == ["dataset1", "idr_image"]
    assert "by byte ranges, 16 bytes" in asked[five[2]]["text"]
    assert any(path.endswith("/.zattrs") for path in paths)
    assert any(path.endswith("/info") for path in paths)
    # a bucket that the sample does not have: it answers, but not with the object
    assert asked["gs://neuroglancer-public-data"]["state"] == "warn"
    assert server.bytes_sent < 100_000


def test_faults_of_servers_are_told_apart(doctor: Run, sample_root: Path) -> None:
    with servers.http(sample_root) as server:
        server.faults.add(servers.ignore_range, "volumedata")
        server.faults.add(servers.status(403), "janelia-cosem")
        server.faults.add(servers.delay(20), "hemibrain")
        begun = time.monotonic()
        with emcatalog.use_mirror(rules=_rules(server.url)):
            asked = _asked(doctor("--timeout", "3"))
        assert time.monotonic() - begun < 8
    ranges = asked["https://documents.epfl.ch"]
    denied = asked["s3://janelia-cosem-datasets"]
    slow = asked["gs://neuroglancer-janelia-flyem-hemibrain"]
    assert ranges["state"] == denied["state"] == "warn"
    assert "ignores byte ranges" in ranges["text"]
    assert "refuses anonymous readers" in denied["text"]
    assert slow["state"] == "note"
    assert "no answer in 3 s" in slow["text"]


def _rules(url: str) -> dict[str, str]:
    return {f"{s}://": f"{url.rstrip('/')}/{s}/" for s in ("https", "s3", "gs")}


def test_nested_catalogs_are_asked_on_demand(doctor: Run) -> None:
    with emcatalog.use_mirror(rules=dict.fromkeys(SCHEMES, NOWHERE)):
        assert "gs://h01-release" not in doctor()
        assert "gs://h01-release" in doctor("--all")


def test_what_is_broken_here_is_status_1(
    doctor: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(
        "sources:\n"
        "  one: {driver: tiff, args: {urlpath: a.tif, voxle_size_nm: [1, 1, 1]}}\n"
        "  two: {driver: tif, args: {urlpath: a.tif}}\n"
    )
    monkeypatch.setenv("EMCATALOG_MIRROR", str(tmp_path / "gone"))
    monkeypatch.setenv("EMCATALOG_MEMORY_LIMIT", "plenty")
    done = CliRunner().invoke(app, ["doctor", "--json", "--catalog", str(own)])
    assert done.exit_code == 1, done.output
    broken = [f for f in json.loads(done.stdout)["findings"] if f["state"] == "broken"]
    told = " ".join(f["text"] for f in broken)
    for part in ("'voxle_size_nm'", "the driver 'tif'", "not a directory", "'plenty'"):
        assert part in told, told


def test_a_catalog_that_does_not_open_is_broken(doctor: Run, tmp_path: Path) -> None:
    found = doctor("--catalog", str(tmp_path / "no.yaml"), code=1)
    assert "a catalog in YAML" in found[str(tmp_path / "no.yaml")]["text"]
    assert not _asked(found)


def test_versions_are_shown_and_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        if name == "tifffile":
            raise PackageNotFoundError(name)
        return {"zarr": "2.18.0", "fsspec": "1999.1.0"}.get(name, "9999.0")

    monkeypatch.setattr(of_versions, "version", version)
    found = {f.name: f for f in of_versions.versions()}
    assert found["python"].state == "ok"
    assert found["tifffile"].state == "broken"
    assert found["tifffile"].hint == 'python -m pip install "tifffile>=2025.3"'
    assert "but emcatalog needs" in found["zarr"].text
    assert found["s3fs and fsspec"].state == "warn"
    assert "--upgrade fsspec s3fs gcsfs" in found["s3fs and fsspec"].hint


def test_the_versions_here_fit() -> None:
    found = {f.name: f for f in of_versions.versions()}
    for name in ("intake", "xarray", "s3fs", "gcsfs", "jinja2", "tensorstore"):
        assert found[name].state == "ok", found[name]


def test_caches_are_told(
    doctor: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with emcatalog.use_mirror(rules=dict.fromkeys(SCHEMES, NOWHERE)):
        found = {n: f for n, f in doctor().items() if f["section"] == "caches"}
        assert found["disk"]["text"] == "none; EMCATALOG_DISK_CACHE is not set"
        monkeypatch.setenv("EMCATALOG_CACHE", "1 GiB")
        monkeypatch.setenv("EMCATALOG_DISK_CACHE", str(tmp_path))
        monkeypatch.setenv("EMCATALOG_DISK_CACHE_LIMIT", "2MiB")
        DiskCache(tmp_path, 2**20).put("a chunk", "1", bytes(100_000))
        found = doctor()
        text = "at most 1.00 GiB: 512.00 MiB decoded chunks, 512.00 MiB pages"
        assert found["memory"]["text"] == text
        assert found["disk"]["text"] == f"100.00 kiB of 2.00 MiB in {tmp_path}"
        assert found["disk"]["state"] == "ok"


def test_caches_that_cannot_be_used_are_told(
    doctor: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMCATALOG_DISK_CACHE", str(tmp_path))
    monkeypatch.setenv("EMCATALOG_DISK_CACHE_LIMIT", "1000 TiB")
    with emcatalog.use_mirror(rules=dict.fromkeys(SCHEMES, NOWHERE)):
        full = doctor()["disk"]
        assert full["state"] == "warn"
        assert "but the disk has only" in full["text"]
        assert "EMCATALOG_DISK_CACHE_LIMIT=" in full["hint"]
        (tmp_path / "file").touch()
        monkeypatch.setenv("EMCATALOG_DISK_CACHE", str(tmp_path / "file"))
        monkeypatch.setenv("EMCATALOG_CACHE", "much")
        found = doctor(code=1)
    assert found["disk"]["state"] == found["memory"]["state"] == "broken"
    assert "unset EMCATALOG_DISK_CACHE" in found["disk"]["hint"]
    assert "EMCATALOG_CACHE: got the size 'much'" in found["memory"]["text"]


def test_it_is_readable(sample_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    with emcatalog.use_mirror(sample_root, rules=dict.fromkeys(SCHEMES, NOWHERE)):
        done = CliRunner().invoke(app, ["doctor"])
    assert done.exit_code == 0
    for part in ("versions", "machine", "servers", "memory limit", str(sample_root)):
        assert part in done.stdout
    assert "no server was reached" in done.stdout

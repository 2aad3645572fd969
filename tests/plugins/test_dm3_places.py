"""DM files where they lie: what opening costs, servers, the sample, real files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import servers
from dm_writer import document, encode, image
from emcatalog.errors import ContentError, TransportError
from emcatalog.geometry import Region
from emcatalog.mirror import Mirrors
from emcatalog.sample import truth
from emcatalog.testing import traffic
from emcatalog.transport import Transport
from emcatalog_dm3 import Dm3Source, open_pyramid

LOCAL = Transport(mirrors=Mirrors(), attempts=1)
URL = "https://ftp.ebi.ac.uk/empiar/world_availability/11759/data/"
XY = [(0.00799825, "µm")] * 2
Serve = Callable[[Path | str], Any]


def large(shape: tuple[int, int], thumbnail: tuple[int, int], pad: int = 0) -> bytes:
    """A slice as a 3View writes it: tags before, between and behind the pixels."""
    behind = {
        "SBFSEM": {"Record": {"Slice thickness": 50.0}},
        "Notes": [f"{n:04d} {'text ' * 3}" for n in range(300)],
    }
    mine = image(np.ones(shape, np.uint8), XY, "slice", tags=behind)
    padding = {f"pad{n:05d}": n for n in range(pad)}
    return encode(document(mine, thumbnail=thumbnail, first=padding))


@pytest.mark.parametrize("thumbnail", [(192, 192), (384, 383)])
def test_opening_a_slice_of_30_mb(tmp_path: Path, thumbnail: tuple[int, int]) -> None:
    """Three requests: before the thumbnail, after it, after the pixels."""
    place = tmp_path / "slice.dm3"
    place.write_bytes(large((5500, 5496), thumbnail))
    with traffic() as seen:
        volume = open_pyramid(str(place), LOCAL).level(0)
    assert volume.grid.shape == (1, 5500, 5496)
    assert volume.grid.voxel_size == (50.0, 7.99825, 7.99825)
    assert seen.requests <= 3
    assert seen.bytes < 0.01 * place.stat().st_size
    with traffic() as seen:
        assert volume.read(Region((0, 100, 0), (1, 356, 256))).all()
    assert seen.bytes < 256 * 5496 + 2**15


@pytest.mark.parametrize("pad", range(0, 2000, 190))
def test_the_cost_does_not_hang_on_where_things_lie(
    tmp_path: Path, http_at: Serve, pad: int
) -> None:
    place = tmp_path / "slice.dm3"
    place.write_bytes(large((1000, 999), (192, 192), pad))
    server = http_at(tmp_path)
    open_pyramid(f"{server.url}/slice.dm3", LOCAL)
    # a header of more than 32 KiB takes one request more
    assert len(server.requests) <= 4
    assert all(request.range for request in server.requests)
    assert server.bytes_sent < 0.35 * place.stat().st_size


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of four slices, inside what is a bucket for the object stores."""
    place = tmp_path_factory.mktemp("served") / "dm3-bucket" / "my data"
    place.mkdir(parents=True)
    for z, plane in enumerate(STACK):
        tags = {"SBFSEM": {"Record": {"Slice thickness": 50.0}}}
        file = encode(document(image(plane, XY, tags=tags), thumbnail=(20 + z, 20)))
        (place / f"cut_{z + 98:d}.dm3").write_bytes(file)
    (place / "notes.txt").write_text("no slice")
    return place


STACK: NDArray[np.uint8] = np.random.default_rng(3).integers(
    0, 255, (4, 90, 70), np.uint8
)


@pytest.fixture(params=["disk", "http", "ftp", "s3", "gcs"])
def served(request: pytest.FixtureRequest, folder: Path) -> tuple[str, dict[str, Any]]:
    """Where the folder's parent is, and the options of its file system."""
    root, kind = folder.parent.parent, request.param
    if kind == "disk":
        return str(root / "dm3-bucket"), {}
    server = request.getfixturevalue(f"{kind}_at")(root)
    if kind in ("http", "ftp"):
        return f"{server.url}/dm3-bucket", {}
    endpoint = {"endpoint_url": server.url}
    options = {"client_kwargs": endpoint} if kind == "s3" else endpoint
    return f"{'gs' if kind == 'gcs' else kind}://dm3-bucket", options


@pytest.mark.parametrize("name", ["", "*.dm3", "cut_{98..101}.dm3"])
def test_slices_on_every_kind_of_server(
    served: tuple[str, dict[str, Any]], name: str
) -> None:
    base, options = served
    quoted = "my%20data" if base.startswith(("http", "ftp")) else "my data"
    source = Dm3Source(f"{base}/{quoted}/{name}", storage_options=options)
    np.testing.assert_array_equal(source.read().values, STACK)


def test_a_login_page_in_place_of_a_slice(folder: Path, faulty_http: Serve) -> None:
    server = faulty_http(folder)
    server.faults.add(servers.login_page, path=r"100\.dm3$")
    with pytest.raises(ContentError, match=r"cut_100\.dm3.*HTML page titled 'Log in'"):
        open_pyramid(f"{server.url}/cut_{{98..101}}.dm3", LOCAL)


def test_a_slice_that_is_not_there(folder: Path, http_at: Serve) -> None:
    server = http_at(folder)
    with pytest.raises(TransportError, match=r"cut_102\.dm3"):
        open_pyramid(f"{server.url}/cut_{{98..102}}.dm3", LOCAL)
    url = f"{server.url}/cut_{{97..101}}.dm3"
    volume = open_pyramid(url, LOCAL, gaps="absent").level(0)
    assert volume.stored(volume.grid.region)[:, 0, 0].tolist() == [False] + [True] * 4


def test_the_sample(sample_root: Path) -> None:
    expected = truth("dataset2")[0]
    transport = Transport(mirrors=Mirrors((str(sample_root),)))
    names = f"F57-8_test1_3VBSED_slice_{{0000..{len(expected) - 1:04d}}}.dm3"
    for place in (names, "", "*.dm3"):
        volume = open_pyramid(URL + place, transport).level(0)
        np.testing.assert_array_equal(volume.read(volume.grid.region), expected)
        assert volume.grid.voxel_size == (50.0, 7.99825, 7.99825)

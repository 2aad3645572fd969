"""Images of OMERO servers: metadata, the original file, rendered planes, sessions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from starlette.responses import JSONResponse, PlainTextResponse

import servers
from emcatalog.cache import page_cache
from emcatalog.errors import (
    AccessDeniedError,
    ContentError,
    EmcatalogError,
    FormatError,
    NotFoundError,
    OptionError,
    UnreachableError,
)
from emcatalog.mirror import Mirrors, use_mirror
from emcatalog.sample import truth
from emcatalog.testing import VolumeTests
from emcatalog.transport import Transport
from emcatalog.volume import Pyramid
from emcatalog_idr import IdrSource, open_pyramid
from servers.omero_image import OmeroImage
from servers.omero_server import RunningOmero

PIXELS = np.random.default_rng(0).integers(0, 256, (2, 3, 4, 20, 30), np.uint8)
GREY = OmeroImage(PIXELS[:1, :1], (0.03, 0.02, 0.01), image_id=7, name="grey.tif")
MANY = OmeroImage(PIXELS, (0.03, 0.02, 0.01), image_id=8)
DEEP = OmeroImage(PIXELS[:1, :1].astype(np.uint16), (None, None, None), image_id=9)
IMAGE, SAMPLE = 9846137, "dataset1"


def opened(server: RunningOmero, image_id: int = 7, **options: Any) -> Pyramid:
    options.setdefault("route", "rendered")
    base = server.url
    transport = Transport(mirrors=Mirrors(), attempts=2)
    return open_pyramid(base, transport=transport, image_id=image_id, **options)


def read(pyramid: Pyramid) -> NDArray[np.generic]:
    volume = pyramid.level(0)
    return volume.read(volume.grid.region)


@pytest.fixture
def server() -> Iterator[RunningOmero]:
    with servers.omero(GREY, MANY, DEEP) as running:
        yield running


class TestSampleFile(VolumeTests):
    """Dataset 1 from the embedded sample, by its original file."""

    @pytest.fixture(autouse=True)
    def mirror(self, sample_root: Path) -> Iterator[None]:
        with use_mirror(sample_root):
            yield

    @pytest.fixture
    def source(self) -> IdrSource:
        return IdrSource(image_id=IMAGE)

    @pytest.fixture
    def truth(self) -> NDArray[np.generic]:
        image, _ = truth(SAMPLE)
        return image


class TestSampleRendered(TestSampleFile):
    """The same by rendered planes."""

    @pytest.fixture
    def source(self) -> IdrSource:
        return IdrSource(image_id=IMAGE, route="rendered")


def test_both_routes_tell_who_says_what(sample_root: Path) -> None:
    with use_mirror(sample_root):
        file = IdrSource(image_id=IMAGE).to_xarray()
        rendered = IdrSource(image_id=IMAGE, route="rendered").to_xarray()
        assert (
            file.attrs["voxel_size_nm"] == rendered.attrs["voxel_size_nm"] == [20] * 3
        )
        assert "ImageJ spacing" in file.attrs["voxel_size_source"]
        assert "z: server (pixel_size.z)" in rendered.attrs["voxel_size_source"]
        expected = {"route": "file", "rendered": 0, "lossy": 0, "compression": "none"}
        assert expected.items() <= file.attrs.items()
        expected = {
            "route": "rendered",
            "rendered": 1,
            "lossy": 0,
            "compression": "png",
        }
        assert expected.items() <= rendered.attrs.items()
        assert rendered.attrs["title"].startswith("Figure_S3B")
        np.testing.assert_array_equal(file.values, rendered.values)


def test_another_file_than_the_image_is_refused(sample_root: Path) -> None:
    epfl = (
        "https://documents.epfl.ch/groups/c/cv/cvlab-unit/www/data/"
        "%20ElectronMicroscopy_Hippocampus/volumedata.tif"
    )
    with use_mirror(sample_root):
        source = IdrSource(image_id=IMAGE, file_url=epfl)
        with pytest.raises(FormatError, match=r"volumedata.tif: got a file of.*says"):
            source.to_xarray()


def test_the_original_file_is_found_by_the_rule_of_the_idr(sample_root: Path) -> None:
    with use_mirror(sample_root):
        pyramid = IdrSource(image_id=IMAGE).pyramid
    (page, *_) = pyramid.level(0).pages  # type: ignore[attr-defined]
    assert page.url.startswith("https://ftp.ebi.ac.uk/pub/databases/IDR/idr0086")


def test_planes_are_the_stored_values(server: RunningOmero) -> None:
    """The stored window (36..199) would stretch them."""
    pyramid = opened(server)
    np.testing.assert_array_equal(read(pyramid), PIXELS[0, 0])
    assert pyramid.level(0).grid.voxel_size == (30.0, 20.0, 10.0)
    paths = [r.path for r in server.requests if "render_image" in r.path]
    assert len(paths) == 4
    assert pyramid.record.value("display_window") == (36.0, 199.0)


def test_one_of_several_channels_and_times(server: RunningOmero) -> None:
    for time, channel in ((0, 1), (1, 2)):
        pyramid = opened(server, 8, channel=channel, time=time)
        np.testing.assert_array_equal(read(pyramid), PIXELS[time, channel])
    assert "c=-1,-2,3%7C0:255$FFFFFF&m=g&format=png" in server.requests[-1].query
    with pytest.raises(OptionError, match=r"channel=3; expected 0 to 2"):
        opened(server, 8, channel=3)
    with pytest.raises(OptionError, match=r"time=-1; expected 0 to 1"):
        opened(server, 8, time=-1)


def test_deep_pixels_cannot_be_rendered(server: RunningOmero) -> None:
    with pytest.raises(FormatError, match=r"uint16.*8 bits.*route='file'"):
        opened(server, 9, voxel_size_nm=1)


def test_a_session_that_ends_is_renewed_once(server: RunningOmero) -> None:
    pyramid = opened(server)
    read(pyramid)
    server.expire_sessions()
    server.forget()
    page_cache().clear()
    np.testing.assert_array_equal(read(pyramid), PIXELS[0, 0])
    assert 403 in {request.status for request in server.requests}
    server.state.session_seconds = 0.0
    server.expire_sessions()
    server.forget()
    page_cache().clear()
    with pytest.raises(AccessDeniedError, match=r"render_image.*403"):
        pyramid.level(0).read(pyramid.level(0).grid.region)


def test_a_stock_server_is_lossy_and_says_so(server: RunningOmero) -> None:
    server.state.stock = True
    with pytest.raises(ContentError, match=r"section \d.*JPEG.*stock.*image_format"):
        read(opened(server))
    pyramid = opened(server, image_format="jpeg")
    assert np.abs(read(pyramid).astype(int) - PIXELS[0, 0]).max() < 100
    assert pyramid.record.value("lossy") == 1
    assert pyramid.record.value("rendered") == 1


def test_a_login_wall(server: RunningOmero) -> None:
    pyramid = opened(server)
    server.state.login_wall = True
    with pytest.raises(ContentError, match=r"imgData/7.*HTML page"):
        opened(server)
    with pytest.raises(EmcatalogError, match=r"section \d.*HTML page"):
        read(pyramid)


def test_an_unknown_image(server: RunningOmero) -> None:
    with pytest.raises(AccessDeniedError, match=r"403 for image 5.*check image_id"):
        opened(server, 5)
    server.faults.add(servers.status(404), path="imgData")
    with pytest.raises(NotFoundError, match=r"no image 7.*check image_id"):
        opened(server)


@pytest.mark.parametrize(
    ("answer", "error", "message"),
    [
        ({"Exception": "ResourceError"}, FormatError, "failure.*ResourceError"),
        ({"ConcurrencyException": {"backOff": 1}}, UnreachableError, "is busy"),
        ({"meta": {"pixelsType": "complex"}}, FormatError, "type 'complex'"),
        ({"meta": {"pixelsType": "uint8"}}, FormatError, r"size.z = None"),
        ([1, 2], FormatError, "JSON of the kind list"),
    ],
)
def test_answers_that_are_no_image(
    server: RunningOmero, answer: object, error: type[Exception], message: str
) -> None:
    server.faults.add(servers.respond(JSONResponse(answer)), path="imgData")
    with pytest.raises(error, match=rf"imgData/7/: got .*{message}"):
        opened(server)


def test_a_busy_server_is_asked_again(server: RunningOmero) -> None:
    busy = JSONResponse({"ConcurrencyException": {"backOff": 1}})
    server.faults.add(servers.respond(busy), path="imgData", times=2)
    assert opened(server).level(0).grid.shape == (4, 20, 30)
    server.faults.add(servers.respond(PlainTextResponse("{")), path="imgData")
    with pytest.raises(FormatError, match="not JSON"):
        opened(server)


def test_unknown_pixel_sizes_must_be_declared(server: RunningOmero) -> None:
    grey = OmeroImage(PIXELS[:1, :1], (None, 0.02, 0.0), image_id=3)
    with servers.omero(grey) as other:
        with pytest.raises(FormatError, match=r"imgData/3/.*along z, x.*voxel_size_nm"):
            opened(other, 3)
        pyramid = opened(other, 3, voxel_size_nm=[50, 8, 8])
    assert pyramid.level(0).grid.voxel_size == (50.0, 20.0, 8.0)


def test_the_file_of_another_server_must_be_named(server: RunningOmero) -> None:
    with pytest.raises(FormatError, match=r"the server http.*file_url.*rendered"):
        opened(server, route="file")


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        (["a.tif", "b.tif"], "2 original files"),
        (["uod/idr/../../etc/passwd"], "one in uod/idr/filesets"),
        (["uod/idr/filesets/../../x.tif"], "one in uod/idr/filesets"),
        (None, "0 original files"),
    ],
)
def test_paths_outside_the_rule(
    sample_root: Path, tmp_path: Path, paths: object, message: str
) -> None:
    folder = (
        tmp_path
        / f"https/idr.openmicroscopy.org/webgateway/original_file_paths/{IMAGE}"
    )
    folder.mkdir(parents=True)
    (folder / "index.html").write_text(json.dumps({"repo": paths}), "utf-8")
    with use_mirror(tmp_path, sample_root), pytest.raises(FormatError, match=message):
        _ = IdrSource(image_id=IMAGE).pyramid


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"route": "files"}, "did you mean 'file'"),
        ({"image_format": "gif"}, "one of png, jpeg"),
    ],
)
def test_options(server: RunningOmero, options: dict[str, str], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        opened(server, **options)


def test_real_answers_of_servers(realdata: Path, server: RunningOmero) -> None:
    """Answers of real servers: an image or a clear refusal."""
    told = []
    for path in sorted((realdata / "json_omero").rglob("*.json")):
        answer = json.loads(path.read_text("utf-8"))
        server.faults.clear()
        server.faults.add(servers.respond(JSONResponse(answer)), path="imgData")
        try:
            told.append(str(opened(server, voxel_size_nm=1).level(0).grid.shape))
        except EmcatalogError as error:
            told.append(str(error))
    assert all(text.startswith(("(", server.url[:5])) for text in told), told

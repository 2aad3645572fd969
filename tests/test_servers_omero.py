"""The OMERO gateway of the tests keeps to the published interface."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from servers import OmeroImage, login_page, omero
from servers.omero_server import RunningOmero

RNG = np.random.default_rng(0)
GREY = OmeroImage(
    pixels=RNG.integers(0, 256, (1, 1, 4, 20, 30), dtype=np.uint8),
    pixel_size_um=(0.02, 0.02, 0.02),
    name="stack.tif",
)
COLOR = OmeroImage(
    pixels=RNG.integers(-3000, 3000, (2, 2, 3, 9, 8), dtype=np.int16),
    pixel_size_um=(None, 0.5, 0.25),
    image_id=7,
    window=(0.0, 1000.0),
    colors=("FF0000", "00FF00"),
)
PLANE = "/webgateway/render_image/9846137/2/0/"
LOSSLESS = {"c": "1|0:255$FFFFFF", "m": "g", "format": "png"}


@pytest.fixture
def server() -> Iterator[RunningOmero]:
    with omero(GREY, COLOR) as running:
        yield running


@pytest.fixture
def client(server: RunningOmero) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url) as visitor:
        visitor.get("/webclient/?experimenter=-1")
        yield visitor


def pixels(answer: httpx.Response) -> NDArray[Any]:
    assert answer.status_code == 200, answer.text
    return np.asarray(Image.open(io.BytesIO(answer.content)))


def test_a_picture_wants_a_session(server: RunningOmero) -> None:
    with httpx.Client(base_url=server.url) as visitor:
        assert visitor.get(PLANE).status_code == 403
        page = visitor.get("/webclient/?experimenter=-1")
        assert page.headers["content-type"].startswith("text/html")
        assert list(visitor.cookies) == ["sessionid_idr"]
        assert visitor.get(PLANE).status_code == 200
        server.expire_sessions()
        assert visitor.get(PLANE).status_code == 403
        visitor.get(server.session_url)
        assert visitor.get(PLANE).status_code == 200
    statuses = [request.status for request in server.requests]
    assert statuses == [403, 200, 200, 403, 200, 200]


def test_a_session_ends_by_itself(server: RunningOmero) -> None:
    server.state.session_seconds = 0.0
    with httpx.Client(base_url=server.url) as visitor:
        key = visitor.get(server.session_url).headers["set-cookie"].split("=")[1]
        cookie = {"Cookie": f"sessionid_idr={key.split(';')[0]}"}
        assert visitor.get(PLANE, headers=cookie).status_code == 403


def test_a_session_may_come_by_header_or_query(server: RunningOmero) -> None:
    key = httpx.get(server.session_url).cookies["sessionid_idr"]
    by_header = {"X-OMERO-Session-Key": key}
    assert httpx.get(server.url + PLANE, headers=by_header).status_code == 200
    assert httpx.get(f"{server.url}{PLANE}?bsession={key}").status_code == 200
    assert httpx.get(f"{server.url}{PLANE}?bsession=wrong").status_code == 403


def test_metadata_pages_set_the_cookie_and_the_api_does_not(
    server: RunningOmero,
) -> None:
    for page, has_cookie in (
        ("/webclient/imgData/9846137/", True),
        ("/webgateway/imgData/9846137/", True),
        ("/api/v0/m/images/9846137/", False),
        ("/webgateway/original_file_paths/9846137/", False),
    ):
        answer = httpx.get(server.url + page)
        assert answer.status_code == 200
        assert ("set-cookie" in answer.headers) == has_cookie


def test_img_data(client: httpx.Client) -> None:
    facts = client.get("/webgateway/imgData/9846137/").json()
    assert facts["size"] == {"width": 30, "height": 20, "z": 4, "t": 1, "c": 1}
    assert facts["pixel_size"] == {"x": 0.02, "y": 0.02, "z": 0.02}
    assert facts["meta"]["pixelsType"] == "uint8"
    assert facts["meta"]["imageName"] == "stack.tif"
    assert facts["pixel_range"] == [0, 255]
    assert facts["channels"][0]["window"]["start"] == 36.0
    assert facts["channels"][0]["window"]["end"] == 199.0
    assert facts["rdefs"]["model"] == "greyscale"
    other = client.get("/webclient/imgData/7/").json()
    assert other["pixel_size"] == {"x": 0.25, "y": 0.5, "z": None}
    assert other["pixel_range"] == [-32768, 32767]
    assert len(other["channels"]) == 2


def test_the_json_api(client: httpx.Client) -> None:
    facts = client.get("/api/v0/m/images/7/").json()["data"]
    assert facts["@id"] == 7
    sizes = {axis: facts["Pixels"][f"Size{axis}"] for axis in "XYZCT"}
    assert sizes == {"X": 8, "Y": 9, "Z": 3, "C": 2, "T": 2}
    assert facts["Pixels"]["PhysicalSizeX"]["Value"] == 0.25
    assert facts["Pixels"]["PhysicalSizeX"]["Unit"] == "MICROMETER"
    assert "PhysicalSizeZ" not in facts["Pixels"]
    assert facts["Pixels"]["Type"]["value"] == "int16"


def test_the_original_file(client: httpx.Client) -> None:
    facts = client.get("/webgateway/original_file_paths/9846137/").json()
    assert facts["repo"][0].startswith("uod/idr/filesets/")


def test_unknown_images(client: httpx.Client) -> None:
    for page, status in (
        ("/webgateway/imgData/1/", 403),
        ("/api/v0/m/images/1/", 404),
        ("/webgateway/original_file_paths/1/", 404),
        ("/webgateway/render_image/1/0/0/", 404),
    ):
        assert client.get(page).status_code == status


@pytest.mark.parametrize("z", range(4))
def test_the_lossless_recipe(client: httpx.Client, z: int) -> None:
    answer = client.get(f"/webgateway/render_image/9846137/{z}/0/", params=LOSSLESS)
    assert answer.headers["content-type"] == "image/png"
    rgb = pixels(answer)
    assert rgb.shape == (20, 30, 3)
    for band in range(3):
        np.testing.assert_array_equal(rgb[..., band], GREY.pixels[0, 0, z])


def test_values_are_stretched_unless_told_otherwise(client: httpx.Client) -> None:
    plane = GREY.pixels[0, 0, 2].astype(float)
    expected = np.rint(np.clip((plane - 36) * 255 / (199 - 36), 0, 255))
    for page in (PLANE, PLANE.replace("webgateway", "webclient")):
        rgb = pixels(client.get(page, params={"format": "png"}))
        np.testing.assert_array_equal(rgb[..., 1], expected)
    own = pixels(client.get(PLANE, params={"c": "1|100:150", "format": "png"}))
    assert (own[..., 0] == 0).sum() == (plane <= 100).sum()
    np.testing.assert_array_equal(own[..., 0] == 255, plane >= 150)


def test_channels_colours_and_times(client: httpx.Client) -> None:
    page = "/webgateway/render_image/7/1/1/"

    def level(channel: int) -> NDArray[Any]:
        values = COLOR.pixels[1, channel, 1].astype(float)
        stretched: NDArray[Any] = np.rint(np.clip(values * 255 / 1000, 0, 255))
        return stretched

    rgb = pixels(client.get(page, params={"format": "png"}))
    np.testing.assert_array_equal(rgb[..., 0], level(0))
    np.testing.assert_array_equal(rgb[..., 1], level(1))
    assert not rgb[..., 2].any()
    for c in ("-1,2|0:1000$0000FF", "2|0:1000$0000FF"):
        rgb = pixels(client.get(page, params={"format": "png", "c": c, "m": "c"}))
        np.testing.assert_array_equal(rgb[..., 2], level(1))
        assert not rgb[..., :2].any()
    grey = pixels(client.get(page, params={"format": "png", "m": "g"}))
    np.testing.assert_array_equal(grey, np.repeat(level(0)[..., None], 3, axis=2))


def test_planes_out_of_range(client: httpx.Client) -> None:
    for tail in ("4/0/", "0/1/", "-1/0/"):
        page = f"/webgateway/render_image/9846137/{tail}"
        assert client.get(page).status_code == 404


def test_formats(client: httpx.Client) -> None:
    assert client.get(PLANE).headers["content-type"] == "image/jpeg"
    tiff = client.get(PLANE, params={**LOSSLESS, "format": "tif"})
    assert tiff.headers["content-type"] == "image/tiff"
    np.testing.assert_array_equal(pixels(tiff)[..., 0], GREY.pixels[0, 0, 2])
    sizes = [len(client.get(PLANE, params={"q": q}).content) for q in ("0.1", "1.0")]
    assert sizes[0] < sizes[1]
    assert client.get(PLANE, params={"format": "bmp"}).status_code == 400


def test_regions(client: httpx.Client) -> None:
    page = "/webgateway/render_image_region/9846137/2/0/"
    part = pixels(client.get(page, params={**LOSSLESS, "region": "5,2,10,7"}))
    np.testing.assert_array_equal(part[..., 0], GREY.pixels[0, 0, 2, 2:9, 5:15])
    assert client.get(page).status_code == 400


def test_a_stock_server_always_sends_jpeg() -> None:
    with omero(GREY, stock=True) as server:
        answer = httpx.get(server.url + PLANE, params=LOSSLESS)
        assert answer.headers["content-type"] == "image/jpeg"
        assert pixels(answer).shape == (20, 30, 3)
        server.state.needs_session = True
        assert httpx.get(server.url + PLANE).status_code == 403


def test_the_front_cache_answers_anybody(server: RunningOmero) -> None:
    server.state.front_cache = True
    key = httpx.get(server.session_url).cookies["sessionid_idr"]
    cookie = {"Cookie": f"sessionid_idr={key}"}
    url = server.url + PLANE
    assert httpx.get(url).status_code == 403
    assert httpx.get(url, headers=cookie).status_code == 200
    assert httpx.get(url).status_code == 200
    assert httpx.get(url + "?m=g").status_code == 403


def test_the_login_wall(server: RunningOmero) -> None:
    server.state.login_wall = True
    with httpx.Client(base_url=server.url, follow_redirects=True) as visitor:
        for page in (PLANE, "/webgateway/imgData/9846137/", "/api/v0/m/images/7/"):
            answer = visitor.get(page)
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith("text/html")


def test_downloads_are_closed_to_the_public(client: httpx.Client) -> None:
    page = "/webclient/render_image_download/9846137/0/0/"
    assert client.get(page).headers["location"] == "/webclient/?experimenter=-1"
    script = {"X-Requested-With": "XMLHttpRequest"}
    assert client.get(page, headers=script).status_code == 403


def test_faults_apply_here_too(server: RunningOmero, client: httpx.Client) -> None:
    server.faults.add(login_page, path="render_image", times=1)
    assert "text/html" in client.get(PLANE).headers["content-type"]
    assert client.get(PLANE).headers["content-type"] == "image/jpeg"

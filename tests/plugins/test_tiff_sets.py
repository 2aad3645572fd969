"""TIFF: reduced copies as levels, OME-TIFFs of several files, what is not believed.

The files are written by tifffile; the geometry is reckoned by hand.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

import servers
import tiff_writer
from emcatalog.errors import EmcatalogError, FormatError, NotFoundError
from emcatalog.geometry import Grid
from emcatalog.mirror import Mirrors
from emcatalog.transport import Transport
from emcatalog.volume import Pyramid
from emcatalog_tiff import open_pyramid
from emcatalog_tiff.reduced import level_grid

TRANSPORT = Transport(mirrors=Mirrors(), attempts=1)
GREY: dict[str, Any] = {"photometric": "minisblack"}


def opened(path: Path | str, **options: Any) -> Pyramid:
    options.setdefault("voxel_size_nm", [50, 8, 8])
    return open_pyramid(str(path), TRANSPORT, **options)


def read(path: Path | str, level: int = 0, **options: Any) -> NDArray[np.generic]:
    volume = opened(path, **options).level(level)
    return volume.read(volume.grid.region)


def numbered(*shape: int) -> NDArray[np.uint16]:
    return np.arange(np.prod(shape), dtype=np.uint16).reshape(shape)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_sub_ifds_are_levels(tmp_path: Path, channels: int, byteorder: str) -> None:
    path = tmp_path / "a.ome.tif"
    stack = numbered(3, channels, 65, 96)
    with tifffile.TiffWriter(path, bigtiff=True, byteorder=byteorder) as writer:
        options = {**GREY, "tile": (16, 16), "metadata": {"axes": "ZCYX"}}
        writer.write(stack, subifds=2, **options)
        for step in (2, 4):  # 65 rows become 33 and 17: rounded up
            copy = stack[..., ::step, ::step]
            writer.write(copy, subfiletype=1, **GREY, tile=(16, 16))
    chosen = {"channel": channels - 1} if channels > 1 else {}
    pyramid = opened(path, **chosen)
    assert [level.grid.voxel_size for level in pyramid.levels] == [
        (50, 8, 8), (50, 16, 16), (50, 32, 32),
    ]  # fmt: skip
    assert [level.grid.origin for level in pyramid.levels] == [
        (0, 0, 0), (0, 4, 4), (0, 12, 12),
    ]  # fmt: skip
    for level, step in enumerate((1, 2, 4)):
        np.testing.assert_array_equal(
            read(path, level, **chosen), stack[:, channels - 1, ::step, ::step]
        )


def test_reduced_pages_of_the_chain_are_levels(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    stack = numbered(3, 64, 80)
    with tifffile.TiffWriter(path) as writer:
        for page in stack:
            writer.write(page, metadata=None, **GREY)
            writer.write(page[::2, ::2], metadata=None, subfiletype=1, **GREY)
            writer.write(page[::8, ::8], metadata=None, subfiletype=1, **GREY)
    pyramid = opened(path)
    assert [level.grid.shape[1:] for level in pyramid.levels] == [
        (64, 80), (32, 40), (8, 10),
    ]  # fmt: skip
    np.testing.assert_array_equal(read(path, 2), stack[:, ::8, ::8])


@pytest.mark.parametrize(
    "copy",
    [
        np.zeros((32, 40), "u1"),  # of another type
        np.zeros((32, 32), "u2"),  # of another proportion
        np.zeros((64, 80), "u2"),  # of the same size
        np.zeros((80, 100), "u2"),  # larger
        np.zeros((32, 40, 3), "u2"),  # in colours
    ],
)
def test_thumbnails_are_no_levels(tmp_path: Path, copy: NDArray[Any]) -> None:
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as writer:
        writer.write(numbered(64, 80), metadata=None, **GREY)
        kind = "rgb" if copy.ndim == 3 else "minisblack"
        writer.write(copy, metadata=None, subfiletype=1, photometric=kind)
    assert len(opened(path).levels) == 1


def test_a_damaged_level_is_left_out_and_noted(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as writer:
        writer.write(numbered(64, 80), metadata=None, subifds=1, **GREY)
        writer.write(numbered(32, 40), metadata=None, subfiletype=1, **GREY)
    data = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as tiff:
        (place,) = tiff.pages[0].subifds
    data[place : place + 2] = b"\xff\xff"
    path.write_bytes(data)
    pyramid = opened(path)
    assert len(pyramid.levels) == 1
    assert "reduced levels are left out" in str(pyramid.record.value("note"))
    np.testing.assert_array_equal(read(path)[0], numbered(64, 80))


@pytest.mark.parametrize(
    ("full", "copy", "factors"),
    [
        ((100, 100), (50, 50), (2, 2)),
        ((101, 99), (50, 49), (2, 2)),
        ((101, 99), (51, 50), (2, 2)),
        ((101, 101), (7, 7), (16, 16)),
        ((300, 90), (100, 30), (3, 3)),
        ((1, 64), (1, 16), (4, 4)),
        ((100, 100), (80, 80), (1.25, 1.25)),
    ],
)
def test_levels_cover_the_same_area(
    full: tuple[int, int], copy: tuple[int, int], factors: tuple[float, float]
) -> None:
    grid = level_grid(Grid((5, *full), (50, 8, 4), (1, 2, 3)), copy)
    assert grid.shape == (5, *copy)
    assert grid.voxel_size == (50, 8 * factors[0], 4 * factors[1])
    assert grid.edges(1)[0] == 2 - 4
    assert grid.edges(2)[0] == 3 - 2


XML = """<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/\
2016-06" UUID="urn:uuid:{own}"><Image ID="Image:0"><Pixels ID="Pixels:0" \
DimensionOrder="XYZCT" Type="uint16" SizeX="6" SizeY="5" SizeZ="2" SizeC="2" SizeT="1" \
PhysicalSizeX="4" PhysicalSizeXUnit="nm" PhysicalSizeY="4000" PhysicalSizeYUnit="pm">\
<Channel ID="Channel:0:0" SamplesPerPixel="1"/><Channel ID="Channel:0:1" \
SamplesPerPixel="1"/>{blocks}</Pixels></Image></OME>"""
STACK = numbered(2, 2, 5, 6)  # channel, z


def page(voxels: NDArray[np.uint16], xml: str) -> tuple[dict[int, Any], bytes]:
    tags = {256: 6, 257: 5, 258: 16, 259: 1, 262: 1, 270: xml, 277: 1, 278: 5}
    return tags, voxels.astype("<u2").tobytes()


def blocks(names: list[str]) -> str:
    return "".join(
        f'<TiffData IFD="0" FirstC="{c}" FirstZ="{z}" PlaneCount="1">'
        f'<UUID FileName="{names[2 * c + z]}">urn:uuid:{2 * c + z}</UUID></TiffData>'
        for c in range(2)
        for z in range(2)
    )


def ome_set(folder: Path, names: list[str]) -> list[Path]:
    """Four files of one page, each with the whole description."""
    for n, (name, voxels) in enumerate(zip(names, STACK.reshape(4, 5, 6), strict=True)):
        xml = XML.format(own=n, blocks=blocks(names))
        tiff_writer.write(folder / name, [page(voxels, xml)])
    return [folder / name for name in names]


NAMES = [f"set c{c} z{z}.ome.tif" for c in range(2) for z in range(2)]


@pytest.mark.parametrize("number", range(4))
def test_any_file_of_a_set_opens_the_set(tmp_path: Path, number: int) -> None:
    path = ome_set(tmp_path, NAMES)[number]
    for channel in range(2):
        np.testing.assert_array_equal(read(path, channel=channel), STACK[channel])
    assert opened(path, channel=0).level(0).grid.voxel_size == (50, 4, 4)


def test_a_set_over_http_asks_for_what_was_chosen(tmp_path: Path) -> None:
    ome_set(tmp_path, NAMES)
    with servers.http(tmp_path) as server:
        url = f"{server.url}/set%20c0%20z0.ome.tif"
        np.testing.assert_array_equal(read(url, channel=0), STACK[0])
        assert not any("c1" in str(request) for request in server.requests)


def test_a_companion_describes_its_set(tmp_path: Path) -> None:
    paths = ome_set(tmp_path, NAMES)
    whole = XML.format(own="companion", blocks=blocks(NAMES))
    (tmp_path / "set.companion.ome").write_text(whole, "utf-8")
    for n, path in enumerate(paths):
        only = (
            '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/'
            f'OME/2016-06" UUID="urn:uuid:{n}"><BinaryOnly MetadataFile='
            '"set.companion.ome" UUID="urn:uuid:companion"/></OME>'
        )
        tiff_writer.write(path, [page(STACK.reshape(4, 5, 6)[n], only)])
    np.testing.assert_array_equal(read(paths[3], channel=0), STACK[0])
    (tmp_path / "set.companion.ome").unlink()
    np.testing.assert_array_equal(read(paths[3])[0], STACK[1, 1])


def test_a_set_that_lacks_a_file_is_refused(tmp_path: Path) -> None:
    paths = ome_set(tmp_path, NAMES)
    paths[1].unlink()
    with pytest.raises(NotFoundError, match="set c0 z1.ome.tif"):
        read(paths[0], channel=0)
    np.testing.assert_array_equal(read(paths[0], channel=1), STACK[1])
    with pytest.raises(FormatError, match="open this file alone"):
        read(str(tmp_path / "set c{0..0} z0.ome.tif"), channel=1)


@pytest.mark.parametrize("name", ["../a.tif", "/etc/passwd", "..", "a\\b", ".hidden"])
def test_no_other_folder_is_looked_into(tmp_path: Path, name: str) -> None:
    names = ["a.ome.tif", name, "c.tif", "d.tif"]
    xml = XML.format(own=0, blocks=blocks(names))
    path = tiff_writer.write(tmp_path / "a.ome.tif", [page(STACK[0, 0], xml)])
    with pytest.raises(FormatError, match="the plain name of a file"):
        read(path, channel=0)


def test_another_file_of_the_same_name_is_refused(tmp_path: Path) -> None:
    paths = ome_set(tmp_path, NAMES)
    tifffile.imwrite(paths[1], numbered(7, 8), metadata=None)
    with pytest.raises(EmcatalogError, match=r"set c0 z1.*shape \(7, 8\)"):
        read(paths[0], channel=0)
    paths[1].write_bytes(b"II*\0\0\0")
    with pytest.raises(EmcatalogError, match="set c0 z1"):
        read(paths[0], channel=0)


@pytest.mark.parametrize(
    "order", ["XYZCT", "XYZTC", "XYCTZ", "XYCZT", "XYTCZ", "XYTZC"]
)
def test_every_dimension_order(tmp_path: Path, order: str) -> None:
    """Planes without TiffData attributes run as DimensionOrder says, fastest first."""
    sizes = {"Z": 2, "C": 2, "T": 3}
    slow = order[:1:-1]
    stack = numbered(*(sizes[axis] for axis in slow), 5, 6)
    xml = XML.format(own="", blocks="<TiffData/>").replace("XYZCT", order)
    xml = xml.replace('SizeT="1"', 'SizeT="3"')
    pages = [page(voxels, xml if n == 0 else "") for n, voxels in
             enumerate(stack.reshape(-1, 5, 6))]  # fmt: skip
    path = tiff_writer.write(tmp_path / "a.ome.tif", pages)
    plain = np.moveaxis(stack, [slow.index(a) for a in "TCZ"], (0, 1, 2))
    for time in range(3):
        found = read(path, channel=1, time=time)
        np.testing.assert_array_equal(found, plain[time, 1])


@pytest.mark.parametrize(
    ("resolution", "unit", "note"),
    [
        ((72, 72), "INCH", "72 x 72 per inch is a setting of displays"),
        ((50, 40), "NONE", "50 x 40 without a unit says nothing"),
        (((0, 1000), (0, 1000)), "CENTIMETER", "0 x 0 per cm is none"),
        ((1, 1), "NONE", None),
        ((2_500_000, 2_500_000), "CENTIMETER", None),
    ],
)
def test_what_is_not_believed_is_noted(
    tmp_path: Path, resolution: Any, unit: str, note: str | None
) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(
        path, numbered(5, 6), resolution=resolution, resolutionunit=unit, metadata=None
    )
    found = opened(path).record.value("note")
    assert found is None if note is None else note in str(found)


def test_what_the_tags_say_differently_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    fei = "[Scan]\r\nPixelWidth=4e-09\r\nPixelHeight=4e-09\r\n"
    tifffile.imwrite(
        path, numbered(5, 6), metadata=None, extratags=[(34682, "s", 0, fei, True)],
        resolution=(2_000_000, 2_500_000), resolutionunit="CENTIMETER",
    )  # fmt: skip
    record = opened(path).record
    assert record.value("voxel_size_x") == 4.0
    losers = (c for conflict in record.conflicts() for c in conflict.losers)
    (lost,) = (c for c in losers if c.source == "file")
    assert (lost.field, lost.value) == ("voxel_size_x", 5.0)


def test_tescan_and_orientation(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    text = b"\x01\x00[MAIN]\r\nPixelSizeX=2.5e-09\r\nPixelSizeY=3e-09\r\n\x00"
    tags = [(50431, "B", len(text), text, True), (274, "H", 1, 3, True)]
    tifffile.imwrite(path, numbered(5, 6), metadata=None, extratags=tags)
    pyramid = opened(path)
    assert pyramid.level(0).grid.voxel_size == (50, 3.0, 2.5)
    assert pyramid.record.value("orientation") == 3

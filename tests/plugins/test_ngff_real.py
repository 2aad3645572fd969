"""The ngff driver on real files of other people's writers."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from emcatalog.errors import EmcatalogError, FormatError, NotFoundError
from emcatalog.geometry import Region
from emcatalog.mirror import Mirrors
from emcatalog.transport import Transport
from emcatalog.volume import Pyramid
from emcatalog_ngff import open_pyramid

TRANSPORT = Transport(mirrors=Mirrors())


def opened(place: Path | str, **options: Any) -> Pyramid:
    return open_pyramid(str(place), TRANSPORT, **options)


def voxels(pyramid: Pyramid, level: int = 0) -> NDArray[Any]:
    volume = pyramid.level(level)
    return volume.read(volume.grid.region)


def _rows(root: Path) -> list[dict[str, str]]:
    with (root / "EXPECTED.csv").open(encoding="utf-8") as file:
        wanted = ("n5/", "zarr/", "derived/omezarr")
        return [row for row in csv.DictReader(file) if row["path"].startswith(wanted)]


def _as_listed(place: Path, row: dict[str, str]) -> NDArray[Any]:
    """The array in the order in which the table hashes it."""
    fastest_first = row["path"].startswith("n5/")
    options: dict[str, Any] = {"voxel_size_nm": 1}
    if row["shape"].count("x") < 3:
        found = voxels(opened(place, **options))
        return found.transpose(2, 1, 0) if fastest_first else found
    options["axes"] = "zyxc" if fastest_first else "czyx"
    channels = [voxels(opened(place, channel=c, **options)) for c in range(3)]
    found = np.stack(channels)
    return found.transpose(0, 3, 2, 1) if fastest_first else found


def test_real_arrays(realdata: Path) -> None:
    """Each array of numbers equals what other readers found; text is refused."""
    rows = _rows(realdata)
    read = 0
    for row in rows:
        place = realdata / row["path"]
        if not _of_numbers(row["dtype"]):
            with pytest.raises(FormatError, match="numbers.*text and structured|codec"):
                _as_listed(place, row)
            continue
        found = _as_listed(place, row)
        listed = found.astype(row["dtype"]).tobytes()
        digest = hashlib.sha256(listed).hexdigest()
        assert digest.startswith(row["array_sha256_16_C"]), row["path"]
        read += 1
    assert read > 40


def _of_numbers(dtype: str) -> bool:
    try:
        return np.dtype(dtype).kind in "biufc"
    except TypeError:  # StringDType() and the like
        return False


def test_every_array_and_group(realdata: Path) -> None:
    """What lies in the folders is read or refused by an error that says what it is."""
    kinds = ("zarr", "n5", "derived")
    names = (".zarray", ".zattrs", ".zgroup", "zarr.json", "attributes.json")
    places = {
        file.parent
        for kind in kinds
        for file in (realdata / kind).rglob("*")
        if file.name in names
    }
    read, refused = 0, list[EmcatalogError]()
    for place in sorted(places):
        try:
            pyramid = opened(place, voxel_size_nm=1, multiscale=0)
        except EmcatalogError as error:
            refused.append(error)
            continue
        for volume in pyramid.levels:
            corner = Region((0, 0, 0), tuple(min(n, 2) for n in volume.grid.shape))
            held = volume.stored(corner)
            voxels = volume.read(corner)
            assert held.any() or len(np.unique(voxels)) == 1  # the fill value
            read += 1
    assert read > 100
    natures = (
        "dtype = ",
        "a label multiset",
        "group without multiscales",
        "no metadata of the level",
        "dimensions without names",
        "no downsamplingFactors and no transform",
        "axes [",
        "no zarr.json",
    )
    for error in refused:
        assert error.entry
        assert error.expected
        assert any(nature in error.got for nature in natures), error


def test_metadata_without_chunks(realdata: Path) -> None:
    """Stores of which only the metadata were published: nothing is stored."""
    root = realdata / "zarr/n5-ij-idr-v0.5-meta/v0.5.ome.zarr"
    volume = opened(root / "Tonsil1.zarr", voxel_size_nm=1).level(0)
    corner = Region((0, 0, 0), (1, 4, 4))
    assert not volume.stored(corner).any()
    assert not volume.read(corner).any()


def test_a_database_is_named(realdata: Path) -> None:
    with pytest.raises(FormatError, match="an OCDBT database of TensorStore"):
        opened(realdata / "zarr/neuroglancer/ome_zarr/simple_0.5.ocdbt")


def test_real_metadata(realdata: Path) -> None:
    """Placements of real N5 attributes, as their own tools understand them."""
    root = realdata / "n5/n5-universe-attrs"
    cosem = [v.grid for v in opened(root / "test.n5/cosem_ms").levels]
    assert [g.origin for g in cosem] == [(21.0,) * 3, (28.0,) * 3, (35.0,) * 3]
    assert [g.voxel_size for g in cosem] == [(32.0,) * 3, (64.0,) * 3, (128.0,) * 3]
    assert cosem[0].shape == (260, 512, 512)
    viewer = opened(root / "test.n5/n5v_pr-ds").level(0).grid
    assert viewer.voxel_size == (3e6, 3e6, 3e6)
    assert viewer.origin == (750000.0, 750000.0, 750000.0)
    with pytest.raises(NotFoundError, match="no metadata of the level 's0'"):
        opened(root / "ngff.n5/ngff_grpAttributes")
    paintera = realdata / "n5/elf-paintera/test_paintera.n5/range/data"
    for place in (paintera, paintera / "s0", paintera / "s1"):
        with pytest.raises(FormatError, match="a label multiset"):
            opened(place)


def test_real_ome(realdata: Path) -> None:
    root = realdata / "zarr/neuroglancer/ome_zarr"
    for version in ("0.4", "0.5"):
        pyramid = opened(root / f"simple_{version}", voxel_size_nm=[40, None, None])
        assert pyramid.record.value("format") == f"OME-Zarr {version}"
        grids = [volume.grid for volume in pyramid.levels]
        assert [g.voxel_size for g in grids] == [
            (40, 4, 30),
            (40, 8, 60),
            (40, 16, 120),
        ]
        assert [g.origin for g in grids] == [(0, 0, 0), (0, 2, 15), (0, 6, 45)]
    basic = {
        place.name.partition(".")[0]: opened(place).level(0).grid
        for place in (root / "all_0.6/basic").iterdir()
    }
    assert {name: (g.voxel_size, g.origin) for name, g in basic.items()} == {
        "identity": ((1e3, 1e3, 1e3), (0.0, 0.0, 0.0)),
        "scale": ((4e3, 3e3, 2e3), (0.0, 0.0, 0.0)),
        "translation": ((1e3, 1e3, 1e3), (30e3, 20e3, 10e3)),
        "sequenceScaleTranslation": ((4e3, 3e3, 2e3), (32e3, 21e3, 10e3)),
    }
    with pytest.raises(FormatError, match="its subgroups color have one"):
        opened(realdata / "zarr/webknossos-libs/simple_zarr3_dataset")
    units = realdata / "zarr/n5-ij-idr-v0.5-meta/v0.5.ome.zarr"
    grid = (
        opened(units / "4007801.zarr", channel="myr-tdTomato", time=531).level(1).grid
    )
    assert grid.voxel_size == (1000.0, 2000.0, 2000.0)
    with pytest.raises(FormatError, match="no voxel size along z, y, x"):
        opened(units / "Tonsil1.zarr")
    tonsil = opened(units / "Tonsil1.zarr", voxel_size_nm=[50, 8, 8])
    assert tonsil.level(1).grid.voxel_size == (50.0, 16.0, 16.0)

"""What every driver tells of its data, in attributes and records."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pint
import pint_xarray  # noqa: F401 - registers the accessor
import pytest
import xarray as xr
from PIL import Image

from cli_fixtures import Run
from emcatalog.catalog import open_catalog
from emcatalog.driver import VolumeSource, driver
from emcatalog.errors import FormatError, OptionError
from emcatalog.geometry import Grid
from emcatalog.mirror import use_mirror
from emcatalog.record import FIELDS, Claim, Record, declared
from emcatalog.testing import traffic
from emcatalog.transport import Transport
from emcatalog.volume import Pyramid
from memory_volume import Memory

FIVE = [f"dataset{n}" for n in range(1, 6)]
OWN = {
    "level", "voxel_size_nm", "voxel_size_source", "volume_origin_nm",
    "volume_extent_nm", "dataset", "driver",
}  # fmt: skip
"""Attributes that are not fields: of the level, and of how it was opened."""
ALWAYS = {
    "url", "protocol", "format", "kind", "depth", "height", "width", "levels",
    "pixel_type", "bits", "lossy", "rendered", "compression", "chunks", "title",
}  # fmt: skip
"""Fields that are known of whatever a driver opens and a catalog names."""


def pictures(folder: Path) -> Any:
    for n in range(3):
        Image.fromarray(np.full((6, 7), n, np.uint8)).save(folder / f"s{n}.png")
    metadata = {"title": "Käfer", "accelerating_voltage": "1.5 kV", "dwell_time": 2}
    return driver("images")(str(folder), voxel_size_nm=8, metadata=metadata)


@pytest.fixture(params=[*FIVE, "pictures"])
def source(
    request: pytest.FixtureRequest, sample_root: Path, tmp_path: Path
) -> Iterator[Any]:
    """A source of each driver."""
    with use_mirror(sample_root):
        own = request.param == "pictures"
        yield pictures(tmp_path) if own else open_catalog()[request.param]


def test_attributes_are_of_one_vocabulary(source: Any) -> None:
    attrs = source.to_xarray().attrs
    units = {f"{name}_units" for name, field in FIELDS.items() if field.unit}
    assert set(attrs) <= OWN | set(FIELDS) | units
    assert set(attrs) >= OWN | ALWAYS
    z, y, x = source.volume.grid.shape
    assert (attrs["depth"], attrs["height"], attrs["width"]) == (z, y, x)
    for name, value in attrs.items():
        parts = value if isinstance(value, list) else [value]
        assert all(type(part) in (str, int, float) for part in parts), name


def test_units_of_attributes_are_parsed_by_pint(source: Any) -> None:
    registry = pint.UnitRegistry()
    attrs = source.to_xarray().attrs
    told = [name for name in attrs if name.endswith("_units")]
    assert {n.removesuffix("_units") for n in told} == {
        name for name, field in FIELDS.items() if field.unit and name in attrs
    }
    for name in told:
        quantity = registry.Quantity(attrs[name.removesuffix("_units")], attrs[name])
        assert quantity.to_base_units().magnitude > 0
    assert source.to_xarray().pint.quantify().shape == source.volume.grid.shape


@pytest.mark.parametrize("kind", ["netcdf", "zarr 2", "zarr 3"])
@pytest.mark.filterwarnings("ignore:.*Unicode:UserWarning")
def test_attributes_survive_files(source: Any, kind: str, tmp_path: Path) -> None:
    array = source.to_xarray()[:2, :3, :4]
    path = tmp_path / "copy"
    if kind == "netcdf":
        array.to_netcdf(path, engine="h5netcdf")
        again = xr.load_dataarray(path, engine="h5netcdf")
    else:
        array.to_zarr(path, zarr_format=int(kind[-1]), consolidated=False)
        again = xr.open_dataset(path, engine="zarr", consolidated=False)[array.name]
    assert set(again.attrs) == set(array.attrs)
    for name, value in array.attrs.items():
        # netCDF has no lists: they are arrays, of one element a scalar
        np.testing.assert_array_equal(
            np.atleast_1d(again.attrs[name]), np.atleast_1d(value), err_msg=name
        )


def test_what_is_known_costs_no_request(source: Any) -> None:
    with traffic() as bare:
        type(source).opened(Transport(), **source.options)
    again = source.configure_new()
    with traffic() as all_of_it:
        assert again.to_dask().attrs["format"]
        assert again.record.fields
        assert isinstance(again.raw_metadata, dict)
        assert again.identity
    assert (all_of_it.requests, all_of_it.bytes) == (bare.requests, bare.bytes)
    assert bare.requests > 0


def test_records_survive_json(source: Any) -> None:
    record = source.record
    assert Record.from_json(json.loads(json.dumps(record.to_json()))) == record
    assert json.loads(json.dumps(source.raw_metadata)) == source.raw_metadata
    # OMERO tells the day of import where it knows no other
    assert {claim.field for claim in record.doubts()} <= {"acquired"}


def test_what_was_read_has_a_day(source: Any) -> None:
    for claim in source.record.claims:
        written = claim.source in ("catalog", "default")
        assert bool(claim.time) != written, claim


def test_attributes_can_be_declared_again(source: Any) -> None:
    """Intake writes them into a catalog's metadata, when a source is saved there."""
    attrs = source.to_xarray().attrs
    for claim in declared(attrs):
        value = list(claim.value) if isinstance(claim.value, tuple) else claim.value
        assert value == attrs[claim.field]


def test_an_array_knows_its_record(source: Any) -> None:
    lazy, dask = source.to_xarray(), source.to_dask()
    for array in (lazy, dask, lazy[1:, ::2], dask[0], lazy.copy()):
        assert array.em.record is source.record
        assert array.em.raw_metadata is source.raw_metadata
    for array in (dask + 1, pickle.loads(pickle.dumps(dask)), dask[:1].load()):
        with pytest.raises(OptionError, match="source.record"):
            _ = array.em.record


def test_pickles_do_not_carry_the_record(source: Any) -> None:
    """Each task that is sent to another process would."""
    assert b"voxel_size_source" not in pickle.dumps(source.to_dask().data)


def test_identities_are_told_without_opening(source: Any) -> None:
    with traffic() as seen:
        identity = source.identity
    assert seen.requests == 0
    assert identity.startswith(f"{type(source).name} ")
    assert source.configure_new(level=-1).identity == identity


def identity(kind: str, *place: Any, **options: Any) -> str:
    return str(driver(kind)(*place, **options).identity)


def test_identities_are_of_the_data_alone() -> None:
    one = identity("ngff", "s3://bucket/a.zarr")
    assert one == "ngff s3://bucket/a.zarr"
    assert one == identity("ngff", "s3://bucket/a.zarr", level=3, voxel_size_nm=8)
    assert one == identity("ngff", "s3://bucket/a.zarr", storage_options={"key": "x"})
    assert one == identity("ngff", "s3://bucket/a.zarr", metadata={"title": "T"})
    assert one == identity("ngff", "s3://bucket/a.zarr?versionId=5&token=hush")
    assert one != identity("ngff", "s3://bucket/a.zarr", channel=1)
    assert one != identity("ngff", "s3://bucket/b.zarr")
    assert one != identity("precomputed", "s3://bucket/a.zarr")
    assert "hush" not in identity("ngff", "https://me:hush@a.org/a.zarr?key=hush")


def test_identities_of_servers_tell_which_image() -> None:
    one, two = (identity("idr", image_id=n) for n in (9846137, 9846138))
    assert one == "idr https://idr.openmicroscopy.org image_id=9846137"
    assert one != two
    url = "https://a.org/x.tif?token=hush"
    assert identity("idr", image_id=1, file_url=url).endswith(
        "file_url=https://a.org/x.tif image_id=1"
    )


def test_identities_of_many_places_tell_them_all() -> None:
    places = [f"/data/s{n}.tif" for n in range(1000)]
    one = identity("tiff", places)
    assert len(one) < 100
    assert one == identity("tiff", places)
    assert one != identity("tiff", [*places[:-1], "/data/other.tif"])
    assert identity("tiff", places[:2]) == "tiff /data/s0.tif /data/s1.tif"


def test_identities_of_files_do_not_depend_on_the_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert identity("tiff", "a.tif") == f"tiff {tmp_path}/a.tif"


def own_catalog(folder: Path, size: str) -> Path:
    pictures(folder)
    dpi = 0.0254 / 5e-9  # 5 nm
    for n in range(3):
        Image.open(folder / f"s{n}.png").save(folder / f"s{n}.tif", dpi=(dpi, dpi))
    path = folder / "own.yaml"
    path.write_text(
        "sources:\n  mine:\n    description: my own\n    driver: tiff\n    args:\n"
        f"      urlpath: {folder}/s*.tif\n      voxel_size_nm: {size}\n"
        "    metadata: {organism: zebrafish, modality: 3View}\n"
    )
    return path


def test_a_wrong_declared_voxel_size_is_found(tmp_path: Path, run: Run) -> None:
    path = own_catalog(tmp_path, "[50, 5, 8]")
    record = open_catalog(path).mine.record
    (conflict,) = record.conflicts()
    assert conflict.field == "voxel_size_x"
    assert conflict.winner.value == pytest.approx(5.0, rel=1e-4)
    assert [c.value for c in conflict.losers] == [8.0]
    assert record.value("organism") == "Danio rerio"
    assert record.value("taxon_id") == 7955
    shown = run("show", "mine", "--catalog", str(path)).output
    assert "not voxel_size_x" in shown
    assert "yellow: not used" in shown
    told = json.loads(run("show", "mine", "--catalog", str(path), "--json").output)
    assert [c["field"] for c in told["conflicts"]] == ["voxel_size_x"]
    assert told["conflicts"][0]["losers"][0]["source"] == "catalog"


def test_absurd_metadata_is_refused_with_the_entry(tmp_path: Path) -> None:
    path = own_catalog(tmp_path, "5")
    path.write_text(path.read_text().replace("3View", "{a: 1}"))
    with pytest.raises(OptionError, match="mine: .*modality"):
        _ = open_catalog(path).mine


def of(voxel: float, *claims: Claim, **metadata: Any) -> Any:
    """A source whose volume has voxels of that size, and claims about it."""
    volume = Memory(Grid((4, 5, 6), (voxel, 8.0, 8.0)), np.dtype(np.uint8))

    class Source(VolumeSource):
        name = "made"
        open_pyramid = staticmethod(
            lambda urlpath, transport: Pyramid((volume,), Record(claims))
        )

    return Source("here", metadata=metadata)


def test_what_opened_goes_before_what_is_declared() -> None:
    record = of(8.0, depth=5, pixel_type="int8", voxel_size=[50, 8, 8]).record
    assert (record.value("depth"), record.value("pixel_type")) == (4, "uint8")
    found = {c.field: [x.value for x in c.losers] for c in record.conflicts()}
    assert found == {"depth": [5], "pixel_type": ["int8"], "voxel_size_z": [50.0]}
    assert record.value("extent_z") == 32.0


def test_an_absurd_grid_is_refused() -> None:
    claim = Claim("voxel_size_z", 1e9, "file", "resolution", "nm")
    source = of(1e9, claim, voxel_size=8)
    with pytest.raises(FormatError, match=r"driver made: .*along z.*1e\+09 nm is more"):
        source.to_xarray()

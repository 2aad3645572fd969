"""Promises of the catalog and its sources that no single room keeps alone."""

from __future__ import annotations

import os
import pickle
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import intake
import numpy as np
import pytest
import tifffile
import xarray as xr

import emcatalog
from emcatalog.errors import (
    EmcatalogError,
    FormatError,
    MemoryLimitError,
    NotFoundError,
    OptionError,
    UnknownNameError,
    UnreachableError,
)

VOXELS = np.arange(5 * 16 * 17, dtype=np.uint16).reshape(5, 16, 17)
NM = [10, 4, 4]


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    """A multipage TIFF of `VOXELS`, in a folder that is hard to spell."""
    place = tmp_path / "a b%20 µ [1]" / "stack.tif"
    place.parent.mkdir()
    tifffile.imwrite(place, VOXELS, photometric="minisblack")
    return place


@pytest.fixture
def catalog(sample_root: Path) -> Iterator[Any]:
    """The shipped catalog on the sample."""
    with emcatalog.use_mirror(sample_root):
        yield emcatalog.open_catalog()


def test_paths_are_taken_as_they_are(stack: Path) -> None:
    for place in (stack, str(stack), stack.as_uri()):
        assert (intake.open_tiff(place, voxel_size_nm=NM).read() == VOXELS).all()
        with xr.open_dataset(place, engine="tiff", voxel_size_nm=NM) as dataset:
            assert (dataset.image == VOXELS).all()


def test_lists_of_paths(tmp_path: Path) -> None:
    places = [tmp_path / f"{z}.tif" for z in range(5)]
    for place, page in zip(places, VOXELS, strict=True):
        tifffile.imwrite(place, page)
    assert (intake.open_tiff(places, voxel_size_nm=NM).read() == VOXELS).all()
    with pytest.raises(OptionError, match="got 5 as urlpath; expected a URL or a path"):
        intake.open_tiff([5]).to_dask()


def test_a_relative_path_outlives_a_change_of_directory(
    stack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(stack.parent)
    array = intake.open_tiff(stack.name, voxel_size_nm=NM).to_dask()
    text = pickle.dumps(array)
    monkeypatch.chdir(tmp_path)
    assert (array == VOXELS).all()
    assert (pickle.loads(text) == VOXELS).all()


def test_numbers_and_paths_make_plain_yaml(stack: Path, tmp_path: Path) -> None:
    source = intake.open_tiff(stack, voxel_size_nm=np.array(NM), level=np.int64(0))
    (tmp_path / "mine.yaml").write_text(source.yaml())
    again = intake.open_catalog(str(tmp_path / "mine.yaml")).tiff
    xr.testing.assert_equal(again.read(), source.read())


def test_parameters_chosen_in_turn_are_kept(catalog: Any) -> None:
    source = catalog.dataset5(variant="raw")(level=2)
    assert "/raw/" in source.options["urlpath"]
    assert source.level_index == 2
    back = source(variant="clahe_yz")
    assert "/clahe_yz/" in back.options["urlpath"]
    assert back.level_index == 2


@pytest.mark.parametrize("level", [1.5, True, None, "deep"])
def test_a_level_is_a_whole_number(catalog: Any, level: Any) -> None:
    for name in ("dataset1", "dataset5"):
        with pytest.raises(OptionError, match=rf"^{name}: .*level=.*; expected int"):
            catalog[name](level=level)


def test_a_source_is_named_in_another_process_too(catalog: Any) -> None:
    source = pickle.loads(pickle.dumps(catalog.dataset5(variant="raw", level=1)))
    assert source.to_dask().attrs["dataset"] == "dataset5"
    assert source(level=2).entry_name == "dataset5"
    with pytest.raises(EmcatalogError, match="^dataset5: got level 99"):
        _ = source(level=99).level_index


def test_opening_changes_nothing_that_the_source_is_made_of(catalog: Any) -> None:
    source, same = catalog.dataset1(), catalog.dataset1()
    before = source.yaml(), hash(source)
    source.discover()
    assert (source.yaml(), hash(source)) == before
    assert source == same
    with emcatalog.use_mirror():
        source.close()
    titles = source.pyramid.record.about("title")
    assert len({claim.value for claim in titles if claim.source == "catalog"}) == 1
    assert source.pyramid.record.about("compression")[0].source == "file"


def test_going_through_a_catalog_is_quiet(catalog: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(dict(catalog.items())) == len(list(catalog))
        assert all(source.container for source in catalog.more.values())


def test_found_entries_answer_alike(catalog: Any) -> None:
    found = catalog.search("retina")
    assert list(found) == ["dataset2"]
    assert found.dataset2.to_dask().dims == ("z", "y", "x")
    with pytest.raises(UnknownNameError, match="did you mean 'dataset2'"):
        _ = found.datset2
    fly = catalog.filter(lambda entry: "fly" in entry.describe()["description"])
    assert "more.hemibrain_segmentation" in catalog.search("fly")
    with pytest.raises(UnknownNameError, match="did you mean 'dataset5'"):
        _ = fly.datset5


ENTRY = "sources: {a: {driver: tiff, args: {urlpath: x.tif}}}"


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("sources: [", FormatError, "expected a catalog: 'sources:'"),
        ("", FormatError, "No YAML data in file"),
        (ENTRY.replace("tiff", "tif"), UnknownNameError, "^a: .*did you mean 'tiff'"),
        (ENTRY.replace("x.tif", "'{{ x'"), OptionError, "^a: .*no template"),
        (ENTRY.replace("urlpath", "urlpth"), UnknownNameError, "mean 'urlpath'"),
        (
            ENTRY.replace("x.tif", "x.tif, storage_options: anon"),
            OptionError,
            "^a: .*storage_options='anon'; expected dict",
        ),
        (
            ENTRY.replace("tiff", "yaml_file_cat").replace(
                "urlpath: x.tif", "path: gone.yaml"
            ),
            NotFoundError,
            "^a: got no file at gone.yaml",
        ),
    ],
)
def test_catalogs_with_mistakes(
    text: str, kind: type[EmcatalogError], message: str, tmp_path: Path
) -> None:
    place = tmp_path / "mine.yaml"
    place.write_text(text)
    for opened in (intake.open_catalog, emcatalog.open_catalog):
        with pytest.raises(kind, match=message):
            opened(os.fspath(place)).a  # noqa: B018 - the access opens the entry
    with pytest.raises(NotFoundError, match="got no file at"):
        intake.open_catalog(str(tmp_path / "nothing.yaml"))


def test_variables_are_dropped_from_trees_too(catalog: Any) -> None:
    url = catalog.dataset5.options["urlpath"]
    tree = xr.open_datatree(url, engine="precomputed", drop_variables="image")
    assert not any(node.data_vars for node in tree.subtree)


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("http://[::1/x.tif", {}),
        ("http://localhost:99999/x.tif", {}),
        ("http://127.0.0.1:9/x.tif", {"colour": 1}),
        ("http://127.0.0.1:9/x.tif", {"headers": 3}),
    ],
)
def test_places_that_make_no_request(url: str, options: dict[str, Any]) -> None:
    for opened in (intake.open_tiff, intake.open_ngff):
        with pytest.raises(OptionError, match="a URL or storage_options.*no request"):
            opened(url, storage_options=options).to_dask()


def test_passwords_stay_out_of_what_people_see() -> None:
    source = intake.open_tiff("http://me:secret@127.0.0.1:9/x.tif")
    assert "secret" not in source._repr_html_()
    with pytest.raises(UnreachableError) as caught:
        source.to_dask()
    assert "secret" not in str(caught.value)


def test_the_memory_limit_is_a_size(catalog: Any) -> None:
    source = catalog.dataset4
    assert source.read(memory_limit="1 GiB").shape == source.volume.grid.shape
    with pytest.raises(MemoryLimitError, match="^dataset4: .*expected at most 1 KiB"):
        source.read(memory_limit="1KiB")
    for wrong in (-1, "-1", "much"):
        with pytest.raises(OptionError, match="^dataset4: got the size"):
            source.read(memory_limit=wrong)

"""The snapshots that are shipped: facts, each with a public place, true to the answers.

What real servers and files answered stands in a folder beside the project; where it is,
the snapshots have to agree with what harvesters and drivers make of those answers.
"""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from emcatalog.catalog import entries, open_catalog
from emcatalog.driver import driver
from emcatalog.harvest import Evidence, understood
from emcatalog.metadata.snapshot import SHIPPED, load
from emcatalog.mirror import use_mirror
from emcatalog.record import Claim, Record
from emcatalog_dm3.axes import axes_of
from emcatalog_dm3.calibration import claims
from emcatalog_dm3.tree import Block, Group, TagFile

FIVE = tuple(f"dataset{n}" for n in range(1, 6))


def shipped() -> Iterator[tuple[str, dict[str, Any]]]:
    for path in sorted(SHIPPED.glob("*.json")):
        yield path.stem, json.loads(path.read_text("utf-8"))


NAMES = [name for name, _ in shipped()]


def snapshot(name: str) -> Record:
    return Record(load(SHIPPED / f"{name}.json").claims)


PERSON = re.compile(r"[\w.]+@[\w.]+\.\w+|\+\d{2} ?\d{3}")
SECONDARY_PLACES = ("https://github.com/",)


@pytest.mark.parametrize("name", NAMES)
def test_snapshots_hold_facts_with_public_places(name: str) -> None:
    told = dict(shipped())[name]
    assert load(SHIPPED / f"{name}.json").claims
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    for claim in told["claims"]:
        assert re.match(r"(https|gs|s3)://[\w-]+\.?[\w.-]*/", claim["locator"]), claim
        assert claim["source"] != "catalog"
        if claim["source"] == "secondary":
            assert claim["locator"].startswith(SECONDARY_PLACES)
        # a day, a month, or the months between which it was read
        assert re.fullmatch(r"\d{4}-\d\d(-\d\d|/\d{4}-\d\d)?", claim["time"])
        assert max(claim["time"].split("/")) <= today
        words = json.dumps(claim["value"], ensure_ascii=False)
        assert not PERSON.search(words)
        if claim["field"] not in ("download", "segmentations"):
            assert len(words) < 250, "a fact is short"
    for sentence in told["verdicts"].values():
        assert len(sentence) < 300
        assert sentence.endswith(".")


@pytest.mark.parametrize("name", NAMES)
def test_snapshots_are_stored_as_they_are_examined(name: str) -> None:
    """In the field's unit, terms and type, so that what is read is what is written."""
    told = dict(shipped())[name]
    assert Record.from_json(told).to_json()["claims"] == told["claims"]


def test_each_snapshot_is_of_an_entry() -> None:
    catalog = open_catalog()
    found = set()
    for name, _ in entries(catalog):
        source = catalog
        for part in name.split("."):
            source = source[part]
        found.add(source.identity)
    found.add(catalog.dataset5(variant="raw").identity)
    assert {snapshot["identity"] for _, snapshot in shipped()} <= found
    assert {catalog[name].identity for name in FIVE} <= {
        s["identity"] for _, s in shipped()
    }


@pytest.mark.parametrize("name", FIVE)
def test_snapshots_tell_all_that_headers_tell(name: str, sample_root: Path) -> None:
    """The sample has headers of the same kind: each field of them is told."""
    with use_mirror(sample_root):
        source = open_catalog()[name]
        read = {c.field for c in source.record.claims if c.source in ("file", "server")}
        identity = source.identity
    (snapshot,) = (s for _, s in shipped() if s["identity"] == identity)
    told = {c["field"] for c in snapshot["claims"]}
    # descriptions are prose of others; these other ones were not seen
    unseen = {"description", "channels", "accession", "note", "acquired"}
    assert read - told <= unseen | {f"origin_{axis}" for axis in "zyx"}


EMPIAR = "https://www.ebi.ac.uk/empiar/api/entry/EMPIAR-11759/#data"
PAGE = "https://openorganelle.janelia.org/datasets/jrc_mus-nacc-2"
DVID = (
    "https://hemibrain-dvid.janelia.org/api/node/a89eb3af216a46cdba81204d8f954786/"
    "grayscale/info"
)
STATE = "https://tinyurl.com/hemibrain-ng"
ANSWERS = (
    ("empiar-11759", "empiar", EMPIAR, "empiar_api_entry_11759.json"),
    ("jrc_mus-nacc-2", "openorganelle-page", PAGE, "openorganelle_webpage_nacc2.json"),
    ("hemibrain-clahe_yz", "dvid", DVID, "dvid_hemibrain_grayscale_info.json"),
    ("hemibrain-clahe_yz", "neuroglancer", STATE, "hemibrain_ng_state.json"),
    ("hemibrain-raw", "dvid", DVID, "dvid_hemibrain_grayscale_info.json"),
)
PROSE = ("description", "preparation", "download", "segmentations")
"""Words of others are not kept as they are, and places are gathered from several."""


@pytest.mark.parametrize(("name", "kind", "url", "file"), ANSWERS)
def test_snapshots_agree_with_harvesters(
    name: str, kind: str, url: str, file: str, sources: Path
) -> None:
    found = understood(Evidence(kind, url), (sources / file).read_bytes())
    assert found
    assert_told([c for c in found if c.field not in PROSE], name)


MANIFESTS = "https://raw.githubusercontent.com/janelia-cosem/fibsem-metadata/stable/api"
IMAGES = (
    ("jrc_hela-2-n5", "jrc_hela-2", "jrc_hela-2.n5/em/fibsem-uint16"),
    ("jrc_hela-2-zarr", "jrc_hela-2", "jrc_hela-2.zarr/recon-1/em/fibsem-uint8"),
    (
        "jrc_hela-3-precomputed",
        "jrc_hela-3",
        "neuroglancer/em/fibsem-uint8.precomputed",
    ),
)


@pytest.mark.parametrize(("name", "dataset", "image"), IMAGES)
def test_snapshots_agree_with_manifests(
    name: str, dataset: str, image: str, realdata: Path
) -> None:
    folder = realdata / "json_openorganelle/fibsem-metadata/api" / dataset
    url = f"{MANIFESTS}/{dataset}/manifest.json#{dataset}/{image}"
    data = (folder / "manifest.json").read_bytes()
    found = understood(Evidence("openorganelle", url), data)
    assert_told([c for c in found if c.field not in PROSE], name)


def test_the_dm3_snapshot_agrees_with_the_driver(sources: Path) -> None:
    """All tags of the first section, as another reader dumped them."""
    dump = json.loads((sources / "dm3_tags_slice_0000.json").read_text("utf-8"))
    root = tree(dump["full_original_tags"])
    file = TagFile("slice_0000.dm3", dump["file_version"], "<", root)
    axes = axes_of(root.group("ImageList", "1"), "ImageList.1")
    assert_told(claims(file, 1, axes), "empiar-11759")


def test_the_zarr_snapshot_agrees_with_the_driver(
    sources: Path, tmp_path: Path
) -> None:
    """The group's attributes, and headers of arrays with the shapes that were seen."""
    source = open_catalog().dataset4
    group = tmp_path / source.options["urlpath"].replace("://", "/")
    group.mkdir(parents=True)
    attributes = (sources / "nacc2_fibsem-int16_zattrs.json").read_text("utf-8")
    (group / ".zattrs").write_text(attributes)
    (group / ".zgroup").write_text('{"zarr_format": 2}')
    arrays = json.loads((sources / "nacc2_zarr_tree.json").read_text("utf-8"))[
        "children"
    ]
    for name, seen in arrays.items():
        header = {
            "zarr_format": 2, "shape": seen["shape"], "chunks": seen["chunks"],
            "dtype": "<i2", "compressor": {"id": "zstd", "level": 1}, "fill_value": 0,
            "order": "C", "filters": None, "dimension_separator": "/",
        }  # fmt: skip
        (group / name).mkdir()
        (group / name / ".zarray").write_text(json.dumps(header))
    with use_mirror(tmp_path):
        read = [c for c in source.record.claims if c.source == "file"]
    # the order of bytes was seen by nobody
    assert_told([c for c in read if c.field != "byte_order"], "jrc_mus-nacc-2")


PAGES = 3


def test_the_imagej_snapshot_agrees_with_the_driver(
    sources: Path, tmp_path: Path
) -> None:
    """The tags of the first page, on fewer pages."""
    seen = json.loads((sources / "idr_xy_tiff_pages.json").read_text("utf-8"))
    page = seen["page0"]
    place = tmp_path / "Figure_S3B_FIB-SEM_U2OS_20x20x20nm_xy.tif"
    with tifffile.TiffWriter(place, byteorder=seen["global_info"]["byteorder"]) as file:
        for _ in range(PAGES):
            file.write(
                np.zeros(page["shape"], page["dtype"]),
                description=page["image_description"].replace("184", str(PAGES)),
                resolution=tuple(page["resolution"]),
                resolutionunit=page["resolution_unit"],
                metadata=None,
            )
    assert_tiff_told(place, "idr-9846137")


def test_the_plain_tiff_snapshot_agrees_with_the_driver(
    sources: Path, tmp_path: Path
) -> None:
    seen = json.loads((sources / "epfl_volumedata_page0_tags.json").read_text("utf-8"))
    place = tmp_path / "volumedata.tif"
    with tifffile.TiffWriter(place, byteorder="<") as file:
        for number in range(PAGES):
            file.write(
                np.zeros((seen["ImageLength"], seen["ImageWidth"]), np.uint8),
                rowsperstrip=seen["RowsPerStrip"],
                software=seen["Software"],
                subfiletype=seen["NewSubfileType"],
                extratags=[(297, 3, 2, (number, PAGES), True)],
                metadata=None,
            )
    assert_tiff_told(place, "epfl-hippocampus", voxel_size_nm=5)


def assert_tiff_told(place: Path, name: str, **options: object) -> None:
    """What does not follow from the number of pages stands in the snapshot."""
    record = driver("tiff")(str(place), **options).record
    read = [c for c in record.claims if c.source in ("file", "default")]
    read = [c for c in read if c.field not in ("depth", "extent_z")]
    # the order of bytes of the second was seen by nobody: it has a doubt
    told = {(c.field, c.value, c.source) for c in snapshot(name).claims}
    assert {(c.field, c.value, c.source) for c in read} <= told


def assert_told(found: Iterable[Claim], name: str) -> None:
    """Each claim stands in the snapshot: field, value, source and where it was read."""
    told = {(c.field, c.value, c.source, c.doubt) for c in snapshot(name).claims}
    examined = Record(tuple(found)).claims
    assert examined
    for claim in examined:
        assert (claim.field, claim.value, claim.source, claim.doubt) in told


def tree(flat: dict[str, str]) -> Group:
    """Tags by their paths as texts -> the tree that the reader would have made."""
    root: dict[str, Any] = {}
    for path, text in flat.items():
        *groups, last = path.split(".")[1:]
        group = root
        for part in groups:
            group = group.setdefault(part, {})
        group[last] = node(text)
    return grown(root)


def grown(group: dict[str, Any]) -> Group:
    return Group({k: grown(v) if isinstance(v, dict) else v for k, v in group.items()})


def node(text: str) -> Block | float:
    if re.fullmatch(r"-?\d+", text):
        return int(text)
    if re.fullmatch(r"-?\d+\.\d*(e[-+]\d+)?", text):
        return float(text)
    return Block(0, len(text), text)

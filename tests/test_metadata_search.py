"""Searching: words and their synonyms, comparisons with units, errors that suggest."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emcatalog.driver import VolumeSource
from emcatalog.errors import EmcatalogError, OptionError, UnitError, UnknownNameError
from emcatalog.metadata import search
from emcatalog.metadata.consolidate import consolidated
from emcatalog.metadata.query import LONGEST, Comparison, Words, parse
from emcatalog.metadata.search import query
from emcatalog.record import Claim, Record
from metadata_files import catalog, entry, keep, store, tiff

__all__ = ["store"]


def record(**values: object) -> Record:
    claims = (Claim(f, v, "api") for f, v in values.items())  # type: ignore[arg-type]  # examined
    sizes = {"depth": 564, "height": 2520, "width": 2596, "pixel_type": "int16"}
    files = (Claim(f, v, "file") for f, v in sizes.items())
    voxels = zip("zyx", (2.96, 4.0, 4.0), strict=True)
    lengths = (Claim(f"voxel_size_{a}", v, "file", unit="nm") for a, v in voxels)
    heard = Claim("organism", "Homo sapiens", "secondary", "a table")
    return consolidated((*claims, *files, *lengths, heard))


NACC = record(
    modality="FIBSEM",
    organism="mouse",
    tissue="nucleus accumbens",
    title="jrc_mus-nacc-2",
    licence="CC BY 4.0",
    released="2024-03",
    doi="10.1038/s41586-021-03992-4",
    segmentations=("mitochondria", "nuclei"),
    lossy=0,
)
FOUND = """
    mouse
    Mus musculus
    MICE
    FIB-SEM
    FIBSEM
    "focused ion beam"
    "nucleus accumbens"
    nucleus
    accum
    nacc
    jrc_mus
    mitochondria
    striatum
    -human
    -"accumbens nucleus"
    -tissue:cortex
    tissue:accumbens
    organism:mouse
    species:musculus
    experiment_type:fib-sem
    licence:CC-BY-4.0
    licence:"CC BY"
    modality=FIBSEM
    modality!=TEM
    organism="house mouse"
    voxel<10nm
    voxel < 10 nm
    voxel<=4
    voxel>=2.96nm
    voxel_z=2.96
    voxel_z=0.00296um
    voxel_x=40Å
    voxel_size_y>39angstrom
    pixel_size<0.01µm
    extent_z>1um
    extent_z > 1.6 um mouse
    extent<11um
    depth>=500
    depth≥564 depth≤564
    depth==564 width!=564
    size<10GB
    size>6GiB
    pixel_type=int16
    dtype=int16
    released>=2024
    released=2024
    released>2023-12-31
    released<2025
    doi:10.1038
    lossy=0
    FIB-SEM mouse voxel<10nm
""".strip().splitlines()
MISSED = """
    rat
    human
    Homo sapiens
    TEM
    3View
    "accumbens nucleus"
    ucleus
    nac
    -mouse
    -FIBSEM
    tissue:mouse
    organ:brain
    voxel<4nm
    voxel>2.96nm
    voxel=4
    voxel_z<2.96
    extent_z>2um
    depth>564
    depth<1um
    size>10GB
    pixel_type=uint8
    modality=FIB
    released>=2025
    released<2024
    released=2023
    acquired>1900
    dwell_time>0
    dwell_time!=1
    lossy=1
    FIB-SEM mouse voxel<3nm
""".strip().splitlines()
OTHER_WORDS = {"striatum": "A volume of the ventral striatum"}


@pytest.mark.parametrize("text", [line.strip() for line in FOUND])
def test_found(text: str) -> None:
    assert query(text).finds(OTHER_WORDS.get(text, ""), NACC)


@pytest.mark.parametrize("text", [line.strip() for line in MISSED])
def test_missed(text: str) -> None:
    if text == "depth<1um":  # a count has no unit
        with pytest.raises(UnitError):
            query(text)
        return
    assert not query(text).finds("", NACC)


def test_all_terms_have_to_hold() -> None:
    assert query("mouse depth>1").finds("", NACC)
    assert not query("mouse depth>1 zebrafish").finds("", NACC)


@given(st.floats(1e-3, 1e6, allow_nan=False), st.sampled_from(["nm", "um", "Å"]))
def test_comparisons_are_those_of_numbers(limit: float, unit: str) -> None:
    """Exactly one of <, = and > holds, whatever the unit."""
    held = [
        sign for sign in "<=>" if query(f"voxel_z{sign}{limit!r}{unit}").finds("", NACC)
    ]
    assert len(held) == 1
    nm = limit * {"nm": 1, "um": 1000, "Å": 0.1}[unit]
    if abs(nm - 2.96) > 1e-6:
        assert held == ["<" if nm > 2.96 else ">"]


@pytest.mark.parametrize(
    ("text", "kind", "told"),
    [
        ("voxle<10nm", UnknownNameError, "did you mean 'voxel'"),
        ("organsm:mouse", UnknownNameError, "did you mean 'organism'"),
        ("-tisue:liver", UnknownNameError, "did you mean 'tissue'"),
        ("voxel<10kg", UnitError, "a quantity that can be told in nm"),
        ("depth>5nm", UnitError, "a number alone"),
        ("voxel<ten", OptionError, "a number with a unit such as nm"),
        ("voxel<1e999", OptionError, "a number"),
        ("voxel<nan", OptionError, "a number"),
        ("!mouse", OptionError, "got '!mouse'"),
        ("eye OR brain", OptionError, "all of it has to hold"),
        ("NOT mouse", OptionError, "-tissue:liver"),
        ("released>yesterday", OptionError, "a day such as 2024-01-31"),
        ("title<b", OptionError, "title:b looks for the word"),
        ("segmentations=nuclei", OptionError, "segmentations:nuclei looks"),
        ("size<big", OptionError, "a size such as 4GiB"),
        ("", OptionError, "an empty query"),
        ("   ", OptionError, "an empty query"),
        ('mouse "brain', OptionError, "a quotation that does not end"),
        ("<10nm", OptionError, "comparisons such as"),
        ("voxel<", OptionError, "comparisons such as"),
        ("voxel<<3", OptionError, "comparisons such as"),
        ("2<voxel<10", OptionError, "comparisons such as"),
        ("mouse -- !", OptionError, "comparisons such as"),
        ("x" * (LONGEST + 1), OptionError, "letters"),
    ],
)
def test_what_is_no_query(text: str, kind: type[EmcatalogError], told: str) -> None:
    with pytest.raises(kind) as caught:
        query(text)
    assert told in str(caught.value)


@given(st.text(max_size=60))
def test_any_text_is_a_query_or_an_error_of_ours(text: str) -> None:
    with contextlib.suppress(EmcatalogError):
        assert query(text).finds(text, NACC) in (True, False)


@pytest.mark.parametrize("unit", ["nm", "Å", "angstrom", "microns", "kV", "us"])
def test_a_unit_may_stand_apart(unit: str) -> None:
    assert parse(f"voxel < 80 {unit}") == parse(f"voxel<80{unit}")
    assert len(parse(f"voxel < 80 {unit} mouse")) == 2


def test_how_a_query_is_taken_apart() -> None:
    told = parse('FIB-SEM -"a b" tissue:"c d" voxel<= 3.5 um https://a.org/b')
    assert told == (
        Words(("fib", "sem")),
        Words(("a", "b"), without=True),
        Words(("c", "d"), "tissue"),
        Comparison("voxel", "<=", "3.5um"),
        Words(("https", "a", "org", "b")),
    )


def test_a_catalog_is_searched_without_asking_any_server(
    tmp_path: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote = "https://nowhere.invalid/{}.tif"
    inner = catalog(
        tmp_path / "inner",
        deep=entry(tiff(tmp_path / "deep.tif", 4), {"organism": "mouse"}),
    )
    family = entry(remote.format("{{ n }}"), {"organism": "mouse"})
    family["parameters"] = {"n": {"description": "", "type": "str", "default": "1"}}
    own = catalog(
        tmp_path,
        near=entry(tiff(tmp_path / "a.tif", 20), {"organism": "mouse"}),
        kept=entry(remote.format("kept"), {"organism": "mouse"}),
        far=entry(remote.format("far")) | {"description": "brain of a Mouse"},
        rat=entry(remote.format("rat"), {"organism": "rat"}),
        more={"driver": "yaml_file_cat", "args": {"path": str(inner.path)}},
        family=family,
    )
    keep(own.kept, *(Claim(f"voxel_size_{a}", 4.0, "file", unit="nm") for a in "zyx"))
    seen: list[object] = []
    opened = VolumeSource.opened.__func__  # type: ignore[attr-defined]  # a class method

    def watched(kind: type[VolumeSource], *words: Any, **options: Any) -> Any:
        seen.append(options["urlpath"])
        return opened(kind, *words, **options)

    monkeypatch.setattr(VolumeSource, "opened", classmethod(watched))
    assert set(search(own, "mouse")) == {"near", "kept", "far", "more.deep"}
    assert set(search(own, "mouse voxel<10nm")) == {"kept", "more.deep"}
    assert set(search(own, "mouse voxel>10nm")) == {"near"}
    assert {str(place) for place in seen} == {
        f"{tmp_path}/{n}.tif" for n in ("a", "deep")
    }
    assert search(own, "zebrafish") == {}

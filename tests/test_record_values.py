"""Values in the field's type, unit and terms; doubts about what cannot be."""

from __future__ import annotations

import datetime
import re
import subprocess
import sys
from typing import Any

import numpy as np
import pint
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emcatalog.errors import OptionError
from emcatalog.record import (
    FIELDS,
    TERMS,
    Claim,
    Record,
    declared,
    declared_voxel_size,
    located,
    taxon_id,
)
from emcatalog.units import converted


def examined(field: str, value: Any, unit: str = "", source: Any = "api") -> Claim:
    return Claim(field, value, source, "somewhere", unit).examined()


@pytest.mark.parametrize(
    ("field", "value", "unit", "expected"),
    [
        ("voxel_size_x", "80.0", "angstrom", 8.0),
        ("voxel_size_x", 79.98250424861908, "Å", 7.99825042486191),
        ("voxel_size_x", 0.00799825042486191, "µm", 7.99825042486191),
        ("voxel_size_x", 0.02, "MICROMETER", 20.0),
        ("voxel_size_x", "0.05 um", "", 50.0),
        ("voxel_size_x", np.float32(4), "nm", 4.0),
        ("origin_z", -3, "um", -3000.0),
        ("accelerating_voltage", 1.9, "kV", 1900.0),
        ("accelerating_voltage", "1.2 keV", "", 1200.0),
        ("accelerating_voltage", "300", "kilovolt", 300e3),
        ("dwell_time", 5e-7, "s", 0.5),
        ("dwell_time", 500, "ns", 0.5),
        ("beam_current", 200, "pA", 0.2),
        ("section_thickness", 5e-8, "m", 50.0),
        ("magnification", "2159", "", 2159.0),
        ("depth", "5632", "", 5632),
        ("depth", 16.0, "", 16),
        ("levels", np.int64(9), "", 9),
        ("lossy", True, "", 1),
        ("channel", 0, "", 0),
        ("chunks", [64, 64, 64], "", (64, 64, 64)),
        ("channels", "DAPI", "", ("DAPI",)),
        ("channels", ["a", 1, ""], "", ("a", "1", "")),
        ("accession", 11759, "", "11759"),
        ("title", " a \0\0title", "", "a"),
        ("title", "left\x1b[2J", "", "left\\x1b[2J"),
        ("title", "broken \ud800", "", "broken \\ud800"),
        ("acquired", "2018-06-11", "", "2018-06-11"),
        ("acquired", "2018-06", "", "2018-06"),
        ("acquired", "2018-06-11T22:26:45", "", "2018-06-11T22:26:45"),
        ("acquired", "2018-06-11 22:26:45Z", "", "2018-06-11 22:26:45Z"),
        ("acquired", "11.06.2018", "", "2018-06-11"),
        ("acquired", datetime.date(2018, 6, 11), "", "2018-06-11"),
        ("released", 2018, "", "2018"),
        ("doi", "https://doi.org/10.6019/EMPIAR-11759", "", "10.6019/EMPIAR-11759"),
        ("doi", "doi: 10.1126/sciadv.aba8811.", "", "10.1126/sciadv.aba8811"),
        ("modality", "SBFSEM", "", "SBF-SEM"),
        ("modality", "serial block face", "", "SBF-SEM"),
        ("modality", "3View", "", "SBF-SEM"),
        ("modality", "Focused ion beam scanning electron microscopy", "", "FIB-SEM"),
        ("modality", "something new", "", "something new"),
        ("organism", "mouse", "", "Mus musculus"),
        ("organism", "C. elegans", "", "Caenorhabditis elegans"),
        ("organism", "Apis mellifera", "", "Apis mellifera"),
        ("licence", "https://creativecommons.org/licenses/by/4.0/", "", "CC-BY-4.0"),
        ("licence", "CC BY", "", "CC BY"),  # of no version: none is guessed
        ("pixel_type", "UNSIGNED BYTE", "", "uint8"),
        ("byte_order", "big-endian", "", "big"),
        ("kind", "labels", "", "segmentation"),
    ],
)
def test_values_come_into_the_fields_form(
    field: str, value: Any, unit: str, expected: Any
) -> None:
    claim = examined(field, value, unit)
    assert not claim.doubt
    assert (claim.value, type(claim.value)) == (expected, type(expected))
    assert claim.unit == FIELDS[field].unit
    assert claim.examined() == claim


@pytest.mark.parametrize(
    ("field", "value", "unit", "doubt"),
    [
        ("voxel_size_x", 0, "nm", "0 nm is less than 0.001 nm"),
        ("voxel_size_x", -8.0, "nm", "-8 nm is less than"),
        ("voxel_size_x", 1e9, "nm", r"1e\+09 nm is more than 1e\+07 nm"),
        ("voxel_size_x", 1, "m", r"1e\+09 nm is more than"),
        ("voxel_size_x", float("nan"), "nm", "nan is no finite number"),
        ("voxel_size_x", float("inf"), "nm", "inf is no finite number"),
        ("voxel_size_x", 10**400, "nm", "inf is no finite number"),
        ("voxel_size_x", "nan", "nm", "'nan' is not a number"),
        ("voxel_size_x", "eight", "nm", "'eight' is not a number"),
        ("voxel_size_x", True, "nm", "True is not a number"),
        ("voxel_size_x", (8, 8), "nm", "is not a number"),
        ("voxel_size_x", None, "nm", "None is not a number"),
        ("voxel_size_x", {"Value": 8}, "nm", "is not a number"),
        ("voxel_size_x", 8, "", "its unit is not told"),
        ("voxel_size_x", 8, "parsnip", "'parsnip' is no unit that gives nm"),
        ("voxel_size_x", 8, "pixel", "'pixel' is no unit"),
        ("voxel_size_x", 8, "V", "'V' is no unit"),
        ("voxel_size_x", "8 nm", "um", "it has two units, nm and um"),
        ("accelerating_voltage", 0, "V", "0 V is less than 1 V"),
        ("accelerating_voltage", 300, "nm", "'nm' is no unit that gives V"),
        ("accelerating_voltage", 300, "__import__('os')", "is no unit"),
        ("beam_current", 0.0, "nA", "0 nA is less than 1e-09 nA"),
        ("depth", 0, "", "0 is less than 1"),
        ("depth", 16.5, "", "16.5 is not a whole number"),
        ("depth", 10**30, "", "is more than"),
        ("lossy", 2, "", "2 is neither 0 nor 1"),
        ("lossy", "yes", "", "'yes' is neither 0 nor 1"),
        ("title", "", "", "it is empty"),
        ("title", " \0", "", "it is empty"),
        ("title", False, "", "False is not a text"),
        ("title", ("a", "b"), "", "is not a text"),
        ("channels", (), "", "is not a list of texts"),
        ("chunks", (64, float("nan")), "", "is not a list of numbers"),
        ("chunks", "64", "", "is not a list of numbers"),
        ("acquired", "yesterday", "", "'yesterday' is no date"),
        ("acquired", "2018-02-31", "", "no date"),
        ("acquired", "03/04/2018", "", "it may be 2018-04-03 or 2018-03-04"),
        ("doi", "https://example.org/a", "", "is no DOI"),
        ("kind", "picture", "", "it is none of image, segmentation"),
        ("byte_order", "middle", "", "it is none of little, big"),
    ],
)
def test_what_cannot_be_is_doubted_or_refused(
    field: str, value: Any, unit: str, doubt: str
) -> None:
    """Doubted where a file or a server says so; the author of a catalog can mend it."""
    claim = examined(field, value, unit)
    record = Record((claim,))
    assert record.winner(field) is None
    (kept,) = record.doubts()
    assert re.search(doubt, kept.doubt)
    if "its unit" in doubt:
        return  # an author's numbers are in the field's unit
    with pytest.raises(OptionError) as caught:
        examined(field, value, unit, "catalog")
    assert field in caught.value.got
    assert "somewhere" in caught.value.hint


def test_the_words_that_were_told_are_kept() -> None:
    assert examined("modality", "SBFSEM").locator == "somewhere: 'SBFSEM'"
    assert examined("modality", "SBF-SEM").locator == "somewhere"


def test_secrets_are_not_kept() -> None:
    url = "https://me:hush@a.org/x?X-Amz-Signature=hush"
    claim = Claim("publication_url", url, "api", url).examined()
    assert "hush" not in f"{claim.value} {claim.locator}"
    assert "hush" not in str([c.value for c in located(url)])


def test_an_authors_numbers_are_in_the_fields_unit() -> None:
    told = {
        "accelerating_voltage": 1900,
        "dwell_time": "500 ns",
        "voxel_size": [5, 4, 4],
    }
    found = {c.field: c.value for c in declared(told)}
    assert found == {
        "accelerating_voltage": 1900.0, "dwell_time": 0.5,
        "voxel_size_z": 5.0, "voxel_size_y": 4.0, "voxel_size_x": 4.0,
    }  # fmt: skip


def test_what_an_author_leaves_open_is_not_claimed() -> None:
    told = {"licence": None, "mine": {"a": 1}, "origin": [0, None, "1 um"]}
    found = [(c.field, c.value) for c in declared(told)]
    assert found == [("origin_z", 0.0), ("origin_x", 1000.0)]


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"licence": ["CC0"]}, "licence = .*expected terms of use"),
        ({"released": "soon"}, "'soon' is no date"),
        ({"voxel_size": [5, 5]}, r"voxel_size = \[5, 5\].*expected \[z, y, x\]"),
        ({"voxel_size": "5 parsnip"}, "'parsnip' is no unit"),
        ({"voxel_size_z": 10**9}, "more than"),
        ({"voxel_size": {"z": 1}}, r"expected \[z, y, x\]"),
    ],
)
def test_an_authors_mistakes_are_answered(told: Any, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        declared(told)


def test_lines_and_tabulators_of_other_systems() -> None:
    (claim,) = declared({"note": "one\r\ntwo\rthree\tfour\x1b[2J"})
    assert claim.value == "one\ntwo\nthree four\\x1b[2J"


def test_other_words_for_fields_are_understood() -> None:
    """The columns that earlier tables had, and what is spelled in two ways."""
    told = {
        "species": "mouse",
        "license": "CC0",
        "experiment_type": "SBEM",
        "pixel_size_in_nm": "50, 8, 0.008 um",
        "dtype": "not a field of ours",
    }
    assert {c.field: c.value for c in declared(told)} == {
        "organism": "Mus musculus",
        "licence": "CC0-1.0",
        "modality": "SBF-SEM",
        "voxel_size_z": 50.0,
        "voxel_size_y": 8.0,
        "voxel_size_x": 8.0,
    }
    both = Record(declared({"species": "mouse", "organism": "rat"}))
    assert [c.field for c in both.conflicts()] == ["organism"]


def test_absurd_declared_voxel_sizes() -> None:
    with pytest.raises(OptionError, match="more than 1e"):
        declared_voxel_size([1e9, 8, 8])


@pytest.mark.parametrize("name", [n for n, f in FIELDS.items() if f.unit])
def test_units_of_fields_are_those_of_pint(name: str) -> None:
    quantity = pint.UnitRegistry()(f"1 {FIELDS[name].unit}")
    assert not quantity.dimensionless
    assert pint.UnitRegistry()(str(quantity)).to(FIELDS[name].unit).magnitude == 1


@settings(deadline=None, derandomize=True)
@given(st.floats(1e-6, 1e6), st.sampled_from(["pm", "nm", "um", "mm", "angstrom"]))
def test_lengths_are_converted_as_pint_does(value: float, unit: str) -> None:
    expected = pint.application_registry.Quantity(value, unit).m_as("nm")
    assert converted(value, unit, "nm") == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("unit", "to"),
    [("", "V"), ("2 V", "V"), ("V*V", "V"), ("open('x')", "V"), ("m", "V"), ("V", "s")],
)
def test_what_is_no_unit_is_not_converted(unit: str, to: str) -> None:
    assert converted(1.0, unit, to) is None


def test_terms_are_told_apart() -> None:
    """No word stands for two terms, and each term for itself."""
    for terms in TERMS.values():
        words = [(w, t) for t, others in terms.words.items() for w in (t, *others)]
        for word, term in words:
            assert terms.term(word) == term, word
            assert terms.term(f" {word.upper()} ") == term
        assert terms.term("") is None


def test_taxa() -> None:
    known = {
        "mouse": 10090, "zebrafish": 7955, "fruit fly": 7227, "human": 9606,
        "rat": 10116, "C. elegans": 6239, "Hydra vulgaris": 6087, "zebra finch": 59729,
        "arabidopsis": 3702, "yeast": 4932,
    }  # fmt: skip
    assert {name: taxon_id(name) for name in known} == known


def test_names_of_numpy_are_terms() -> None:
    for name in TERMS["pixel_type"].names:
        assert np.dtype(name).name == name


def test_pint_is_loaded_only_when_it_is_needed() -> None:
    code = (
        "import sys; from emcatalog.record import *; "
        "Record((Claim('voxel_size_z', 5, 'file', '', 'um'),)); "
        "print('pint' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"

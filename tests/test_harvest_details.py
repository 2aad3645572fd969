"""Facts in free text: where the pattern leaves no doubt, and nowhere else."""

from __future__ import annotations

from typing import Any

import pytest

from archive_answers import empiar
from emcatalog.harvest.details import facts
from emcatalog.harvest.empiar import claims
from emcatalog.record import Record

URL = "https://www.ebi.ac.uk/empiar/api/entry/EMPIAR-11759/"


def told(text: str) -> Record:
    """An entry of EMPIAR with this text."""
    return Record(claims(empiar(details=text), URL))


FOUND: list[tuple[str, list[tuple[str, Any, str]]]] = [
    ("operated at 2 kV", [("accelerating_voltage", 2.0, "kV")]),
    ("a landing energy of 1.2 keV", [("accelerating_voltage", 1.2, "kV")]),
    ("probe current of 2 nA", [("beam_current", 2.0, "nA")]),
    ("dwell time: 800 ns", [("dwell_time", 800.0, "ns")]),
    ("a dwell time of 3 µs", [("dwell_time", 3.0, "µs")]),
    ("5 nm / pixel in xy", [("voxel_size_y", 5.0, "nm"), ("voxel_size_x", 5.0, "nm")]),
    ("a section thickness of 40 nm", [("section_thickness", 40.0, "nm")]),
    ("on a Zeiss Merlin", [("instrument", "Zeiss Merlin", "")]),
    (
        "The resolution of each voxel is approximately 5x5x5nm.",
        [(f"voxel_size_{axis}", 5.0, "nm") for axis in "zyx"],
    ),
    (
        "8 x 8 x 8 nm voxels",
        [(f"voxel_size_{axis}", 8.0, "nm") for axis in "zyx"],
    ),
    # not told what it is, in which order, or of what
    ("a 5x5x5µm section", []),
    ("voxels of 4 x 4 x 8 nm", []),
    ("cubes of 100 x 100 x 100 nm were cut", []),
    ("1.5-2 kV", []),
    ("(32 bit floats, 928x960, 13.48 Å voxel size)", []),
    ("at 4 nm", []),
    ("a current topic: 5 nA", []),
    ("between 1.2.3 kV", []),
    ("", []),
]


@pytest.mark.parametrize(("text", "expected"), FOUND)
def test_patterns_that_leave_no_doubt(
    text: str, expected: list[tuple[str, Any, str]]
) -> None:
    assert [(f.field, f.value, f.unit) for f in facts(text)] == expected
    record = told(text)
    assert {field for field, _, _ in expected} <= {*record.fields}
    assert record.doubts() == ()  # each unit is one that is known


def test_two_voltages_are_no_voltage() -> None:
    record = told("milled at 30 kV, imaged at 1.5 kV")
    assert record.value("accelerating_voltage") is None
    assert [c.value for c in record.about("accelerating_voltage")] == [3e4, 1.5e3]
    assert {c.doubt for c in record.doubts()} == {"the text has 2 of the kind"}
    same = told("at 1.5 kV, again at 1.5 kV")
    assert same.value("accelerating_voltage") == 1500.0


def test_a_long_text_is_quick() -> None:
    for text in (
        "1" * 10**6,
        "voxel " * 10**5,
        "8 x " * 10**5,
        "dwell time of " * 10**5,
    ):
        list(facts(text))
        told(text)

"""Units of length in all the spellings that files have."""

import pytest

from emcatalog.units import unit_nm


@pytest.mark.parametrize(
    ("unit", "expected"),
    [
        ("nm", 1.0), ("NM", 1.0), (" nm ", 1.0), ("nanometer", 1.0),
        ("Nanometres", 1.0), ("um", 1e3), ("µm", 1e3), ("\u03bcm", 1e3),
        ("Âµm", 1e3), ("\\u00B5m", 1e3), ("micron", 1e3), ("Microns", 1e3),
        ("micrometer", 1e3), ("mm", 1e6), ("cm", 1e7), ("m", 1e9), ("in", 2.54e7),
        ("inches", 2.54e7), ("Å", 0.1), ("\u212b", 0.1), ("A", 0.1),
        ("angstrom", 0.1), ("Ångström", 0.1), ("pm", 1e-3), ("picometer", 1e-3),
        ("nm\0", 1.0), ("nm\0\0\0", 1.0), ("nm\0left over", 1.0), ("m\0\0\0", 1e9),
        ("n\0m\0", 1.0), ("n\0m", 1.0), ("\0n\0m", 1.0), ("m\0m\0", 1e6),
        ("µ\0m\0", 1e3), ("Ã‚Âµm", 1e3), ("Î¼m", 1e3),
        ("Ã…", 0.1), ("Ã\x85", 0.1), ("micron(s)", 1e3), ("\tnm\n", 1.0),
        ("", None), (None, None), (3, None), ("pixel", None), ("µn", None),
        ("1/nm", None), ("eV", None), ("µ", None), ("Mm", None), ("s", None),
        ("a" * 10_000, None), ("nM", None), ("Nm", None), ("nm2", None),
        ("nm²", None), ("m\0x", None), ("\0\0", None), ("\0", None), ("\ufffdm", None),
        ("nm-1", None), ("mrad", None), (b"nm", None),
    ],
)  # fmt: skip
def test_spellings(unit: object, expected: float | None) -> None:
    assert unit_nm(unit) == expected

"""Lengths as texts and quantities, and what is refused as no length."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pint
import pytest
import xarray as xr

from emcatalog.errors import UnitError
from emcatalog.index import nanometres
from voxel_lines import regular

OTHER = pint.UnitRegistry()


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("1.2 um", 1200),
        ("1 µm", 1000),
        ("1 μm", 1000),
        ("500 nm", 500),
        ("500nm", 500),
        (" 2 micrometer ", 2000),
        ("2 micrometres", 2000),
        ("1e-3 mm", 1000),
        ("-.5 micron", -500),
        ("80 Å", 8),
    ],
)
def test_texts_with_a_unit(text, length):
    assert nanometres(text) == pytest.approx(length, abs=1e-9)
    assert regular(500, 8.0, -1000.0).sel(z=text).z == 8 * ((length + 4) // 8)


@pytest.mark.parametrize("registry", [OTHER, pint.get_application_registry()])
def test_quantities_of_any_registry(registry):
    da = regular()
    assert da.sel(z=0.030 * registry.um) == 4
    assert da.sel(z=0.030 * registry.um, method="nearest") == 4
    window = slice(0.1 * registry.um, 200 * registry.nm)
    assert da.sel(z=window).equals(da.sel(z=slice(100, 200)))
    assert da.sel(z=slice("0.1 um", None)).equals(da.sel(z=slice(100, None)))
    many = registry.Quantity([0.0, 0.008], "um")
    assert da.sel(z=many).values.tolist() == [0, 1]
    assert da.sel(z=[0 * registry.nm, "8 nm", 16]).values.tolist() == [0, 1, 2]
    assert da.sel(z=np.array(["8 nm", "0.1 um"])).values.tolist() == [1, 13]
    assert da.sel(z=xr.Variable("p", many)).values.tolist() == [0, 1]


def test_registries_of_other_numbers():
    exact = pint.UnitRegistry(non_int_type=Decimal)
    assert nanometres(exact.Quantity(Decimal("1.2"), "um")) == 1200


class Astronomical(float):
    unit = "kpc"


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ("5 s", r"'5 s', of dimension \[time\]; expected a number in nanometres"),
        (OTHER.Quantity(5, "nm**2"), r"of dimension \[length\] \*\* 2"),
        (OTHER.Quantity(5), "of dimension dimensionless"),
        ("100", "without a unit.*Try: the number 100, or '100 nm'"),
        ("12 voxels", "unknown unit 'voxels'.*isel counts voxels"),
        ("4 pixel", r"of dimension \[printing_unit\]"),
        ("", "not a number and one unit"),
        ("um", "not a number and one unit"),
        ("1 nm + 1 nm", "not a number and one unit"),
        ("2 nm**99999999", "not a number and one unit"),
        ("9" * 1000 + " nm", r"'9{63}\.\.\., a text that is not"),
        (True, "a truth value or a mask"),
        (np.array([True, False]), "use .isel or .where for a mask"),
        (1j, "of type complex"),
        (None, "of type NoneType"),
        ({"a": 1}, "of type dict"),
        (np.datetime64("2020-01-01"), "of type datetime64"),
        ([1, [2, 3]], "lists of different lengths"),
        (Astronomical(3), "a quantity of another library"),
    ],
)
def test_what_is_no_length(label, message):
    with pytest.raises(UnitError, match=message):
        regular(2).sel(z=label)

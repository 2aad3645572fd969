"""What the axes of a DM image measure: lengths, and all that must not pass for them."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dm_writer import document, encode, image
from emcatalog.errors import FormatError
from emcatalog.mirror import Mirrors
from emcatalog.transport import Transport
from emcatalog.volume import Pyramid
from emcatalog_dm3 import Dm3Source, open_pyramid
from emcatalog_dm3.axes import quantity

TRANSPORT = Transport(mirrors=Mirrors())
LINE, PLANE, STACK = (np.ones((2, 3, 4)[-n:], np.uint8) for n in (1, 2, 3))
NM = [(8.0, "nm")] * 3
RECIPROCAL = [(0.25, "1/nm", 2.0), (0.5, "1/nm", 1.0)]
FFT = {"Private": {"FFT": {"Inverse": False}}}


def opened(folder: Path, mine: Any, **options: Any) -> Pyramid:
    place = folder / "one.dm3"
    place.write_bytes(encode(document(mine)))
    return open_pyramid(str(place), TRANSPORT, **options)


def told(format_name: str = "", signal: str = "") -> dict[str, Any]:
    return {"Meta Data": {"Format": format_name, "Signal": signal}}


@pytest.mark.parametrize(
    ("unit", "expected"),
    [
        ("nm", "length"), ("Âµm", "length"), ("A", "length"), ("m", "length"),
        ("eV", "energy"), ("keV", "energy"), ("meV", "energy"), ("eV\0", "energy"),
        ("e\0V\0", "energy"), ("Electron volts", "energy"), ("eV/ch", "energy"),
        ("1/nm", "reciprocal length"), ("1 / Å", "reciprocal length"),
        ("nm^-1", "reciprocal length"), ("nm-1", "reciprocal length"),
        ("nm\u207b\u00b9", "reciprocal length"), ("A**-1", "reciprocal length"),
        ("rad/nm", "reciprocal length"), ("1/(nm)", "reciprocal length"),
        ("1/Âµm", "reciprocal length"), ("nm^(-1)", "reciprocal length"),
        ("mrad", "angle"), ("µrad", "angle"), ("deg", "angle"), ("°", "angle"),
        ("Degrees", "angle"), ("s", "time"), ("sec", "time"), ("ms", "time"),
        ("µs", "time"), ("Seconds", "time"), ("Hz", "frequency"), ("1/s", "frequency"),
        ("", ""), ("px", ""), ("pixels", ""), ("µ", ""), ("µn", ""), ("1/x", ""),
        ("V", ""), ("counts", ""), ("-1", ""), ("/", ""), ("1/", ""),
        ("1/" * 40, ""),
    ],
)  # fmt: skip
def test_what_units_measure(unit: str, expected: str) -> None:
    assert quantity(unit) == expected


@pytest.mark.parametrize(
    ("refused", "message"),
    [
        (image(LINE, [(0.25, "eV", -1400.0)]),
         r"a spectrum, for x is energy; its axes are x: 4 of 0\.25 eV \(energy\)"),
        (image(PLANE, [*NM[:1], (5.0, "keV")]), "a spectrum image, for y is energy"),
        (image(STACK, [*NM[:2], (1.0, "eV")]), r"image, for z is energy.*z: 2 of 1 eV"),
        (image(STACK[:, :1, :1], [*NM[:2], (1.0, "eV")]), "a spectrum, for z is"),
        (image(LINE, [(0.5, "nm")], tags=told("Spectrum", "CL")),
         "a spectrum, for its Format is 'Spectrum', its Signal 'CL'"),
        (image(STACK, NM, tags=told("Spectrum image")), "a spectrum image, for its"),
        (image(STACK, NM, tags=told("SPECTRUMIMAGE")), "a spectrum image, for its"),
        (image(PLANE, NM, tags=told("1D spectrum")), "a spectrum image, for its"),
        (image(PLANE[:1], NM, tags=told("", "EELS")), "a line whose Signal is 'EELS'"),
        (image(LINE, NM, tags=told("", "X-ray")), "a line whose Signal is 'X-ray'"),
    ],
)  # fmt: skip
def test_spectra_are_refused_by_name(
    tmp_path: Path, refused: Any, message: str
) -> None:
    """Also where a voxel size is declared: no voxels of real space are in them."""
    with pytest.raises(FormatError, match=message) as caught:
        opened(tmp_path, refused, voxel_size_nm=1)
    assert "one.dm3, image 1, unnamed (" in str(caught.value)


def test_a_picture_made_with_a_spectrometer_is_a_picture(tmp_path: Path) -> None:
    mine = image(PLANE, NM, tags=told("Image", "EELS"))
    assert opened(tmp_path, mine, voxel_size_nm=9).level(0).grid.shape == (1, 3, 4)


@pytest.mark.parametrize(
    ("odd", "listed"),
    [
        (image(PLANE, RECIPROCAL),
         r"x: 4 of 0\.25 1/nm \(reciprocal length\); y: 3 of 0\.5 1/nm \(recipr"),
        (image(PLANE, [(2.0, "mrad"), *NM]), r"x: 4 of 2 mrad \(angle\);"),
        (image(STACK, [*NM[:2], (0.1, "s")]), r"z: 2 of 0\.1 s \(time\);"),
        (image(PLANE, [(0.2, ""), (0.2, "")], tags=FFT), r"x: 4 of 0\.2; y: 3 of 0\.2"),
        (image(PLANE, tags=told("Diffraction image")), "x: 4 of 1; y: 3 of 1"),
        (image(PLANE, [(-8.0, "nm"), *NM]), r"x: 4 of -8 nm \(runs backwards\);"),
        (image(PLANE, [(-1.0, ""), *NM]), r"x: 4 of -1 \(runs backwards\);"),
        (image(PLANE, [*NM[:1], (-2.0, "1/nm")]),
         r"y: 3 of -2 1/nm \(reciprocal length, runs backwards\);"),
    ],
)  # fmt: skip
def test_what_is_no_length_has_to_be_declared(
    tmp_path: Path, odd: Any, listed: str
) -> None:
    for silent in (None, [50, None, None] if "z" not in listed else [None, 8, 8]):
        with pytest.raises(FormatError, match=f"no lengths: {listed}"):
            opened(tmp_path, odd, voxel_size_nm=silent)
    pyramid = opened(tmp_path, odd, voxel_size_nm=7)
    claim = pyramid.record.winner(f"voxel_size_{listed[0]}")
    assert claim
    assert (claim.value, claim.source) == (7.0, "catalog")
    assert pyramid.level(0).grid.origin["zyx".index(listed[0])] == 0.0
    text = str(pyramid.record.value("note"))
    assert text.startswith(f"axes that are no lengths in the file: {listed[:2]}")


def test_lengths_of_a_transform_are_believed(tmp_path: Path) -> None:
    """Of an inverse transform, and where somebody calibrated the axes as lengths."""
    inverse = {"Private": {"FFT": {"Inverse": True}}}
    for mine in (image(PLANE, tags=inverse), image(PLANE, NM, tags=FFT)):
        pyramid = opened(tmp_path, mine, voxel_size_nm=8)
        assert pyramid.level(0).grid.voxel_size == (8.0, 8.0, 8.0)
        assert pyramid.record.value("note") is None


@pytest.mark.parametrize("scale", [0.0, math.nan, math.inf, -math.inf, 1e30, 1e-30])
def test_a_senseless_scale_is_none(tmp_path: Path, scale: float) -> None:
    mine = image(PLANE, [(scale, "nm", 3.0), (8.0, "nm")])
    with pytest.raises(FormatError, match=r"one\.dm3: got no voxel size along z, x "):
        opened(tmp_path, mine)
    grid = opened(tmp_path, mine, voxel_size_nm=[50, None, 9]).level(0).grid
    assert (grid.voxel_size, grid.origin) == ((50.0, 8.0, 9.0), (0.0, 0.0, 0.0))


def test_each_axis_has_its_own_scale_unit_and_origin(tmp_path: Path) -> None:
    units = [(2.0, "pm", 10.0), (3.0, "nm", -2.5), (0.004, "Âµm", 0.0)]
    place = tmp_path / "stack.dm4"
    place.write_bytes(encode(document(image(STACK, units)), 4))
    array = Dm3Source(str(place)).to_xarray()
    assert array.attrs["voxel_size_nm"] == [4.0, 3.0, 0.002]
    assert array.attrs["volume_origin_nm"] == [0.0, 7.5, -0.02]
    assert array.z.values.tolist() == [0.0, 4.0]
    assert array.y.values.tolist() == [7.5, 10.5, 13.5]
    assert array.x.values.tolist() == [-0.02, -0.018, -0.016, -0.014]


UNITS = {"nm": 1.0, " nm": 1.0, "pm": 1e-3, "µm": 1e3, "Âµm": 1e3, "A": 0.1, "Å": 0.1}
CALIBRATIONS = st.tuples(
    st.floats(2.0, 1e4, width=32),
    st.sampled_from(sorted(UNITS)),
    st.floats(-1e6, 1e6, width=32),
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(CALIBRATIONS, min_size=3, max_size=3),
    st.sampled_from([(3, "<"), (3, ">"), (4, "<"), (4, ">")]),
)
def test_any_calibration_is_kept(
    units: list[tuple[float, str, float]], form: tuple[int, str]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "stack.dm4"
        place.write_bytes(encode(document(image(STACK, units)), *form))
        grid = open_pyramid(str(place), TRANSPORT).level(0).grid
    for axis, (scale, unit, origin) in zip((2, 1, 0), units, strict=True):
        nm = scale * UNITS[unit]
        assert grid.voxel_size[axis] == pytest.approx(nm, rel=1e-6)
        assert grid.origin[axis] == pytest.approx(-origin * nm, rel=1e-6)


def test_an_origin_out_of_reach_is_none(tmp_path: Path) -> None:
    mine = image(PLANE, [(8.0, "nm", 1e30), (8.0, "nm", math.nan)])
    assert opened(tmp_path, mine, voxel_size_nm=9).level(0).grid.origin[1:] == (0, 0)


def series(folder: Path, *units: Any) -> None:
    for n, calibration in enumerate(units):
        data = encode(document(image(PLANE, calibration)))
        (folder / f"s{n}.dm3").write_bytes(data)


def test_sections_with_other_origins_are_told_and_not_moved(tmp_path: Path) -> None:
    near, far = [(8.0, "nm", 1.0), (8.0, "nm")], [(8.0, "nm", 2.0), (8.0, "nm")]
    series(tmp_path, near, near, far)
    pyramid = open_pyramid(str(tmp_path), TRANSPORT, voxel_size_nm=50)
    assert pyramid.level(0).grid.origin == (0.0, 0.0, -8.0)
    (conflict,) = [c for c in pyramid.record.conflicts() if c.field == "origin_x"]
    (lost,) = conflict.losers
    assert lost.value == -16.0
    assert lost.locator.startswith(f"{tmp_path}/s2.dm3: ImageList.1.")
    series(tmp_path, near, near, near)
    alike = open_pyramid(str(tmp_path), TRANSPORT, voxel_size_nm=50)
    assert {c.field for c in alike.record.conflicts()} <= {
        f"voxel_size_{axis}" for axis in "zyx"
    }


@pytest.mark.parametrize("odd", [RECIPROCAL, [(-8.0, "nm"), (8.0, "nm")]])
def test_a_section_of_another_space_is_no_section(tmp_path: Path, odd: Any) -> None:
    series(tmp_path, NM[:2], NM[:2], odd)
    with pytest.raises(FormatError, match=r"s2\.dm3: got axes that.*none, as in"):
        open_pyramid(str(tmp_path), TRANSPORT, voxel_size_nm=50)
    (tmp_path / "s0.dm3").unlink()
    (tmp_path / "s1.dm3").unlink()
    alone = open_pyramid(str(tmp_path), TRANSPORT, voxel_size_nm=50)
    assert alone.level(0).grid.shape == (1, 3, 4)


def test_a_spectrum_among_sections_is_named(tmp_path: Path) -> None:
    series(tmp_path, NM[:2], [(8.0, "nm"), (1.0, "eV")])
    with pytest.raises(FormatError, match=r"s1\.dm3, image 1.*spectrum image, for y"):
        open_pyramid(str(tmp_path), TRANSPORT, voxel_size_nm=50)

"""Which files are the sections of a volume, in which order, and which are missing."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import dm_writer
from emcatalog.driver import registry
from emcatalog.errors import EmcatalogError, FormatError, NotFoundError, OptionError
from emcatalog.mirror import Mirrors
from emcatalog.series import absent, ensure_alike, expand
from emcatalog.transport import Transport

TRANSPORT = Transport(mirrors=Mirrors())
DM = (".dm3", ".dm4")


def filled(folder: Path, *names: str) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch()
    return str(folder)


def tails(sections: tuple[str | None, ...]) -> list[str | None]:
    return [s.rpartition("/")[2] if s else None for s in sections]


def test_one_file_is_one_section() -> None:
    assert expand("a/b.tif", TRANSPORT, (".tif",)) == ("a/b.tif",)
    url = "https://a.org/get?id=[3]"
    assert expand(url, TRANSPORT, (".tif",)) == (url,)


def test_a_folder_is_ordered_by_number_not_by_letter(tmp_path: Path) -> None:
    names = [f"slice_{n}.dm3" for n in (10, 9, 8, 11)]
    folder = filled(tmp_path / "with space", *names, "notes.txt", ".hidden.dm3")
    found = expand(folder, TRANSPORT, DM)
    assert tails(found) == [f"slice_{n}.dm3" for n in (8, 9, 10, 11)]
    assert all(Path(s or "").is_file() for s in found)
    assert expand(folder + "/", TRANSPORT, DM) == found


def test_the_section_number_is_the_one_that_varies(tmp_path: Path) -> None:
    names = [f"WT1_8x8x8nm_3MHz.{n:04d}.tif" for n in (98, 99, 100, 101)]
    folder = filled(tmp_path, *names)
    assert tails(expand(folder, TRANSPORT, (".tif",))) == names
    assert tails(expand(f"{folder}/WT1_*.tif", TRANSPORT, ())) == names


def test_the_digit_of_the_suffix_is_no_section_number(tmp_path: Path) -> None:
    folder = filled(tmp_path, "s1.dm3", "s2.DM4")
    assert tails(expand(folder, TRANSPORT, DM)) == ["s1.dm3", "s2.DM4"]


def test_names_that_do_not_order_ask_for_a_list(tmp_path: Path) -> None:
    two = filled(tmp_path / "two", "a1_b1.tif", "a2_b2.tif")
    with pytest.raises(OptionError, match=r"differ in 2 numbers.*as a list"):
        expand(two, TRANSPORT, (".tif",))
    kinds = filled(tmp_path / "kinds", "raw_1.tif", "mask_1.tif")
    with pytest.raises(OptionError, match=r"both mask_1.tif and raw_1.tif.*pattern"):
        expand(kinds, TRANSPORT, (".tif",))
    same = filled(tmp_path / "same", "a_01.tif", "a_1.tif")
    with pytest.raises(OptionError, match=r"both a_01.tif and a_1.tif.*one file"):
        expand(same, TRANSPORT, (".tif",))


def test_a_missing_number_is_named(tmp_path: Path) -> None:
    folder = filled(tmp_path, *(f"s_{n:04d}.tif" for n in (8, 9, 12)))
    with pytest.raises(FormatError, match=r"no s_0010.tif and 1 more.*gaps=\"absent\""):
        expand(folder, TRANSPORT, (".tif",))
    found = expand(folder, TRANSPORT, (".tif",), gaps="absent")
    assert tails(found) == ["s_0008.tif", "s_0009.tif", None, None, "s_0012.tif"]
    unpadded = filled(tmp_path / "u", "s9.tif", "s11.tif")
    with pytest.raises(FormatError, match=r"no s10\.tif,"):
        expand(unpadded, TRANSPORT, (".tif",))


def test_a_stray_number_cannot_make_a_huge_volume(tmp_path: Path) -> None:
    folder = filled(tmp_path, "s1.tif", f"s{10**200}.tif")
    with pytest.raises(FormatError, match=r"no s2.tif and"):
        expand(folder, TRANSPORT, (".tif",), gaps="absent")


def test_gaps_is_spelled_right() -> None:
    with pytest.raises(OptionError, match="did you mean 'absent'"):
        expand("a.tif", TRANSPORT, (".tif",), gaps="absnt")


def test_a_range_is_padded_as_written(tmp_path: Path) -> None:
    assert expand("x{8..11}.tif", TRANSPORT, ()) == tuple(
        f"x{n}.tif" for n in (8, 9, 10, 11)
    )
    assert expand("x{0..10}.tif", TRANSPORT, ())[0] == "x0.tif"
    assert expand("x{000..10}.tif", TRANSPORT, ())[-1] == "x010.tif"
    assert expand("x{02..00}.tif", TRANSPORT, ()) == ("x02.tif", "x01.tif", "x00.tif")
    url = "https://a.org/%20x/s_{0000..0001}.dm3"
    assert expand(url, TRANSPORT, DM)[1] == "https://a.org/%20x/s_0001.dm3"
    folder = filled(tmp_path, "s1.tif", "s3.tif")
    found = expand(f"{folder}/s{{1..4}}.tif", TRANSPORT, (), gaps="absent")
    assert tails(found) == ["s1.tif", None, "s3.tif", None]
    with pytest.raises(NotFoundError, match="none of its files"):
        expand(f"{folder}/t{{1..4}}.tif", TRANSPORT, (), gaps="absent")


@pytest.mark.parametrize("url", ["a{0..1}{0..1}.tif", "a{0..9999999}.tif"])
def test_a_range_is_bounded(url: str) -> None:
    with pytest.raises(OptionError, match=r"one \{first..last\}"):
        expand(url, TRANSPORT, ())


def test_a_list_is_literal_and_in_its_own_order() -> None:
    names = ["b[1]?.tif", "a{0..3}*.tif"]
    assert expand(names, TRANSPORT, ()) == tuple(names)
    with pytest.raises(OptionError, match=r"a.tif 2 times"):
        expand(["a.tif", "a.tif"], TRANSPORT, ())
    with pytest.raises(OptionError, match="empty list"):
        expand([], TRANSPORT, ())


def test_escapes_in_urls_are_kept(tmp_path: Path) -> None:
    folder = tmp_path / "https" / "a.org" / " data"
    filled(folder, "s [1].tif", "s [2].tif", "x.txt")
    mirrored = Transport(mirrors=Mirrors(roots=(str(tmp_path),)))
    base = "https://a.org/%20data/"
    expected = (base + "s%20%5B1%5D.tif", base + "s%20%5B2%5D.tif")
    assert expand(base, mirrored, (".tif",)) == expected
    assert expand(base.rstrip("/"), mirrored, (".tif",)) == expected
    assert expand(base + "s%20%5B*.tif", mirrored, (".tif",)) == expected
    assert all(mirrored.exists(str(url)) for url in expected)


def test_ranges_of_a_real_local_name_are_literal(tmp_path: Path) -> None:
    """The file that is there was meant; the folder too, and a range in it is one."""
    folder = filled(tmp_path / "x{1..2}", "{1..3}.tif", "s1.tif", "s2.tif")
    assert tails(expand(f"{folder}/{{1..3}}.tif", TRANSPORT, ())) == ["{1..3}.tif"]
    ranged = expand(f"{folder}/s{{1..2}}.tif", TRANSPORT, ())
    assert tails(ranged) == ["s1.tif", "s2.tif"]
    assert tails(expand(f"{folder}/s?.tif", TRANSPORT, ())) == ["s1.tif", "s2.tif"]
    url = (tmp_path / "x{1..2}").as_uri()
    assert tails(expand(f"{url}/%7B1..3%7D.tif", TRANSPORT, ())) == ["%7B1..3%7D.tif"]
    ranged = expand(f"{folder}/{{1..4}}.tif", TRANSPORT, ())
    assert tails(ranged) == ["1.tif", "2.tif", "3.tif", "4.tif"]


def test_brackets_of_a_real_local_name_are_literal(tmp_path: Path) -> None:
    folder = filled(tmp_path / "[raw]", "s[1].tif", "s1.tif", "s2.tif")
    assert tails(expand(f"{folder}/s[1].tif", TRANSPORT, ())) == ["s[1].tif"]
    assert tails(expand(f"{folder}/s[12].tif", TRANSPORT, ())) == ["s1.tif", "s2.tif"]
    url = (tmp_path / "[raw]").as_uri()
    assert tails(expand(f"{url}/s?.tif", TRANSPORT, ())) == ["s1.tif", "s2.tif"]


def test_what_fits_nothing_says_what_is_there(tmp_path: Path) -> None:
    folder = filled(tmp_path, "notes.txt")
    with pytest.raises(NotFoundError, match=r"among the 1 in.*\.dm3.*has notes.txt"):
        expand(folder, TRANSPORT, DM)
    with pytest.raises(NotFoundError, match=r"expected s\*.tif"):
        expand(f"{folder}/s*.tif", TRANSPORT, ())
    with pytest.raises(OptionError, match="in the file name only"):
        expand(f"{folder}/*/s*.tif", TRANSPORT, ())
    with pytest.raises(EmcatalogError, match="nothing at"):
        expand(f"{folder}/none/s*.tif", TRANSPORT, ())


@given(st.sets(st.integers(0, 10**6), min_size=1, max_size=40), st.integers(0, 7))
def test_any_numbers_come_in_order(
    tmp_path_factory: pytest.TempPathFactory, numbers: set[int], width: int
) -> None:
    folder = tmp_path_factory.mktemp("series")
    ordered = sorted(numbers)
    run = range(ordered[0], ordered[0] + len(ordered))
    filled(folder, *(f"a_{n:0{width}d}_b.tif" for n in run))
    found = expand(str(folder), TRANSPORT, (".tif",))
    assert tails(found) == [f"a_{n:0{width}d}_b.tif" for n in run]


def test_the_section_that_differs_is_named() -> None:
    ensure_alike([])
    rows = [("a", {"shape": (1, 2)}), ("b", {"shape": (1, 2)}), ("c", {"shape": 3})]
    with pytest.raises(
        FormatError, match=r"c: got shape 3; expected \(1, 2\), as in a"
    ):
        ensure_alike(rows)


def test_the_file_that_orders_nothing_is_named(tmp_path: Path) -> None:
    """Each of these would be another volume if it were taken without a word."""
    cases = {
        "previews": (("s_1.tif", "s_1.TIFF", "s_2.tif"), r"both s_1.TIFF and s_1.tif"),
        "case": (("s_1.tif", "S_1.tif"), r"both S_1.tif and s_1.tif.*one file"),
        "copies": (("s_1.tif", "s_1 (1).tif"), r"both s_1 \(1\).tif and s_1.tif"),
        "no numbers": (("a.tif", "b.tif"), r"both a.tif and b.tif.*as a list"),
        "one more": (("s_1.tif", "s_2.tif", "sum.tif"), r"both s_1.tif and sum.tif"),
        "other digits": (("s_1.tif", "s_\u0662.tif"), "both s_1.tif and s_\u0662.tif"),
        "long": (("s_1.tif", f"s_{'9' * 99}.tif"), r"no s_2.tif and [0-9]+ more"),
        "both vary": (("t1_s1.tif", "t2_s2.tif"), r"differ in 2 numbers"),
        "sides": (("z-1.tif", "z1.tif"), r"both z-1.tif and z1.tif"),
        "negative": (
            ("z=-1.tif", "z=-2.tif"),
            r"to be negative, such as z=-1.tif",
        ),
        "minus first": (("-1.tif", "-2.tif"), r"seem to be negative"),
        "minus after _": (("z_-1.tif", "z_-2.tif"), r"seem to be negative"),
        "decimals": (("z0.1.tif", "z0.02.tif"), r"seem to be decimals, such as z0.02"),
        "commas": (("z0,1.tif", "z0,02.tif"), r"seem to be decimals.*a range such as"),
        "metres": (("z=0.05um.tif", "z=0.10um.tif"), r"no z=0.06um.tif and 3 more"),
        "whole parts": (("z=0.9.tif", "z=1.0.tif"), r"differ in 2 numbers"),
    }
    for name, (files, letter) in cases.items():
        folder = filled(tmp_path / name, *files)
        with pytest.raises(EmcatalogError, match=letter) as caught:
            expand(folder, TRANSPORT, (".tif", ".tiff"))
        assert folder in caught.value.entry
        assert "as a list: urlpath: [first, second, ...]" in caught.value.hint


def test_numbers_that_count_are_ordered_whatever_is_around_them(tmp_path: Path) -> None:
    cases = {
        "dash": [f"slice-{n}.tif" for n in (9, 10, 11)],
        "dash behind a number": [f"run2-{n:03}.tif" for n in (0, 1, 2)],
        "point": [f"img.{n:04}.tif" for n in (99, 100, 101)],
        "decimals of one length": [f"z0.{n}.tif" for n in (1, 2, 3)],
        "two runs": [f"mag_2_slice_{n:03}.tif" for n in (3, 4, 5)],
        "the other run": [f"slice_{n}_mag_2.tif" for n in (9, 10, 11)],
        "cases": ["S_1.TIF", "s_2.tif", "S_3.tiff"],
        "widths": ["s_08.tif", "s_9.tif", "s_010.tif"],
        "more digits than any number": [f"{'7' * 120}_{n}.tif" for n in (1, 2)],
        "large": [f"s{10**40 + n}.tif" for n in (0, 1, 2)],
        "no name": ["a.tif"],
        "one of many": ["mag_2_slice_003.tif"],
    }
    for name, files in cases.items():
        folder = filled(
            tmp_path / name, *files, ".DS_Store", "._s_1.tif", "Thumbs.db", "s_1.txt"
        )
        (Path(folder) / "s_77.tif").mkdir()
        assert tails(expand(folder, TRANSPORT, (".tif", ".tiff"))) == files


def test_digits_that_python_would_not_convert_are_letters(tmp_path: Path) -> None:
    """Names in a listing over HTTP may be longer than those on a disk."""

    class Listing(Transport):
        def names(self, url: str) -> tuple[str, ...]:
            return tuple(f"{'9' * 5000}_{n}.tif" for n in (2, 1, 3))

    found = expand("https://a.org/x/", Listing(mirrors=Mirrors()), (".tif",))
    assert [name.removesuffix(".tif")[-1] for name in tails(found) if name] == [*"123"]


def test_gaps_are_not_offered_where_they_would_be_refused(tmp_path: Path) -> None:
    folder = filled(tmp_path, "s1.tif", f"s{10**9}.tif")
    with pytest.raises(FormatError) as caught:
        expand(folder, TRANSPORT, (".tif",), gaps="absent")
    assert "absent" not in caught.value.hint
    assert "as a list" in caught.value.hint


def test_a_pattern_that_takes_other_files_too_is_refused(tmp_path: Path) -> None:
    folder = filled(tmp_path, "s1.tif", "s2.tif", "Thumbs.db")
    with pytest.raises(OptionError, match=r"both Thumbs.db and s1.tif.*a pattern"):
        expand(f"{folder}/*", TRANSPORT, (".tif",))
    assert len(expand(f"{folder}/s*", TRANSPORT, (".tif",))) == 2


def test_an_order_given_by_hand_is_kept() -> None:
    backwards = [f"s_{n}.tif" for n in (3, 2, 1)]
    assert expand(backwards, TRANSPORT, ()) == tuple(backwards)
    assert expand("s_{3..1}.tif", TRANSPORT, ()) == tuple(backwards)
    strange = ["z=-2.tif", "z=-0.5.tif", "z0.25.tif", "no number.tif"]
    assert expand(strange, TRANSPORT, ()) == tuple(strange)


WORDS = st.text("aZ_-+.,= \u0661\u00df", max_size=4)
NUMBERS = st.one_of(st.integers(0, 12).map(str), st.text("0123456789", max_size=3))


@given(st.sets(st.tuples(WORDS, NUMBERS, WORDS, NUMBERS).map("".join), max_size=8))
def test_no_file_is_left_out_doubled_or_moved(names: set[str]) -> None:
    """Whatever the names are: all of them by their numbers, or a letter."""
    files = {f"{name}.tif" for name in names if name[:1] not in ("", ".")}

    class Listing(Transport):
        def names(self, url: str) -> tuple[str, ...]:
            return tuple(files)

    for gaps in ("error", "absent"):
        try:
            found = expand("s3://a/b/", Listing(mirrors=Mirrors()), (".tif",), gaps)
        except EmcatalogError as error:
            assert error.entry  # noqa: PT017
            continue
        taken = [name for name in tails(found) if name]
        assert sorted(taken) == sorted(files)
        assert gaps == "absent" or None not in found
        runs = [re.findall("[0-9]+", name) for name in taken]
        for column in zip(*runs, strict=True):
            numbers = [int(n) for n in column]
            assert numbers == sorted(numbers)
            if len(set(numbers)) > 1:  # each section at its own place
                places = [z for z, name in enumerate(found) if name]
                assert [n - numbers[0] for n in numbers] == places


@given(st.sets(st.integers(0, 60), min_size=2, max_size=30), st.integers(0, 4))
def test_lost_sections_are_named_or_absent(
    tmp_path_factory: pytest.TempPathFactory, numbers: set[int], width: int
) -> None:
    folder = filled(
        tmp_path_factory.mktemp("gaps"), *(f"s{n:0{width}}_a.tif" for n in numbers)
    )
    run = range(min(numbers), max(numbers) + 1)
    lost = [n for n in run if n not in numbers]
    agreed = expand(folder, TRANSPORT, (".tif",), gaps="absent")
    assert [name is None for name in agreed] == [n in lost for n in run]
    assert len(absent(agreed)) == bool(lost)
    if lost:
        with pytest.raises(FormatError, match=rf"no s0*{lost[0]}_a.tif") as caught:
            expand(folder, TRANSPORT, (".tif",))
        assert 'gaps="absent"' in caught.value.hint
    else:
        assert expand(folder, TRANSPORT, (".tif",)) == agreed


def write(path: Path, driver: str, side: int = 4) -> None:
    values = np.full((side, side), 7, np.uint8)
    if driver == "dm3":
        path.write_bytes(dm_writer.encode(dm_writer.document(dm_writer.image(values))))
    elif driver == "tiff":
        tifffile.imwrite(path, values)
    else:
        Image.fromarray(values).save(path)


DRIVERS = {"dm3": "dm3", "tiff": "tif", "images": "png"}


@pytest.mark.parametrize("driver", DRIVERS)
def test_drivers_refuse_the_section_that_does_not_fit(
    tmp_path: Path, driver: str
) -> None:
    ending = DRIVERS[driver]

    def shape() -> tuple[int, ...]:
        return registry.driver(driver)(str(tmp_path), voxel_size_nm=5).read().shape

    for n in range(5):
        write(tmp_path / f"s{n}.{ending}", driver)
    assert shape() == (5, 4, 4)
    third = tmp_path / f"s3.{ending}"
    whole = third.read_bytes()
    write(third, driver, side=5)
    spoiled = {
        "size": third.read_bytes(),
        "empty": b"",
        "cut": whole[: len(whole) // 2],
    }
    for data in (*spoiled.values(), b"<html>", b"\0" * 99):
        third.write_bytes(data)
        with pytest.raises(EmcatalogError, match=rf"s3\.{ending}"):
            shape()
    third.unlink()
    with pytest.raises(FormatError, match=rf"no s3\.{ending}.*gaps=\"absent\""):
        shape()
    for n in (0, 1, 2):
        (tmp_path / f"s{n}.{ending}").unlink()
    assert shape() == (1, 4, 4)

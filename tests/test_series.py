"""Which files are the sections of a volume, in which order, and which are missing."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emcatalog.errors import EmcatalogError, FormatError, NotFoundError, OptionError
from emcatalog.mirror import Mirrors
from emcatalog.series import ensure_alike, expand
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

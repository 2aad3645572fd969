"""Random numbers without state: pure, exact, and of known bits."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections import Counter as Tally

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emcatalog.blocks import Counter, Draws, Permutation
from emcatalog.blocks.counter import WORD, key, whole
from emcatalog.errors import OptionError

WORDS = st.integers(0, WORD - 1)


def drawn(counter: Counter, stream: str = "test", count: int = 4) -> list[int]:
    draws = counter.draws(stream)
    return [draws.word() for _ in range(count)]


@given(WORDS, WORDS, WORDS, st.integers(0, 40))
def test_numbers_are_a_pure_function(s: int, e: int, i: int, a: int) -> None:
    assert drawn(Counter(s, e, i, a)) == drawn(Counter(s, e, i, a))


def test_every_part_of_a_counter_counts() -> None:
    parts = itertools.product((0, 1, 2**63), (0, 1, 7), (0, 1, 2**40), (0, 1))
    found = [tuple(drawn(Counter(*part), s)) for part in parts for s in ("a", "b")]
    assert len(set(found)) == len(found) == 108
    words = [word for each in found for word in each]
    assert len(set(words)) == len(words)


def test_the_words_are_those_of_philox_by_its_definition() -> None:
    seed, epoch, index = 3, 5, 2**40 + 1
    expected: list[int] = []
    for block in (1, 2):  # NumPy counts before it draws
        words = [block, 0, epoch, index]
        expected += philox(words, [int(word) for word in key(seed, "test")])
    assert drawn(Counter(seed, epoch, index), count=8) == expected


def philox(c: list[int], k: list[int]) -> list[int]:
    """Philox 4x64-10 as Salmon et al. (2011) define it."""
    for _ in range(10):
        high0, low0 = divmod(0xD2E7470EE14C6C93 * c[0], WORD)
        high1, low1 = divmod(0xCA5A826395121157 * c[2], WORD)
        c = [high1 ^ c[1] ^ k[0], low1, high0 ^ c[3] ^ k[1], low0]
        k = [(k[0] + 0x9E3779B97F4A7C15) % WORD, (k[1] + 0xBB67AE8584CAA73B) % WORD]
    return c


def test_no_number_changes_from_version_to_version() -> None:
    expected = [16865217462246820808, 5725554646750433153]
    assert drawn(Counter(0, 0, 0), "place", 2) == expected
    assert Counter(1, 2, 3).draws("place").below(10**6) == 743512
    assert [Permutation(10, 4, 5)[i] for i in range(10)] == [
        2,
        5,
        6,
        9,
        4,
        3,
        7,
        0,
        8,
        1,
    ]


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8, 100, 255, 256])
def test_each_number_below_has_as_many_words(count: int) -> None:
    width = (count - 1).bit_length()
    tally: Tally[int] = Tally()
    for top in range(2**width):
        words = iter([top << (64 - width), 0])
        tally[Draws(lambda words=words: next(words)).below(count)] += 1
    rejected = 2**width - count
    assert tally.pop(0) == 1 + rejected  # those that are drawn again got a 0
    assert set(tally.values()) <= {1}
    assert len(tally) == count - 1


@given(st.integers(1, 2**80), WORDS)
def test_numbers_stay_below(count: int, index: int) -> None:
    assert 0 <= Counter(0, 0, index).draws("x").below(count) < count


@given(WORDS)
def test_floats_have_53_bits(word: int) -> None:
    unit = Draws(lambda: word).unit()
    assert 0 <= unit < 1
    assert unit == (word >> 11) / 2**53
    assert 2 <= Draws(lambda: word).between(2, 3) <= 3


def test_nothing_global_is_touched() -> None:
    np.random.seed(1)
    before = np.random.get_state()[1].tolist()
    Counter(0, 0, 0).draws("x").unit()
    assert np.random.get_state()[1].tolist() == before


def test_words_are_the_same_in_another_process() -> None:
    code = "from emcatalog.blocks import Counter as C, Permutation as P;"
    code += "print(C(9, 8, 7, 6).draws('x').below(10**30), P(10**12, 3, 4)[5])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    here = Counter(9, 8, 7, 6).draws("x").below(10**30), Permutation(10**12, 3, 4)[5]
    assert done.stdout.split() == [str(part) for part in here]


@given(st.integers(1, 300), WORDS, st.integers(0, 5))
def test_permutations_meet_each_number_once(count: int, seed: int, epoch: int) -> None:
    order = Permutation(count, seed, epoch)
    assert sorted(order[i] for i in range(count)) == list(range(count))


@given(st.integers(1, 2**62), st.data())
def test_large_permutations_keep_numbers_apart(count: int, data: st.DataObject) -> None:
    places = st.lists(st.integers(0, count - 1), min_size=1, max_size=20, unique=True)
    wanted = data.draw(places)
    found = {Permutation(count, 1)[i] for i in wanted}
    assert len(found) == len(wanted)
    assert all(0 <= value < count for value in found)


def test_orders_differ_and_favour_no_place() -> None:
    """Chi-square of where the first number goes, over seeds: 6 places, 5 degrees."""
    for count in (2, 3, 6):
        tally = Tally(Permutation(count, seed)[0] for seed in range(6000))
        expected = 6000 / count
        chi = sum((tally[i] - expected) ** 2 / expected for i in range(count))
        assert chi < 20.5  # 0.1 % of 5 degrees of freedom
    orders = {tuple(Permutation(4, seed)[i] for i in range(4)) for seed in range(999)}
    assert len(orders) == 24


def test_a_permutation_ends() -> None:
    with pytest.raises(IndexError):
        Permutation(3)[3]
    assert Permutation(3)[-1] == Permutation(3)[2]


@pytest.mark.parametrize("value", [-1, 1.0, "1", None, True, 2**64])
def test_what_is_no_count_is_refused(value: object) -> None:
    with pytest.raises(OptionError, match=r"seed=.*expected a whole number"):
        whole(value, "seed")
    assert whole(np.int64(3), "seed") == 3

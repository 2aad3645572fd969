"""Inputs that once broke a law keep it now; a short campaign finds no others."""

from __future__ import annotations

import os
import random
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.fuzz.campaign import MEMORY_LIMIT
from benchmarks.fuzz.laws import Verdict, judge
from benchmarks.fuzz.mutation import Mutator
from benchmarks.fuzz.target import Target, targets
from bounded import MIB, measured

CORPUS = Path(__file__).resolve().parent / "fuzz_corpus"
KEPT = sorted(p for p in CORPUS.glob("*/*") if p.is_file())
TARGETS = targets()
RUNS = 250


@pytest.fixture(autouse=True)
def _limited(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("EMCATALOG_MEMORY_LIMIT", MEMORY_LIMIT)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        yield


def _held(target: Target, data: bytes) -> Verdict:
    verdict = judge(target, data, twice=True)
    # the time and memory of a test run are not those of a campaign
    assert verdict.broken in ("", "slow", "memory"), verdict.detail
    return verdict


@pytest.mark.parametrize("place", KEPT, ids=lambda p: f"{p.parent.name}/{p.name}")
def test_what_once_failed(place: Path) -> None:
    assert place.stat().st_size < 4096
    if place.name.startswith(("crash", "hang", "memory")):
        # in a process of its own, which may end
        outcome = measured(tried, place)
        assert outcome.kind == "str", outcome
        assert outcome.peak < 256 * MIB
        assert outcome.text == "''"
    else:
        assert tried(place) == ""


def tried(place: Path) -> str:
    """Which law an input breaks; empty if none."""
    verdict = judge(TARGETS[place.parent.name], place.read_bytes(), twice=True)
    return verdict.broken and f"{verdict.broken}: {verdict.detail}"


@pytest.mark.parametrize("name", TARGETS)
def test_a_short_campaign(name: str) -> None:
    target = TARGETS[name]
    dice = random.Random(os.environ.get("EMCATALOG_FUZZ_SEED", "0"))
    seeds = [seed for seed in target.seeds(False) if seed]
    change = Mutator(dice, target.form, target.words, target.longest)
    outcomes = {_held(target, seed).outcome for seed in seeds}
    # every target has a seed that is read: what is never accepted tests little
    assert any(outcome.startswith("read") for outcome in outcomes)
    for _ in range(RUNS):
        verdict = _held(target, change(dice.choice(seeds), dice.choice(seeds)))
        outcomes.add(verdict.outcome)
    assert len(outcomes) > 1


def test_the_laws_are_kept_by_a_judge() -> None:
    """A parser that breaks each law is caught."""

    def check(data: bytes) -> str:
        if data == b"key":
            raise KeyError("foreign")
        from emcatalog.errors import FormatError

        got = "" if data == b"empty" else "a thing"
        raise FormatError(got=got, expected="another" if data != b"bare" else "")

    target = Target("t", "", "bytes", lambda real: [], check)
    assert "KeyError in " in judge(target, b"key").broken
    assert judge(target, b"fine").broken == ""
    assert "without got" in judge(target, b"empty").broken
    assert "without got" in judge(target, b"bare").broken

"""The coverage-guided engine: atheris (libFuzzer), if it is installed."""

from __future__ import annotations

import contextlib
import io
import os
import random
import re
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.fuzz.campaign import Note, Order, Tell, Trial
from benchmarks.fuzz.mutation import Mutator

WATCHED = (
    "emcatalog", "emcatalog_dm3", "emcatalog_idr", "emcatalog_images", "emcatalog_ngff",
    "emcatalog_precomputed", "emcatalog_tiff",
)  # fmt: skip
OURS = 0.5
"""Share of changes that our own mutator makes; libFuzzer makes the others."""


def guide(order: Order, note: Note, tell: Tell) -> None:
    """Run an order under libFuzzer; ``tell`` gets the tally now and then."""
    import atheris

    unheard = contextlib.redirect_stderr(io.StringIO())  # it names each module
    with unheard, atheris.instrument_imports(include=list(WATCHED)):
        trial = Trial(order, note)
    target, dice = trial.target, random.Random(order.seed)  # noqa: S311
    change = Mutator(dice, target.form, target.words, target.longest)

    def mutated(data: bytes, most: int, seed: int) -> bytes:
        dice.seed(seed)
        if dice.random() > OURS:
            return bytes(atheris.Mutate(data, most))
        return change(bytes(data), dice.choice(trial.seeds))[:most]

    told = [time.monotonic()]
    with tempfile.TemporaryDirectory() as place, _quiet(Path(place) / "log") as log:

        def test(data: bytes) -> None:
            trial(data)
            tally = trial.tally
            ended = tally.runs >= order.runs or tally.seconds > order.seconds
            if ended or time.monotonic() - told[0] > 1:
                told[0] = time.monotonic()
                tally.coverage = _coverage(log)
                tell(tally)
            if ended:  # libFuzzer itself would end without a word
                os._exit(0)

        corpus = Path(place) / "corpus"
        corpus.mkdir()
        for n, data in enumerate(trial.seeds):
            (corpus / str(n)).write_bytes(data)
        flags = [
            f"-seed={order.seed + 1}",
            f"-max_len={target.longest}",
            "-len_control=0",
        ]
        limits = ["-len_control=0", "-rss_limit_mb=0", "-timeout=600"]
        arguments = [sys.argv[0], *flags, *limits, str(corpus)]
        atheris.Setup(arguments, test, custom_mutator=mutated)
        atheris.Fuzz()


class _quiet:  # noqa: N801 - a context manager
    """What libFuzzer prints goes into a file."""

    def __init__(self, log: Path) -> None:
        self._log = log

    def __enter__(self) -> Path:
        out = os.open(self._log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(out, 2)
        return self._log

    def __exit__(self, *_: object) -> None:
        return None


def _coverage(log: Path) -> int:
    """Edges that libFuzzer counts in what is watched."""
    found = re.findall(r"cov: (\d+)", log.read_text("utf-8", "replace")[-4000:])
    return int(found[-1]) if found else 0

"""What is fuzzed: a parser, inputs to begin with, and how an input is tried."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

HOMES = ("files", "stores", "chunks", "omero", "servers", "texts")
"""Modules of this package that have TARGETS; imported only where they are run, for a
guided engine must have been told before what to watch."""


@dataclass(frozen=True)
class Target:
    """One parser.

    ``seeds`` gives valid inputs; with True also those of the sample, and of the folder
    of real files if there is one. ``check`` tries one input: it returns what came of
    it, or raises what the parser raised. ``form`` and ``words`` are for the mutator.
    ``headroom`` are bytes of address space beyond those of the imported libraries.
    """

    name: str
    about: str
    form: str
    seeds: Callable[[bool], Sequence[bytes]]
    check: Callable[[bytes], str]
    words: tuple[bytes, ...] = ()
    longest: int = 1 << 16
    headroom: int = 1 << 30


def targets() -> dict[str, Target]:
    """All targets whose parsers are installed, by name."""
    found: dict[str, Target] = {}
    for home in HOMES:
        module = importlib.import_module(f"benchmarks.fuzz.{home}")
        found |= {target.name: target for target in module.TARGETS}
    return found

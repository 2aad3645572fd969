"""Items through the drivers: an error that asks for a choice is given every one."""

from __future__ import annotations

import importlib
import inspect
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.real_files.findings import Item
from benchmarks.real_files.stack import Options, Stack
from emcatalog.driver import VolumeSource
from emcatalog.driver.registry import driver
from emcatalog.errors import EmcatalogError, OptionError

MOST_CHOICES = 64
ABSURD = 10**6
"""A number that no channel or image has."""

ALONGSIDE = ("time", "channel")
"""Options whose choices are axes of one array; those of all others are images."""


def source_class(name: str) -> type[VolumeSource]:
    """The driver ``name``, or the class at ``module:Class``."""
    module, colon, member = name.partition(":")
    if not colon:
        return driver(name)
    kind: type[VolumeSource] = getattr(importlib.import_module(module), member)
    return kind


def stacks(item: Item) -> Iterator[Stack | EmcatalogError]:
    """Every level of every image of ``item``; for an image that is refused, the error.

    Raises the driver's error if the item as a whole is refused.
    """
    dialogue = Dialogue(source_class(item.driver), item)
    options, asked = dialogue.negotiated({})
    yield from dialogue.levels(options, asked)
    for name, default in dialogue.choices.items():
        several = name in asked or default is int or name == "series"
        if several and name not in ALONGSIDE:
            yield from dialogue.others(options, name)


@dataclass(frozen=True)
class Dialogue:
    """Opens one item with a driver, and answers what its errors ask for."""

    kind: type[VolumeSource]
    item: Item

    @property
    def choices(self) -> dict[str, type | None]:
        """Options that choose by number; int if the driver takes 0 unasked."""
        found: dict[str, type | None] = {}
        for name, parameter in self._parameters.items():
            hint = str(parameter.annotation)
            if "int" in hint and "list" not in hint:
                found[name] = int if isinstance(parameter.default, int) else None
        return found

    @property
    def _parameters(self) -> dict[str, inspect.Parameter]:
        return dict(inspect.signature(self.kind.open_pyramid).parameters)

    def open(self, options: Options) -> VolumeSource:
        """The source, opened."""
        source = self.kind(self.item.urlpath, **options)
        _ = source.pyramid
        return source

    def refusal(self, options: Options) -> EmcatalogError | None:
        """The error with which opening ends, if it does."""
        try:
            self.open(options)
        except EmcatalogError as error:
            return error
        return None

    def negotiated(self, options: Options) -> tuple[Options, set[str]]:
        """Options that open the item, and the names of those that it asked for.

        Raises the driver's error where no answer helps.
        """
        asked: set[str] = set()
        letters = self._letters
        if self.item.kind == "Zarr" and letters and "axes" in self._parameters:
            options = {"axes": letters, **options}
        for _ in range(8):
            error = self.refusal(options)
            if error is None:
                return options, asked
            answer = self._answer(error, options)
            if not answer:
                raise error
            asked |= set(answer)
            options = options | answer
        return options, asked

    @property
    def _letters(self) -> str:
        """The stored axes, slowest first, if they are all known and different."""
        letters = self.item.stored.letters
        if "q" in letters or len(set(letters)) < len(letters):
            return ""
        return letters[::-1] if self.item.kind == "N5" else letters

    def _answer(self, error: EmcatalogError, options: Options) -> Options:
        """The first option that the hint of an error names, with a fitting value."""
        for name in re.findall(r"\b([a-z_]+)=", error.hint):
            if name not in self._parameters or name in options:
                continue
            if name == "voxel_size_nm":
                return {name: 1.0}
            if name == "axes" and self._letters:
                return {name: self._letters}
            if name in self.choices:
                return {name: self._first(options, name)}
        return {}

    def _first(self, options: Options, name: str) -> int:
        """The first number that is taken: the images of DM files begin at any."""
        for value in range(16):
            if not isinstance(self.refusal(options | {name: value}), OptionError):
                return value
        return 0

    def _is_minded(self, options: Options, name: str) -> bool:
        """Whether it matters what ``name`` is: without such an axis it may not."""
        return self.refusal(options | {name: ABSURD}) is not None

    def others(self, options: Options, name: str) -> Iterator[Stack | EmcatalogError]:
        """The further images: ``name`` counted up until there is no such choice."""
        if not self._is_minded(options, name):
            return
        begin = options.get(name, 0) + 1
        for value in range(begin, begin + MOST_CHOICES):
            try:
                chosen, asked = self.negotiated({name: value})
                yield from self.levels(chosen, asked)
            except EmcatalogError as error:
                if isinstance(error, OptionError) or f"{name}={value}" in error.got:
                    return
                yield error

    def levels(self, options: Options, asked: set[str]) -> Iterator[Stack]:
        """The levels of one image, with all its channels and times."""
        choices = self.choices
        wanted = [
            n for n in ALONGSIDE if n in choices and (n in asked or choices[n] is int)
        ]
        counts = [range(self._count(options, name)) for name in wanted]
        sources = {}
        for numbers in itertools.product(*counts):
            more = dict(zip(wanted, numbers, strict=True))
            place = more.get("time", 0), more.get("channel", 0)
            sources[place] = self.open(options | more if any(numbers) else options)
        first = sources[0, 0].pyramid
        for level in range(len(first.levels)):
            volumes = {p: s.pyramid.levels[level] for p, s in sources.items()}
            yield Stack(volumes, first.record, options, level)

    def _count(self, options: Options, name: str) -> int:
        """How many channels or times there are: as many as can be opened."""
        if not self._is_minded(options, name):
            return 1
        for value in range(1, MOST_CHOICES):
            if isinstance(self.refusal(options | {name: value}), OptionError):
                return value
        return MOST_CHOICES

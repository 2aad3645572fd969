"""The laws that hold for every input, whatever is in it.

1. Nothing comes out but an answer or an `EmcatalogError`.
2. The processor time of one input is bounded.
3. Memory is bounded by the length of the input and a constant.
4. No warning leaks (warnings are made errors while fuzzing).
5. A message is one letter: got and expected, of bounded length, without characters
   that wreck a terminal.
6. The same input twice gives equal voxels, or errors of one class.
"""

from __future__ import annotations

import re
import resource
import time
import traceback
from dataclasses import dataclass
from pathlib import Path

from benchmarks.fuzz.target import Target
from emcatalog.cache import page_cache
from emcatalog.errors import EmcatalogError

SECONDS = 2.0
MEMORY = 64 * 2**20
GROWTH = 64
"""An input may take `MEMORY` and so many bytes for each of its own."""

MESSAGE = 4000
ROOMS = ("emcatalog", "plugins", "benchmarks")


@dataclass(frozen=True)
class Verdict:
    """What came of an input: ``outcome`` of a kind; ``broken`` is the law's failure.

    ``broken`` names the kind of exception and the function of ours that let it out, so
    that one fault has one name. ``detail`` is the traceback or the message.
    """

    outcome: str
    broken: str = ""
    detail: str = ""


def judge(target: Target, data: bytes, *, twice: bool = False) -> Verdict:
    """Try one input, and tell whether a law was broken."""
    begun, peak = time.process_time(), _peak()
    verdict = _tried(target, data)
    took, grown = time.process_time() - begun, _peak() - peak
    if verdict.broken:
        return verdict
    if took > SECONDS:
        return Verdict(verdict.outcome, "slow", f"{took:.1f} s of processor time")
    if grown > MEMORY + GROWTH * len(data):
        return Verdict(verdict.outcome, "memory", f"{grown} bytes more than before")
    if twice and not _alike(again := _tried(target, data), verdict):
        return Verdict(verdict.outcome, "luck", f"{verdict} and then {again}")
    return verdict


def _alike(one: Verdict, other: Verdict) -> bool:
    """Equal voxels, or errors of one class: of two broken chunks either may be told."""
    if one.outcome.startswith("read"):
        return one == other
    return one.outcome.partition(":")[0] == other.outcome.partition(":")[0]


def _tried(target: Target, data: bytes) -> Verdict:
    page_cache().clear()  # each input is another content of the same files
    try:
        text = target.check(data)
        return Verdict(f"read {text.partition(';')[0]}", detail=text)
    except EmcatalogError as error:
        text = str(error)
        outcome = f"{type(error).__name__}: {_skeleton(error.got)}"
        return Verdict(outcome, _ill_written(error, text), text[:MESSAGE])
    except Exception as error:  # noqa: BLE001 - any kind is a failure
        name = type(error).__name__
        detail = "".join(traceback.format_exception(error))
        return Verdict(name, f"{name} in {_place(error)}", detail[-MESSAGE:])


def _ill_written(error: EmcatalogError, text: str) -> str:
    """Which rule of messages is broken; empty if none."""
    kind = type(error).__name__
    if not (error.got and (error.expected or error.hint)):
        return f"{kind} without got or expected in {_place(error)}"
    if len(text) > MESSAGE:
        return f"{kind} of a long message in {_place(error)}"
    if any(c != "\n" and (ord(c) < 32 or 127 <= ord(c) < 160) for c in text):
        return f"{kind} with control characters in {_place(error)}"
    try:
        text.encode()
    except UnicodeEncodeError:
        return f"{kind} that cannot be printed in {_place(error)}"
    return ""


def _place(error: BaseException) -> str:
    """The innermost function of ours that the exception came through."""
    found = "?"
    for frame in traceback.extract_tb(error.__traceback__):
        parts = Path(frame.filename).parts
        ours = next((i for i, part in enumerate(parts) if part in ROOMS), None)
        if ours is not None and "site-packages" not in parts:
            path = "/".join(parts[ours:])
            found = f"{path.removeprefix('plugins/')}:{frame.name}"
    return found


def _skeleton(text: str) -> str:
    """A message without what differs from input to input."""
    plain = re.sub(r"'[^']*'|\"[^\"]*\"|b'.*|[\[({].*", "~", text)
    return re.sub(r"[^a-zA-Z ]+", "#", plain)[:60]


def _peak() -> int:
    # the high-water mark of the process: kilobytes on Linux
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

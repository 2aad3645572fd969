"""Every error that emcatalog raises: which entry, what was got, expected, to try.

Each class also derives from the built-in exception that a caller would expect (a
label outside the volume is a ``KeyError``), so code that knows nothing of emcatalog
handles them rightly.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable
from typing import Self


class EmcatalogError(Exception):
    """What went wrong, as a letter to one reader.

    ``entry`` names the catalog entry and the URL, ``got`` what was found, ``expected``
    what was needed and ``hint`` what to try. ``entry`` may be filled in later, by the
    layers that know it (see `about`).

    >>> str(EmcatalogError(entry="dataset4", got="level 12", expected="a level 0 to 8",
    ...                    hint="emcatalog show dataset4 lists them"))
    'dataset4: got level 12; expected a level 0 to 8. Try: emcatalog show dataset4 lists them'
    """  # noqa: E501 - the message is one line

    # got may come alone: so errors are made anew of their text, by PyTorch for example
    def __init__(
        self, got: str, *, expected: str = "", hint: str = "", entry: str = ""
    ) -> None:
        super().__init__(public(got))
        self.entry, self.got = public(entry), public(got)
        self.expected, self.hint = public(expected), public(hint)

    def __str__(self) -> str:
        text = f"got {readable(self.got)}"
        if self.expected:
            text += f"; expected {readable(self.expected)}"
        if self.entry:
            text = f"{readable(self.entry)}: {text}"
        return f"{text}. Try: {readable(self.hint)}" if self.hint else text

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.entry, self.got, self.expected, self.hint)

    def about(self, entry: str) -> Self:
        """Name the entry, before what a lower layer may have named; returns the error.

        >>> str(EmcatalogError(got="nothing", entry="https://a.org/x").about("mine"))
        'mine: https://a.org/x: got nothing'
        """
        entry = public(entry)
        if not self.entry.startswith(entry):
            self.entry = f"{entry}: {self.entry}" if self.entry else entry
        return self


def public(text: str) -> str:
    """``text`` without user, password and signature of any URL in it.

    >>> public("https://me:secret@a.org/x?X-Amz-Signature=secret&level=1")
    'https://a.org/x?X-Amz-Signature=...&level=1'
    """
    # to the last @ before the path: a password may hold one
    text = re.sub(r"://[^/?#\s]+@", "://", text)
    return SECRET.sub(r"\1...", text)


SECRET = re.compile(
    r"([?&][^=&#\s]*(?:sig|key|token|secret|pass|auth|credential)[^=&#\s]*=)"
    r"[^&#\s\"']+",
    re.IGNORECASE,
)
"""Members of a query that are passwords, or as good as one."""


LONGEST_PART = 900
"""Letters that a part of a message may have; files can hold names of megabytes."""


def readable(text: str, keep: str = "\n") -> str:
    r"""``text`` fit for a terminal: of bounded length, and `printable`.

    >>> readable("a name with \x1b[2J in it")
    'a name with \\x1b[2J in it'
    """
    return _shortened(printable(_shortened(text), keep))


def printable(text: str, keep: str = "\n") -> str:
    r"""``text`` with what is not printed escaped, but for the characters in ``keep``.

    That is what moves the cursor, colours or turns the text round, and broken letters.

    >>> printable("4\xa0nm\x1b[31m\r")
    '4\xa0nm\\x1b[31m\\r'
    """
    if text.isprintable():
        return text
    return "".join(c if _is_harmless(c) or c in keep else ascii(c)[1:-1] for c in text)


def _is_harmless(character: str) -> bool:
    return character.isprintable() or unicodedata.category(character) == "Zs"


def _shortened(text: str) -> str:
    half = LONGEST_PART // 2
    return text if len(text) <= 2 * half else f"{text[:half]} ... {text[-half:]}"


def _rebuild(
    kind: type[EmcatalogError], entry: str, got: str, expected: str, hint: str
) -> EmcatalogError:
    return kind(entry=entry, got=got, expected=expected, hint=hint)


class OptionError(EmcatalogError, ValueError):
    """An option, parameter or URL that does not fit."""


class UnknownNameError(EmcatalogError, KeyError, AttributeError, TypeError):
    """A dataset, option or driver that does not exist; the hint has the nearest.

    It is each of the three errors that Python raises for an unknown name, because a
    name arrives as a key, as an attribute and as a keyword argument.
    """


class LevelError(EmcatalogError, IndexError):
    """A resolution level that the pyramid does not have."""


class LabelError(EmcatalogError, KeyError):
    """A physical position outside the volume."""


class UnitError(EmcatalogError, ValueError):
    """A quantity that is not a length."""


class GeometryError(EmcatalogError, ValueError):
    """A shape, voxel size or region that cannot be."""


class MemoryLimitError(EmcatalogError, MemoryError):
    """A request for more bytes than the memory limit."""


class MissingError(EmcatalogError, LookupError):
    """Voxels that a source does not hold, where only real ones will do."""


class ForkError(EmcatalogError, RuntimeError):
    """A read in a forked child of a process whose engine does not survive forks."""


class ExtraError(EmcatalogError, ImportError):
    """An optional library that is not installed."""


class TransportError(EmcatalogError, OSError):
    """Bytes that could not be had."""


class UnreachableError(TransportError, ConnectionError):
    """A host that does not answer."""


class AccessDeniedError(TransportError, PermissionError):
    """An answer 401 or 403."""


class NotFoundError(TransportError, FileNotFoundError):
    """A URL or path where nothing is."""


class RangeError(TransportError):
    """A server that ignores byte ranges."""


class TruncatedError(TransportError):
    """Fewer bytes than the file or the request should have."""


class ContentError(TransportError):
    """Bytes of another kind than expected, such as HTML in place of an image."""


class FormatError(EmcatalogError, ValueError):
    """A file that is not what its format says, or that we do not read."""


class CorruptError(FormatError):
    """A chunk or page whose bytes do not decode."""


def suggest(name: object, known: Iterable[object]) -> str:
    """Return a hint that names the known spelling nearest to ``name``.

    >>> suggest("levle", ["level", "channel"])
    "did you mean 'level'? known: channel, level"
    """
    # names out of YAML may be numbers
    names = sorted(map(str, known))
    near = difflib.get_close_matches(str(name)[:200], names, n=1, cutoff=0.5)
    guess = f"did you mean {near[0]!r}? " if near else ""
    return f"{guess}known: {', '.join(names) or 'none'}"

"""What a person types to find a volume, taken apart: words and comparisons.

=========================  ====================================================
``mouse hippocamp``        both words; beginnings of four letters or more do
``"serial block face"``    these words, one after the other
``-human``                 not this word
``tissue:retina``          this word in this field
``voxel<10nm``             a comparison; along each axis, if the field has axes
``released>=2024``         dates compare as far as they are given
=========================  ====================================================
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from emcatalog.errors import OptionError

LONGEST = 1000
"""Letters of a query; no person types more."""

_COMPARISON = re.compile(
    r"""(?P<field>[A-Za-z_]\w*)\s*(?P<sign><=|>=|!=|==?|<|>|≤|≥)\s*
        (?P<value>"[^"]*"|[^\s"<>=]+)""",
    re.VERBOSE,
)
_WORD = re.compile(
    r"""(?P<minus>-(?=[\w"]))?((?P<field>[A-Za-z_]\w*):(?!//))?
        ("(?P<phrase>[^"]*)"|(?P<word>[^\s"]+))""",
    re.VERBOSE,
)
_APART = re.compile(
    r"([<>=≤≥]\s*[\d.]+)\s+(?=(?:[nuµμpk]?[mVsA]|mm|Å|[KMGT]?i?B|angstroms?"
    r"|microns?|(?:nano|micro|milli)met(?:er|re)s?)(?:\s|$))"
)
"""A number and its unit that stand apart, as people write them."""

_LOGIC = ("AND", "OR", "NOT")
"""Words of other query languages; here all terms hold, and ``-`` is not."""

_SIGNS = {"==": "=", "≤": "<=", "≥": ">="}


@dataclass(frozen=True)
class Words:
    """Words that stand one after the other; in ``field``, if there is one.

    ``without`` is True for those that must not be there.
    """

    words: tuple[str, ...]
    field: str = ""
    without: bool = False


@dataclass(frozen=True)
class Comparison:
    """``field`` against ``value``, a text as it was typed: ``10nm``, ``2024-01``."""

    field: str
    sign: str
    value: str


Term = Words | Comparison


def parse(text: str) -> tuple[Term, ...]:
    """The terms of a query, each of which has to hold.

    Raises OptionError for an empty query and for what is neither word nor comparison.

    >>> parse('mouse voxel<10nm')
    (Words(words=('mouse',), field='', without=False), \
Comparison(field='voxel', sign='<', value='10nm'))
    """
    if len(text) > LONGEST:
        raise _wrong(f"a query of {len(text)} letters")
    terms = tuple(_terms(text))
    if not terms:
        raise _wrong("an empty query")
    return terms


def words_of(text: str) -> tuple[str, ...]:
    """Words of a text, in lower case.

    >>> words_of("FIB-SEM of the 3View")
    ('fib', 'sem', 'of', 'the', '3view')
    """
    return tuple(re.findall(r"[^\W_]+", text.casefold()))


def _terms(text: str) -> Iterator[Term]:
    place = 0
    # a unit may stand apart from its number, as people write it
    text = _APART.sub(r"\1", text)
    while rest := text[place:].lstrip():
        place = len(text) - len(rest)
        if found := _COMPARISON.match(text, place):
            sign = _SIGNS.get(found["sign"], found["sign"])
            yield Comparison(found["field"], sign, found["value"].strip('"'))
        elif found := _WORD.match(text, place):
            yield _words(found)
        else:
            raise _wrong(f"{rest!r}, a quotation that does not end")
        place = found.end()


def _words(found: re.Match[str]) -> Words:
    said = found["word"] or found["phrase"] or ""
    odd = set(said) & set("<>=≤≥") or said.startswith("!") or found[0] in _LOGIC
    if odd or not words_of(said):
        raise _wrong(repr(found[0]))
    return Words(words_of(said), found["field"] or "", bool(found["minus"]))


def _wrong(got: str) -> OptionError:
    return OptionError(
        got=got,
        expected="words, field:word, and comparisons such as voxel<10nm",
        hint='for instance emcatalog search "FIB-SEM mouse voxel<10nm -tissue:liver"; '
        "all of it has to hold",
    )

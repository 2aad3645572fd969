"""What a record makes of claims about one field: who wins, who disagrees, and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from emcatalog.record.agreement import agree, is_narrower
from emcatalog.record.claim import Claim
from emcatalog.record.fields import FIELDS, Source

NAMES: dict[Source, str] = {
    "file": "the data file", "server": "the data server", "api": "the archive's API",
    "page": "the keeper's web page", "paper": "the paper",
    "catalog": "the author of the catalog", "secondary": "what others wrote",
    "default": "a convention",
}  # fmt: skip
"""The sources in words."""


@dataclass(frozen=True)
class Conflict:
    """Claims about one field that disagree: the winner, the others, and why it won."""

    field: str
    winner: Claim
    losers: tuple[Claim, ...]
    why: str


@dataclass(frozen=True)
class Explanation:
    """All that is known of one field; its text is meant for a reader.

    ``agreeing`` claims say what the winner says, ``losers`` something else, and
    ``doubted`` ones what cannot be. The winner is None if nothing can be believed.
    """

    field: str
    winner: Claim | None
    agreeing: tuple[Claim, ...]
    losers: tuple[Claim, ...]
    doubted: tuple[Claim, ...]
    why: str

    @property
    def conflict(self) -> Conflict | None:
        """The disagreement, if there is one; a convention disagrees with nobody."""
        losers = tuple(claim for claim in self.losers if claim.source != "default")
        if self.winner is None or not losers:
            return None
        return Conflict(self.field, self.winner, losers, self.why)

    def __str__(self) -> str:
        lines = [f"{self.field}: {FIELDS[self.field].meaning}"]
        parts = (
            ("is", (self.winner,) if self.winner else ()), ("also said", self.agreeing),
            ("not", self.losers), ("doubted", self.doubted),
        )  # fmt: skip
        lines += [f"  {word}: {told(claim)}" for word, some in parts for claim in some]
        return "\n".join((*lines, f"  why: {self.why}"))


def judge(field: str, claims: tuple[Claim, ...]) -> Explanation:
    """Weigh the claims about ``field``; those of one source stay in their order."""
    kind = FIELDS[field]
    doubted = tuple(claim for claim in claims if claim.doubt)
    believed = ranked(field, (c for c in claims if not c.doubt))
    if not believed:
        return Explanation(field, None, (), (), doubted, _nothing(doubted))
    winner, *others = believed
    same: list[Claim] = []
    losers: list[Claim] = []
    for claim in others:
        # two that make the winner more precise may still differ from each other
        agrees = all(agree(kind, c.value, claim.value) for c in (winner, *same))
        (same if agrees else losers).append(claim)
    why = _why(winner, tuple(losers))
    return Explanation(field, winner, tuple(same), tuple(losers), doubted, why)


def ranked(field: str, claims: Iterable[Claim]) -> tuple[Claim, ...]:
    """Claims about ``field``, the most trusted first, else in their order.

    Doubted ones are last. Of terms that are trusted as much as the first, one that is
    narrower goes before it.
    """
    kind = FIELDS[field]
    found = sorted(claims, key=lambda c: (bool(c.doubt), kind.trust.index(c.source)))
    first = 0
    for number, claim in enumerate(found):
        as_good = (claim.source, claim.doubt) == (found[0].source, "")
        if as_good and is_narrower(kind, claim.value, found[first].value):
            first = number
    return (*found[first : first + 1], *found[:first], *found[first + 1 :])


def told(claim: Claim) -> str:
    """A claim for a reader: value, unit, who says so, where, when, and the doubt.

    >>> told(Claim("voxel_size_z", 50.0, "file", "SBFSEM", "nm"))
    '50.0 nm (file: SBFSEM)'
    """
    return f"{written(claim)} ({', '.join(filter(None, _evidence(claim)))})"


def written(claim: Claim) -> str:
    """Value and unit of a claim, for a reader."""
    value = claim.value
    text = ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
    return f"{text} {claim.unit}".strip()


def _evidence(claim: Claim) -> Iterator[str]:
    yield f"{claim.source}: {claim.locator}".removesuffix(": ")
    yield claim.time and f"read {claim.time}"
    yield claim.doubt


def _nothing(doubted: tuple[Claim, ...]) -> str:
    return "all that is said is doubted" if doubted else "nobody says anything"


def _why(winner: Claim, losers: tuple[Claim, ...]) -> str:
    """The rule by which ``winner`` won."""
    who = NAMES[winner.source]
    if not losers:
        return f"{who} says so, and no other claim differs"
    kind = "told" if FIELDS[winner.field].told else "measured"
    lower = dict.fromkeys(NAMES[c.source] for c in losers if c.source != winner.source)
    parts = []
    if any(c.source == winner.source for c in losers):
        parts.append(
            f"claims of equal trust differ ({who}): the one read first is taken, which "
            "settles nothing"
        )
    if lower:
        parts.append(
            f"about what is {kind}, {who} is trusted before {' and '.join(lower)}"
        )
    return "; ".join(parts)

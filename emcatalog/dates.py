"""Days as people, cameras and microscopes write them.

Of ``03/04/2018`` nobody can tell whether the day or the month comes first, so every
day that a text may mean is told, and who asks decides by what else is known. Between
dots the day is first, as in the countries that write dates so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

EARLIEST = date(1931, 1, 1)
"""No electron microscope made a picture before."""

LONGEST = 64
"""Characters that a date may have; longer texts are none."""

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov",
           "dec")  # fmt: skip
_YEAR_FIRST = re.compile(r"(?<!\d)(\d{4})([-:/.])(\d{1,2})\2(\d{1,2})(?!\d)")
_YEAR_LAST = re.compile(r"(?<![\d./-])(\d{1,2})([-/.])(\d{1,2})\2(\d{4})(?!\d)")
_DAY_MONTH = re.compile(r"(?<!\d)(\d{1,2})[ -]([A-Za-z]{3,9})[ ,.-]+(\d{4})(?!\d)")
_MONTH_DAY = re.compile(
    r"([A-Za-z]{3,9})[ .]+(\d{1,2}),? +(?:\d\d?:\d\d(?::\d\d)? +)?(\d{4})(?!\d)"
)


def days(text: object) -> tuple[str, ...]:
    """Every day that ``text`` may mean, as ISO 8601 writes it; none for no date.

    Days before `EARLIEST` and days that are yet to come are none.

    >>> days("Mon Jun 11 22:26:45 2018"), days("11.06.2018"), days("2018:06:11 22:27")
    (('2018-06-11',), ('2018-06-11',), ('2018-06-11',))
    >>> days("03/04/2018"), days("8/29/2017"), days("0000:00:00"), days("yesterday")
    (('2018-04-03', '2018-03-04'), ('2017-08-29',), (), ())
    """
    if not isinstance(text, str) or len(text) > LONGEST:
        return ()
    latest = datetime.now(UTC).date() + timedelta(days=1)  # it may be tomorrow there
    found = (_day(*numbers) for numbers in _read(text))
    sound = (day for day in found if day and EARLIEST <= day <= latest)
    return tuple(dict.fromkeys(day.isoformat() for day in sound))


def _read(text: str) -> Iterator[tuple[int, int, int]]:
    """Year, month and day by each reading of ``text``."""
    if found := _YEAR_FIRST.search(text):
        yield int(found[1]), int(found[3]), int(found[4])
    elif found := _YEAR_LAST.search(text):
        first, second, year = int(found[1]), int(found[3]), int(found[4])
        yield year, second, first
        if found[2] != ".":
            yield year, first, second
    elif found := _DAY_MONTH.search(text):
        yield int(found[3]), _month(found[2]), int(found[1])
    elif found := _MONTH_DAY.search(text):
        yield int(found[3]), _month(found[1]), int(found[2])


def _month(name: str) -> int:
    """Its number, by the English name or the first letters of it; 0 for none."""
    word = name[:3].casefold()
    return _MONTHS.index(word) + 1 if word in _MONTHS else 0


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def settled(text: object, known: tuple[str, ...]) -> str:
    """The one day that ``text`` means, if need be by the days that are ``known``.

    Of two readings that one is taken which is at most a day away from a known one:
    clocks may be set to other time zones. Empty if the text alone and the known days
    do not settle it.

    >>> settled("12/10/2019", ("2019-12-10",)), settled("12/10/2019", ())
    ('2019-12-10', '')
    """
    found = days(text)
    if len(found) > 1:
        found = tuple(day for day in found if any(is_near(day, k) for k in known))
    return found[0] if len(found) == 1 else ""


def is_near(one: str, other: str) -> bool:
    """Whether two days, as `days` gives them, are the same or neighbours."""
    apart = date.fromisoformat(one) - date.fromisoformat(other)
    return abs(apart) <= timedelta(days=1)

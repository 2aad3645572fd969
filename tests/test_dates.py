"""Dates: every reading that a text has, and no other."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emcatalog.dates import EARLIEST, LONGEST, days, is_near, settled

DAYS = st.dates(EARLIEST, datetime.now(UTC).date())
SURE = (
    "%Y-%m-%d",
    "%Y-%m-%dT%H:%M:%S",
    "%Y:%m:%d %H:%M:%S",
    "%Y/%m/%d",
    "%d.%m.%Y",
    "%d.%m.%Y %H:%M",
    "%a %b %d %H:%M:%S %Y",
    " %a %b %d %Y",
    "%d %b %Y",
    "%d-%b-%Y",
    "%B %d, %Y",
)


@given(DAYS, st.sampled_from(SURE))
def test_a_sure_date_is_read_as_it_was_written(day: date, form: str) -> None:
    written = datetime(day.year, day.month, day.day, 22, 26, 45, tzinfo=UTC)
    assert days(written.strftime(form)) == (day.isoformat(),)


@given(DAYS, st.sampled_from(("{d}/{m}/{y}", "{m}/{d}/{y}", "{d:02}-{m:02}-{y}")))
def test_of_a_date_in_numbers_no_reading_is_left_out(day: date, form: str) -> None:
    text = form.format(d=day.day, m=day.month, y=day.year)
    found = days(text)
    assert day.isoformat() in found
    is_sure = day.day > 12 or day.day == day.month
    assert len(found) <= 2
    assert len(found) == 1 or not is_sure
    assert settled(text, (day.isoformat(),)) in (day.isoformat(), "")


@pytest.mark.parametrize(
    "text",
    [
        "", "0000:00:00 00:00:00", "31.02.2018", "11.06.18", "11.06.1830", "2018-13-01",
        "32/13/2018", "Mon Foo 11 2018", "1.2.3.2018.5", "2018", "9999-01-01", None, 5,
        "2018-06-11" + " " * LONGEST,
    ],
)  # fmt: skip
def test_what_is_no_plausible_day_is_none(text: object) -> None:
    assert days(text) == ()
    assert settled(text, ("2018-06-11",)) == ""


@given(st.text(max_size=80))
def test_any_text_gives_days_or_none(text: str) -> None:
    for day in days(text):
        assert date.fromisoformat(day) >= EARLIEST


def test_tomorrow_may_have_begun_elsewhere_but_no_later_day() -> None:
    today = datetime.now(UTC).date()
    later = [(today + timedelta(days=n)).isoformat() for n in (1, 3)]
    assert days(later[0]) == (later[0],)
    assert days(later[1]) == ()


def test_a_known_day_settles_what_is_first() -> None:
    assert settled("10/06/2026", ()) == ""
    assert settled("6/10/2018", ("2018-10-06",)) == "2018-10-06"
    assert settled("6/10/2018", ("2018-06-11",)) == "2018-06-10"
    assert settled("6/10/2018", ("2017-06-10",)) == ""
    assert is_near("2018-12-31", "2019-01-01")
    assert not is_near("2018-12-31", "2019-01-02")

"""How and when an image was taken, as the tags of its microscope and software say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from emcatalog.dates import days, is_near, settled
from emcatalog.record import Claim
from emcatalog_dm3.axes import scaled
from emcatalog_dm3.tree import Group

_INFO, _SCAN, _BAR = "Microscope Info", "DigiScan", "DataBar"
_NUMBERS = (
    ("accelerating_voltage", (_INFO, "Voltage"), "V"),
    ("dwell_time", (_SCAN, "Sample Time"), "us"),
    ("dwell_time", ("SBFSEM", "Imaging", "Record pixel time"), "us"),
    ("section_thickness", ("SBFSEM", "Record", "Slice thickness"), "nm"),
    ("magnification", (_INFO, "Indicated Magnification"), ""),
    ("beam_current", (_INFO, "Probe Current (nA)"), "nA"),
)
"""Fields, tags below ImageTags, and the unit that the software measures them in."""

_UNSET = frozenset({"accelerating_voltage", "beam_current", "magnification"})
"""What software writes as 0 where no microscope tells it."""

_NO_NAME = frozenset({"", "unknown"})
_INSTRUMENTS = (
    ("Session Info", "Microscope"),
    (_INFO, "Microscope"),
    (_INFO, "Name"),
)
_DETECTORS = (("Session Info", "Detector"), (_BAR, "Signal Name"))
_FORMATTED = re.compile(r"(\d+\.?\d*) ?(k?)V")
_CLOCKS = (
    ((_BAR, "Acquisition Time (OS)"), datetime(1601, 1, 1, tzinfo=UTC), 1e-1),
    (
        ("Acquisition", "Frame", "Sequence", "Acquisition Start Time (epoch)"),
        datetime(1970, 1, 1, tzinfo=UTC),
        1e3,
    ),
)
"""Tags that count in universal time: from when, and microseconds of each unit. They are
the clocks of Windows and of cameras."""


def acquisition(tags: Group, path: str) -> Iterator[Claim]:
    """What the tags of an image at ``path`` tell of microscope, beam, scan and day."""
    inner = tags.group("ImageTags")
    where = f"{path}.ImageTags"
    yield from _numbers(inner, where)
    yield from _modality(inner, where)
    for place in _INSTRUMENTS:
        if (name := inner.text(*place)).casefold() not in _NO_NAME:
            yield Claim("instrument", name, "file", _locator(where, place))
    yield from acquired(inner, where)


def _numbers(tags: Group, where: str) -> Iterator[Claim]:
    for field, place, unit in _NUMBERS:
        number = tags.told(*place)
        if number is not None and not (number == 0 and field in _UNSET):
            locator = _locator(where, place)
            yield Claim(field, number, "file", locator, unit).examined()
    place = (_INFO, "Formatted Voltage")
    if found := _FORMATTED.fullmatch(tags.text(*place)):
        volts = scaled(float(found[1]), 1000 if found[2] else 1)
        locator = _locator(where, place)
        yield Claim("accelerating_voltage", volts, "file", locator, "V").examined()


def _modality(tags: Group, where: str) -> Iterator[Claim]:
    """The microtome in the chamber has tags of its own; else the kind of beam."""
    mode = tags.text(_INFO, "Illumination Mode")
    if tags.group("SBFSEM").members:
        yield Claim("modality", "SBF-SEM", "file", f"{where}.SBFSEM")
    elif mode.startswith(("STEM", "TEM", "SEM")):
        locator = _locator(where, (_INFO, "Illumination Mode"))
        yield Claim("modality", mode.partition(" ")[0], "file", locator).examined()


def detectors(tags: Group, where: str) -> Iterator[tuple[str, str]]:
    """The tag that names the detector, and the name: at most one."""
    for place in _DETECTORS:
        if name := tags.text(*place):
            yield _locator(where, place), name
            return


def acquired(tags: Group, where: str) -> Iterator[Claim]:
    """Days on which the image was taken, by each tag that tells one.

    A date in numbers may have the day or the month first: it is settled by the other
    tags, or told as it is, with a doubt. A clock tells a day only where no other tag
    does, for it counts in universal time.
    """
    clocks = dict(_clocks(tags))
    sure = (days(text) for _, text in _dates(tags))
    known = (*(d[0] for d in sure if len(d) == 1), *clocks.values())
    told = []
    for place, text in _dates(tags):
        locator = _locator(where, place)
        if day := settled(text, known):
            told.append(day)
            yield Claim("acquired", day, "file", locator)
        else:
            yield Claim("acquired", text, "file", locator, doubt=_why(text))
    for place, day in clocks.items():
        if not any(is_near(day, other) for other in told):
            yield Claim("acquired", day, "file", _locator(where, place))


def _dates(tags: Group) -> Iterator[tuple[tuple[str, ...], str]]:
    """Tags that tell a day, and their texts; the least doubtful first."""
    for place in ((_SCAN, "TimeStamp"), (_BAR, "Acquisition Date"), ("Timestamp",)):
        if text := tags.text(*place):
            yield place, text


def _why(text: str) -> str:
    if days(text):
        return "nothing tells whether the day or the month is first"
    return "no day on which a microscope can have worked"


def _clocks(tags: Group) -> Iterator[tuple[tuple[str, ...], str]]:
    """Tags that count time, and the day that each tells."""
    for place, begin, unit in _CLOCKS:
        try:
            moment = begin + timedelta(microseconds=(tags.number(*place) or 0) * unit)
        except OverflowError:
            continue
        for day in days(moment.date().isoformat()) if moment > begin else ():
            yield place, day


def _locator(where: str, place: tuple[str, ...]) -> str:
    return ".".join((where, *place))

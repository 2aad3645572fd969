"""A volume of one file per section: which files, in which order, which are missing.

What a driver is given is a file, a folder, a pattern, a numeric range or a list;
`expand` makes the ordered sections of it, and `ensure_alike` compares their headers.
"""

from __future__ import annotations

import fnmatch
import glob
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote, unquote

from emcatalog.errors import FormatError, NotFoundError, OptionError, suggest
from emcatalog.record import Claim
from emcatalog.series.names import BY_HAND, Name, Slices, ordered
from emcatalog.transport import Transport

__all__ = ["LONGEST", "absent", "each", "ensure_alike", "expand"]

LONGEST = 1_000_000
"""Sections that a series may have, the missing ones included."""

_RANGE = re.compile(r"\{([0-9]{1,18})\.\.([0-9]{1,18})\}")
_ESCAPES = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_ESCAPED = ("http", "https", "ftp", "file")
_GAPS = ("error", "absent")
_AGREE = 'gaps="absent" takes missing sections as absent (zeros, not stored)'

T = TypeVar("T")


def expand(
    urlpath: str | Sequence[str],
    transport: Transport,
    suffixes: Sequence[str],
    gaps: str = "error",
) -> tuple[str | None, ...]:
    """The sections of a series in z order; None where one is missing by agreement.

    ``urlpath`` is one of

    - a list: these files in this order, the names taken literally;
    - ``.../slice_{0000..0015}.tif``: a numeric range, padded as it is written;
    - ``.../slice_*.tif``: a pattern (``*``, ``?``, ``[...]``) in the file name. In an
      HTTP URL a question mark begins the query. A local file that is really called
      so is that one file, with a range in its name too;
    - a folder (remote: with a slash at its end): its files that end in one of
      ``suffixes``;
    - anything else is one file.

    Files of a folder or a pattern are ordered by the number that differs between
    their names, whether it is padded or not. A number that is missing in between is an
    error that names the file, or None with ``gaps="absent"``.

    Raises OptionError where the order is not evident from the names, FormatError for
    a missing number, and NotFoundError if nothing fits.

    >>> expand("a/slice_{08..10}.dm3", Transport(), (".dm3",))
    ('a/slice_08.dm3', 'a/slice_09.dm3', 'a/slice_10.dm3')
    """
    if gaps not in _GAPS:
        raise OptionError(
            got=f"gaps={gaps!r}",
            expected="'error' or 'absent'",
            hint=suggest(gaps, _GAPS),
        )
    if not isinstance(urlpath, str):
        return _listed(urlpath)
    if ranges := _ranges(urlpath, transport):
        return _numbered(urlpath, ranges, transport, gaps)
    folder, pattern = _place(urlpath, transport)
    if not folder:
        return (urlpath,)
    names = _matching(folder, pattern, transport, suffixes)
    slices = ordered([Name.of(name, suffixes) for name in names], urlpath)
    return _filled(slices, folder, gaps)


def ensure_alike(facts: Iterable[tuple[str, Mapping[str, object]]]) -> None:
    """Raise FormatError that names the first section which differs from the first one.

    ``facts`` are pairs of a section's URL and what must agree between sections.

    >>> ensure_alike([("a.tif", {"shape": (4, 5)}), ("b.tif", {"shape": (4, 5)})])
    """
    rows = iter(facts)
    first = next(rows, None)
    if first is None:
        return
    for url, found in rows:
        for name, expected in first[1].items():
            if found.get(name) != expected:
                raise FormatError(
                    entry=url,
                    got=f"{name} {found.get(name)}",
                    expected=f"{expected}, as in {first[0]}",
                    hint="sections of one volume are alike: take the others with a "
                    "pattern, a range or a list",
                )


def each(
    work: Callable[[str], T], sections: Sequence[str | None], transport: Transport
) -> tuple[T, ...]:
    """What ``work`` makes of each section that there is, several at a time.

    A file that a range or a list names and that is not there is a NotFoundError which
    tells what to write.
    """

    def told(url: str) -> T:
        try:
            return work(url)
        except NotFoundError as error:
            if len(sections) > 1:
                error.hint = f"{_AGREE}; of a list, take the file out"
            raise

    return tuple(transport.map(told, [url for url in sections if url]))


def absent(sections: Sequence[str | None]) -> tuple[Claim, ...]:
    """The claim which says what sections of a series are missing; none if none is.

    >>> absent(["a1.tif", None, "a3.tif"])[0].value
    '1 of 3 sections are absent: z index 1'
    """
    missing = [z for z, url in enumerate(sections) if url is None]
    if not missing:
        return ()
    shown = ", ".join(map(str, missing[:20])) + ", ..." * (len(missing) > 20)
    text = f"{len(missing)} of {len(sections)} sections are absent: z index {shown}"
    return (Claim("gaps", text, "file", "file names"),)


def _listed(urls: Sequence[str]) -> tuple[str, ...]:
    if not urls:
        raise OptionError(got="an empty list of files", expected="one file per section")
    (url, count), *_ = Counter(urls).most_common(1)
    if count > 1:
        raise OptionError(
            got=f"{url} {count} times in the list",
            expected="each section once",
            hint="remove the others",
        )
    return tuple(urls)


def _ranges(url: str, transport: Transport) -> list[re.Match[str]]:
    """The numeric ranges in a URL, but for those in a local name that there is."""

    def is_there(match: re.Match[str]) -> bool:
        end = url.find("/", match.end())
        local = _local(transport.resolve(url if end < 0 else url[:end]))
        return local is not None and os.path.exists(local)  # noqa: PTH110 - never raises

    return [match for match in _RANGE.finditer(url) if not is_there(match)]


def _numbered(
    url: str, ranges: Sequence[re.Match[str]], transport: Transport, gaps: str
) -> tuple[str | None, ...]:
    """Every file of a numeric range; which exist is asked only if gaps are agreed."""
    match, *more = ranges
    first, last = int(match[1]), int(match[2])
    if more or abs(last - first) >= LONGEST:
        raise OptionError(
            got=f"the range {url}",
            expected=f"one {{first..last}} of at most {LONGEST} numbers",
            hint=BY_HAND,
        )
    padded = any(len(t) > 1 and t[0] == "0" for t in match.groups())
    width = max(map(len, match.groups())) if padded else 0
    step = 1 if last >= first else -1
    urls = [
        f"{url[: match.start()]}{number:0{width}d}{url[match.end() :]}"
        for number in range(first, last + step, step)
    ]
    if gaps == "error":
        return tuple(urls)
    found = transport.map(transport.exists, urls)
    sections = tuple(u if there else None for u, there in zip(urls, found, strict=True))
    if not any(sections):
        raise NotFoundError(
            entry=url, got="none of its files", expected="at least one", hint=BY_HAND
        )
    return sections


def _place(url: str, transport: Transport) -> tuple[str, str]:
    """The folder (with its slash) and the pattern; no folder for a single file."""
    local = _local(transport.resolve(url))
    # those of pathlib raise for names that are too long, and unknown users
    if url.endswith("/") or (local and os.path.isdir(local)):  # noqa: PTH112
        return url.rstrip("/") + "/", ""
    folder, slash, name = url.rpartition("/")
    remote = url.startswith(("http://", "https://"))
    magic = "*[" if remote else "*[?"
    is_file = local is not None and os.path.isfile(local)  # noqa: PTH113
    literal = (remote and "?" in url) or is_file
    if literal or not any(c in name for c in magic):
        return "", ""
    if "*" in folder:
        raise OptionError(
            got=f"the pattern {url}",
            expected="a pattern in the file name only",
            hint=BY_HAND,
        )
    return folder + slash if slash else "./", name


def _local(place: str) -> Path | None:
    if place.startswith("file://"):
        return Path(unquote(place.removeprefix("file://")))
    if "://" in place:
        return None
    # no user is called so, and asking for one would raise
    plain = place.startswith("~") and "\0" in place
    return Path(place if plain else os.path.expanduser(place))  # noqa: PTH111


def _scheme(url: str) -> str:
    return url.split("://", 1)[0] if "://" in url else ""


def _matching(
    folder: str, pattern: str, transport: Transport, suffixes: Sequence[str]
) -> list[str]:
    """Names of the files in ``folder`` that fit, as they are without escapes."""
    names = [n for n in transport.names(folder) if not n.endswith("/")]
    if pattern:
        if _scheme(folder) in _ESCAPED:
            pattern = _ESCAPES.sub(lambda m: glob.escape(unquote(m[0])), pattern)
        fitting = [n for n in names if fnmatch.fnmatchcase(n, pattern)]
    else:
        endings = tuple(s.lower() for s in suffixes)
        fitting = [n for n in names if n.lower().endswith(endings)]
    fitting = [n for n in dict.fromkeys(fitting) if not n.startswith(".")]
    if not fitting:
        raise NotFoundError(
            entry=folder + pattern,
            got=f"no such file among the {len(names)} in the folder",
            expected=pattern or f"names that end in {', '.join(suffixes)}",
            hint=f"the folder has {', '.join(names[:3]) or 'no files'}",
        )
    return fitting


def _filled(slices: Slices, folder: str, gaps: str) -> tuple[str | None, ...]:
    """URLs of the sections, with None for a missing number if gaps are agreed."""
    first, last = slices.numbers[0], slices.numbers[-1]
    missing = last - first + 1 - len(slices.numbers)
    if missing and (gaps == "error" or missing >= LONGEST):
        raise _gap(slices, folder, missing)
    escaped = _scheme(folder) in _ESCAPED
    sections: list[str | None] = [None] * (len(slices.numbers) + missing)
    for number, name in zip(slices.numbers, slices.names, strict=True):
        sections[number - first] = folder + (quote(name.name) if escaped else name.name)
    return tuple(sections)


def _gap(slices: Slices, folder: str, missing: int) -> FormatError:
    pairs = zip(slices.names, slices.numbers, slices.numbers[1:], strict=False)
    name, number = next((n, a) for n, a, b in pairs if b != a + 1)
    others = f" and {missing - 1} more" if missing > 1 else ""
    agree = f"{_AGREE}; " if missing < LONGEST else ""
    return FormatError(
        entry=folder,
        got=f"no {name.renumbered(slices.group, number + 1)}{others}, between "
        f"{slices.names[0].name} and {slices.names[-1].name}",
        expected="every number in between",
        hint=f"{agree}if the numbers do not count sections one by one, {BY_HAND}",
    )

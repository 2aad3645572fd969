"""The chain of page directories (IFDs), walked to its end and really read.

Every directory names the place of the next, so a file with the pixels of each page
before its directory costs one round trip for each page. Where the directories lie at
equal distances, the next ones are fetched together before they are parsed: that is a
guess about what will be needed, never about what it says.

Format: Adobe TIFF 6.0, section 2; BigTIFF as in libtiff.
"""

from __future__ import annotations

import struct

from tifffile import TiffFile, TiffPage

from emcatalog.errors import FormatError, TruncatedError
from emcatalog.transport import Transport
from emcatalog_tiff.damage import tag_value, told_as_damage
from emcatalog_tiff.header import HeaderFile
from emcatalog_tiff.hyperstack import MOST_PAGES

WINDOW = 64
"""Directories that are fetched ahead at most."""

SLACK = 16
"""Bytes by which equal distances may differ (directories begin at even bytes)."""

ESSENTIAL = frozenset(
    {256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 317, 322, 323, 324, 325}
    | {292, 338, 339, 347, 530, 32997, 32998}
)
"""Tags without which pixels would be read wrongly."""

T4_OPTIONS = 292
"""Tag that tells whether a fax of group 3 is coded in two dimensions."""

_WHOLE = (
    "imagewidth", "imagelength", "imagedepth", "tilewidth", "tilelength", "tiledepth",
    "rowsperstrip", "samplesperpixel", "planarconfig", "predictor", "fillorder",
    "compression", "photometric",
)  # fmt: skip
"""What a tag of the type of floating point numbers would make no whole number."""


def read_pages(
    tiff: TiffFile, file: HeaderFile, transport: Transport | None
) -> list[TiffPage]:
    """Every page of the main chain, in order, fully parsed.

    Without ``transport`` nothing is fetched ahead. Raises TruncatedError where the
    chain leads out of the file, and FormatError for a loop or a damaged directory.
    """
    offset = _first(tiff, file)
    ahead = _LookAhead(file, transport)
    pages: list[TiffPage] = []
    seen: set[int] = set()
    while offset:
        _check_place(offset, seen, len(pages), file)
        ahead.expect(offset)
        page, offset = read_page(tiff, file, offset, len(pages))
        pages.append(page)
    return pages


def _first(tiff: TiffFile, file: HeaderFile) -> int:
    form = tiff.tiff
    start = 8 if form.is_bigtiff else 4
    first = int.from_bytes(
        file.at(start, form.offsetsize), "little" if form.byteorder == "<" else "big"
    )
    if not first:
        raise FormatError(
            entry=file.name, got="a TIFF without pages", expected="at least one page"
        )
    return first


def _check_place(offset: int, seen: set[int], number: int, file: HeaderFile) -> None:
    if offset >= file.size:
        raise TruncatedError(
            entry=file.name,
            got=f"a file of {file.size} bytes whose page {number} is at byte {offset}",
            expected="all pages",
            hint="the file is cut short: fetch it again",
        )
    if offset in seen or number >= MOST_PAGES:
        raise FormatError(
            entry=file.name,
            got=f"a chain of pages that comes back to byte {offset}"
            if offset in seen
            else f"more than {MOST_PAGES} pages",
            expected="a chain that ends",
            hint="the file is damaged",
        )
    seen.add(offset)


def read_page(
    tiff: TiffFile, file: HeaderFile, offset: int, number: int
) -> tuple[TiffPage, int]:
    """The page whose directory is at ``offset``, and the place of the next.

    Raises TruncatedError where it leads out of the file, and FormatError for damage.
    """
    form, order = tiff.tiff, tiff.tiff.byteorder
    file.anchor(offset)
    (count,) = struct.unpack(form.tagnoformat, file.at(offset, form.tagnosize))
    if not 0 < count <= 4096:
        raise _damaged(file, number, f"{count} tags")
    table = file.at(offset + form.tagnosize, count * form.tagsize + form.offsetsize)
    (following,) = struct.unpack(form.offsetformat, table[-form.offsetsize :])
    tiff.filehandle.seek(offset)
    with told_as_damage(f"{file.name}, page {number}", "a whole page directory"):
        page = TiffPage(tiff, number)
    starts = range(0, count * form.tagsize, form.tagsize)
    codes = {struct.unpack_from(f"{order}H", table, at)[0] for at in starts}
    lost = sorted(c for c in codes & ESSENTIAL if page.tags.get(c) is None)
    if lost or not page.shape or 0 in page.shape:
        what = f"no readable value of tag {lost[0]}" if lost else "no picture"
        raise _damaged(file, number, what)
    _check_whole(page, file, number)
    return page, following


def _check_whole(page: TiffPage, file: HeaderFile, number: int) -> None:
    values = {name: getattr(page, name) for name in _WHOLE}
    values["T4Options"] = tag_value(page, T4_OPTIONS) or 0
    for name, value in values.items():
        if not isinstance(value, int):
            raise _damaged(file, number, f"{name} {value!r}, which is no whole number")


def _damaged(file: HeaderFile, number: int, what: str) -> FormatError:
    return FormatError(
        entry=f"{file.name}, page {number}",
        got=what,
        expected="a whole page directory",
        hint="the file is damaged, or of a kind that tifffile does not know",
    )


class _LookAhead:
    """Fetches directories before they are parsed, where their distances are equal."""

    def __init__(self, file: HeaderFile, transport: Transport | None) -> None:
        self._file, self._transport = file, transport
        self._places: list[int] = []
        self._window, self._known = 0, 0

    def expect(self, offset: int) -> None:
        """Take note that a directory is at ``offset``; fetch it and perhaps more."""
        self._places.append(offset)
        low, high = self._file.extent
        if len(self._places) == 1 or high <= low:
            return
        stride = self._stride()
        if stride is None or self._transport is None:
            self._window, self._known = 0, 0
            self._fetch(offset + low, offset + high)
        elif len(self._places) > self._known:
            self._window = min(WINDOW, max(4, 2 * self._window))
            self._known = len(self._places) + self._window - 1
            self._fetch_run(offset, stride, self._transport)

    def _stride(self) -> float | None:
        """The distance of the last directories, if it is steady."""
        if len(self._places) < 4:
            return None
        # the first may lie apart, before all pixels
        recent = self._places[1:][-WINDOW:]
        last, before = recent[-1] - recent[-2], recent[-2] - recent[-3]
        if last <= 0 or abs(last - before) > SLACK:
            return None
        return (recent[-1] - recent[-3]) / 2

    def _fetch_run(self, offset: int, stride: float, transport: Transport) -> None:
        low, high = self._file.extent
        places = [offset + round(stride * n) for n in range(self._window)]
        if stride <= 2 * (high - low) + SLACK:
            self._fetch(places[0] + low, places[-1] + high + SLACK)
            return
        margin = min(self._window, SLACK)
        spans = [(at + low - margin, at + high + margin) for at in places]
        for _ in transport.map(lambda span: self._fetch(*span), spans):
            pass

    def _fetch(self, start: int, stop: int) -> None:
        start, stop = max(0, start), min(stop, self._file.size)
        if start < stop:
            self._file.reader.peek(start, stop - start)

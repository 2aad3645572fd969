"""Bytes of an archive, parsed: JSON, XML or a table, and nothing in their place."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Any, NoReturn
from xml.etree import ElementTree

from emcatalog.errors import ContentError, FormatError, UnreachableError
from emcatalog.json_text import parsed

LIMIT = 16 * 2**20
"""Bytes that a document may have."""

DEEPEST = 64
"""Elements of XML, arrays and objects of JSON that may lie in each other."""

MOST_ROWS = 100_000
"""Rows of a table that are looked at."""

_FAILURES = ("Exception", "error", "errors", "detail", "message")
_HINT = "open the URL in a browser: the archive may have moved, or be in trouble"


def json_document(data: bytes, url: str) -> Any:
    """What JSON says.

    Raises ContentError for a web page, UnreachableError for a server that says that it
    is busy, and FormatError for text that is no JSON and for answers of failure.
    """
    document = parsed(data, "JSON of an archive", _HINT, entry=url)
    _refuse_depth(document, url)
    refuse_failure(document, url)
    return document


def _refuse_depth(document: object, url: str) -> None:
    level = [document]
    for _ in range(DEEPEST):
        inner = [
            part.values() if isinstance(part, dict) else part
            for part in level
            if isinstance(part, dict | list)
        ]
        level = [part for parts in inner for part in parts]
    if level:
        raise FormatError(
            entry=url,
            got=f"JSON whose arrays and objects lie more than {DEEPEST} deep",
            expected="an entry of an archive",
            hint=_HINT,
        )


def refuse_failure(document: object, url: str) -> None:
    """Raise an error for a document in which a server tells of a failure.

    >>> refuse_failure({"detail": "Not found"}, "https://a.org/1")
    Traceback (most recent call last):
    emcatalog.errors.FormatError: https://a.org/1: got an answer of failure: detail: 'Not found'; expected metadata. Try: open the URL in a browser: the archive may have moved, or be in trouble
    """  # noqa: E501 - the message is one line
    if not isinstance(document, dict):
        return
    if "ConcurrencyException" in document:
        raise UnreachableError(
            entry=url,
            got="an answer that the server is busy (ConcurrencyException)",
            expected="metadata",
            hint="try again later",
        )
    for name in _FAILURES:
        if document.get(name):
            raise FormatError(
                entry=url,
                got=f"an answer of failure: {name}: {document[name]!r:.200}",
                expected="metadata",
                hint=_HINT,
            )


def xml_document(data: bytes, url: str) -> Any:
    """What XML says, as a dictionary: ``@`` before attributes, ``#text`` for text.

    An element that holds only text is that text, elements of one name are a list, and
    names are without their name space. Raises ContentError for a web page, FormatError
    for what is no XML, and for a document type of its own: it may hold entities that
    grow without bound.

    >>> xml_document(b"<a><b n='1'>x</b><b>y</b></a>", "")
    {'a': {'b': [{'@n': '1', '#text': 'x'}, 'y']}}
    """
    if data.lstrip()[:14].lower().startswith((b"<!doctype html", b"<html")):
        raise ContentError(
            entry=url, got="an HTML page", expected="XML of an archive", hint=_HINT
        )
    # no entity is ever declared where no document type is let in
    parser = ElementTree.XMLParser(target=_Elements(url))  # noqa: S314
    try:
        parser.feed(data)
        root = parser.close()
    except (ElementTree.ParseError, LookupError, ValueError) as error:
        raise FormatError(
            entry=url,
            got=f"text that is not XML ({error})",
            expected="XML of an archive",
            hint=_HINT,
        ) from error
    return {_name(root): _dictionary(root, url, DEEPEST)}


class _Elements(ElementTree.TreeBuilder):
    """Elements, and no document type."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url

    def doctype(self, *_: object) -> NoReturn:
        raise FormatError(
            entry=self._url,
            got="XML with a document type of its own",
            expected="plain XML",
        )


def _dictionary(
    element: ElementTree.Element, url: str, depth: int
) -> str | dict[str, Any] | None:
    if not depth:
        raise FormatError(
            entry=url,
            got=f"XML whose elements lie more than {DEEPEST} deep in each other",
            expected="an entry of an archive",
        )
    text = (element.text or "").strip() or None
    found: dict[str, Any] = {f"@{name}": v for name, v in element.attrib.items()}
    for child in element:
        name, value = _name(child), _dictionary(child, url, depth - 1)
        if name not in found:
            found[name] = value
        elif isinstance(found[name], list):
            found[name].append(value)
        else:
            found[name] = [found[name], value]
    if not found:
        return text
    return found | ({"#text": text} if text else {})


def _name(element: ElementTree.Element) -> str:
    return str(element.tag).rpartition("}")[2]


def text_document(data: bytes, url: str) -> str:
    """Text in UTF-8, or in the encoding of Windows where it is none.

    Raises ContentError for a web page.
    """
    if data.lstrip()[:1] == b"<":
        raise ContentError(
            entry=url, got="an HTML page", expected="a table in text", hint=_HINT
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def table(text: str, url: str) -> list[Mapping[str, str]]:
    """Rows of a table with commas, each by the names of the first row.

    Raises FormatError for what is no such table.
    """
    try:
        lines = csv.reader(io.StringIO(text), strict=True)
        head = next(lines, [])
        rows = [
            dict(zip(head, row, strict=False))
            for _, row in zip(range(MOST_ROWS), lines, strict=False)
        ]
    except csv.Error as error:
        raise FormatError(
            entry=url,
            got=f"a table that cannot be read ({error})",
            expected="values between commas, the first row with names",
            hint=_HINT,
        ) from error
    return list(rows)

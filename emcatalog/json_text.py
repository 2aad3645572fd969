"""JSON that others wrote, read with distrust: what is not as it should be is named."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from emcatalog.errors import ContentError, FormatError

SHOWN = 80
"""Letters of a value that a message has at most."""


def parsed(text: bytes, expected: str, hint: str, entry: str = "") -> Any:
    """What the JSON ``text`` says.

    Raises ContentError for a web page in place of it, and FormatError for everything
    else that is no JSON, and for a name that stands twice in an object with different
    values; ``expected`` and ``hint`` are those of the error.

    >>> parsed(b'{"a": [1, 2]}', "metadata", "fetch it again")
    {'a': [1, 2]}
    """
    if text.lstrip()[:1] == b"<":
        raise ContentError(
            entry=entry,
            got="an HTML page",
            expected=expected,
            hint="the server may want a login, or be another one: open the URL in a "
            "browser",
        )
    try:
        return json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise FormatError(
            entry=entry,
            got=f"text that is not JSON ({error})",
            expected=expected,
            hint=hint,
        ) from error


def _once(members: list[tuple[str, Any]]) -> dict[str, Any]:
    """The members as a mapping; whoever keeps but one of two picks without a reason."""
    found = dict(members)
    if len(found) < len(members):
        for name, value in members:
            if repr(found[name]) != repr(value):
                raise ValueError(f"the name {name!r:.80} stands twice in an object")
    return found


def mapping(value: object, where: str) -> Mapping[str, Any]:
    """A JSON object; FormatError names ``where`` it should stand."""
    if not isinstance(value, dict):
        raise wrong(where, value, "a JSON object")
    return value


def wrong(where: str, value: object, expected: str) -> FormatError:
    """The error for a member that is not what the format says."""
    return FormatError(
        got=f"{where} = {shown(value)}",
        expected=expected,
        hint="the metadata are damaged, or of another format",
    )


def shown(value: object) -> str:
    """``value`` as text of at most `SHOWN` characters.

    >>> len(shown("a long name " * 20))
    80
    """
    written = repr(value)
    return written if len(written) <= SHOWN else f"{written[: SHOWN - 3]}..."

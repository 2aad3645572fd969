"""What tifffile raises of damaged headers, as errors of ours.

It raises whatever damage leads to, of any class. Only its own calls are wrapped: a
mistake of this driver shows as what it is.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tifffile import TiffFile, TiffPage

from emcatalog.errors import EmcatalogError, FormatError

# what it works around it logs; that is printed only where the user set up logging
logging.getLogger("tifffile").addHandler(logging.NullHandler())


@contextmanager
def told_as_damage(entry: str, expected: str) -> Iterator[None]:
    """Within it stands one call of tifffile; what that raises is a FormatError.

    Errors of ours come through it: tifffile reads by our transport.
    """
    try:
        yield
    except EmcatalogError:
        raise
    except Exception as error:
        raise FormatError(
            entry=entry,
            got=f"a header that cannot be read ({type(error).__name__}: {error})",
            expected=expected,
            hint="the file is damaged, or of a kind that tifffile does not know",
        ) from error


def tag_value(page: TiffPage, tag: int) -> Any:
    """The value of a tag that pixels do not need; None if it is absent or damaged.

    Long values are read only now, and bytes that did not come still raise a
    TransportError.
    """
    try:
        with told_as_damage(f"tag {tag}", "a value"):
            return page.tags.valueof(tag)
    except FormatError:
        return None


def imagej_metadata(tiff: TiffFile) -> Mapping[str, Any]:
    """What ImageJ wrote of the file; empty if it did not write it."""
    with told_as_damage("", "the description that ImageJ writes"):
        return tiff.imagej_metadata or {}


def mapping(value: object) -> Mapping[str, Any]:
    """The value where it is a mapping, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def number(value: object) -> float | None:
    """The value as a float; None for what is no number and for one too large.

    >>> number(5), number("5"), number(True), number(10**400)
    (5.0, None, None, None)
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return None

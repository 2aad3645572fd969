"""What an OMERO server says about an image, in the JSON of its web gateway.

Source of the shapes: OMERO.web, ``webgateway/imgData/{id}/`` and
``webgateway/original_file_paths/{id}/``. Pixel sizes are in micrometres, or null.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from emcatalog.dates import days
from emcatalog.errors import (
    AccessDeniedError,
    FormatError,
    NotFoundError,
    UnreachableError,
)
from emcatalog.json_text import parsed, shown
from emcatalog.record import Claim
from emcatalog.transport import Transport

LIMIT = 16 * 2**20
LONGEST_PAUSE = 5.0
_TYPES = {"float": "float32", "double": "float64", "bit": "uint8"} | {
    f"{sign}int{bits}": f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32)
}

_IMPORT = "OMERO tells the day of import where it knows no day of acquisition"
_MOST = {"z": 100_000, "c": 1024}
"""Sections have a URL each, and each channel stands in it."""


@dataclass(frozen=True)
class ServerImage:
    """An image as the server describes it.

    ``shape`` is z, y, x; ``answer`` is the JSON that it was read from.
    """

    image_id: int
    url: str
    shape: tuple[int, int, int]
    channels: int
    times: int
    pixel_type: str
    tiled: bool
    answer: Mapping[str, Any]

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """NumPy's name of the pixel type."""
        return np.dtype(_TYPES[self.pixel_type])

    def claims(self, channel: int) -> tuple[Claim, ...]:
        """What the server says, as claims of the source ``server``."""
        sizes = (self._size(axis) for axis in "zyx")
        meta = _part(self.answer, "meta")
        rows = self.answer.get("channels")
        labels = [_object_of(row) for row in rows] if isinstance(rows, list) else []
        names = tuple(str(label.get("label", "")) for label in labels)
        texts = {
            "title": (meta.get("imageName"), "meta.imageName"),
            "description": (meta.get("imageDescription"), "meta.imageDescription"),
            "accession": (self._place(meta), "meta.projectName, meta.datasetName"),
        }
        found = [
            Claim(name, str(value)[:2000], "server", locator)
            for name, (value, locator) in texts.items()
            if value
        ]
        if names:
            found.append(Claim("channels", names, "server", "channels.label"))
        window = _part(labels[channel], "window") if channel < len(labels) else {}
        low, high = _number(window.get("start")), _number(window.get("end"))
        if low is not None and high is not None:
            ends = low, high
            found.append(Claim("display_window", ends, "server", "channels.window"))
        pixel_type = Claim("pixel_type", str(self.dtype), "server", "meta.pixelsType")
        told = (*(size for size in sizes if size), *found, pixel_type)
        return (*told, *self._day(meta.get("imageTimestamp")))

    def _size(self, axis: str) -> Claim | None:
        """The voxel size along an axis; null and what is left out say nothing."""
        value = _part(self.answer, "pixel_size").get(axis)
        if value is None:
            return None
        number = _number(value)
        size = shown(value) if number is None else float(f"{number * 1000:.12g}")
        locator, field = f"pixel_size.{axis}", f"voxel_size_{axis}"
        return Claim(field, size, "server", locator, "nm").examined()

    def _day(self, timestamp: object) -> Iterator[Claim]:
        seconds = _number(timestamp)
        try:
            day = datetime.fromtimestamp(seconds or 0, UTC).date().isoformat()
        except (OverflowError, ValueError, OSError):
            return
        if seconds and days(day):
            yield Claim("acquired", day, "server", "meta.imageTimestamp", doubt=_IMPORT)

    def _place(self, meta: Mapping[str, Any]) -> str:
        names = [meta.get("projectName"), meta.get("datasetName")]
        parts = [str(name) for name in names if name and name != "Multiple"]
        return ", ".join([*parts, f"image {self.image_id}"])


def describe(base: str, image_id: int, transport: Transport) -> ServerImage:
    """Ask the server for image ``image_id``.

    Raises NotFoundError or AccessDeniedError for an image that is not there or not
    public (OMERO does not tell which), and FormatError for an answer without sizes.
    """
    url = f"{base}/webgateway/imgData/{image_id}/"
    answer = ask(url, image_id, transport)
    size = _part(answer, "size")
    pixel_type = _part(answer, "meta").get("pixelsType")
    if not isinstance(pixel_type, str) or pixel_type not in _TYPES:
        raise FormatError(
            entry=url,
            got=f"the pixel type {pixel_type!r:.80}",
            expected=f"one of {', '.join(sorted(_TYPES))}",
            hint="complex pixels cannot be read",
        )
    z, y, x, c, t = (_count(size, n, url) for n in ("z", "height", "width", "c", "t"))
    return ServerImage(
        image_id,
        url,
        (z, y, x),
        c,
        t,
        str(pixel_type),
        bool(answer.get("tiles")),
        answer,
    )


def ask(url: str, image_id: int, transport: Transport) -> Mapping[str, Any]:
    """One JSON object of the gateway; a server that is busy is asked again."""
    for _ in range(3):
        answer = _object(_read(url, image_id, transport), url)
        busy = answer.get("ConcurrencyException")
        if busy is None:
            break
        pause = _number(_object_of(busy).get("backOff"))
        time.sleep(min(max(pause or 1000, 0) / 1000, LONGEST_PAUSE))
    else:
        raise UnreachableError(
            entry=url,
            got="three answers that the server is busy (ConcurrencyException)",
            expected="metadata",
            hint="try again later",
        )
    failure = answer.get("Exception", answer.get("error"))
    if failure:
        raise FormatError(
            entry=url,
            got=f"a failure of the server: {str(failure)[:200]}",
            expected="metadata of the image",
            hint="the image may be broken on the server, or still being imported",
        )
    return answer


def _read(url: str, image_id: int, transport: Transport) -> bytes:
    try:
        return transport.read(url, limit=LIMIT, kind="application/json")
    except AccessDeniedError as error:
        raise AccessDeniedError(
            entry=url,
            got=f"status 403 for image {image_id}",
            expected="a public image",
            hint="check image_id; OMERO answers the same for images that do not exist "
            "and for those that are not public",
        ) from error
    except NotFoundError as error:
        raise NotFoundError(
            entry=url,
            got=f"no image {image_id}",
            expected="an image of this server",
            hint="check image_id and urlpath, the address of the server",
        ) from error


def _object(data: bytes, url: str) -> Mapping[str, Any]:
    answer = parsed(
        data, "JSON", "urlpath is the address of an OMERO server", entry=url
    )
    if not isinstance(answer, dict):
        raise FormatError(
            entry=url, got=f"JSON of the kind {type(answer).__name__}", expected="{...}"
        )
    return answer


def _part(answer: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    return _object_of(answer.get(name))


def _object_of(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # false for what is no number, and for what no float can hold
    return float(value) if abs(value) < 1e300 else None


def _count(size: Mapping[str, Any], name: str, url: str) -> int:
    value, most = size.get(name), _MOST.get(name, 2**31 - 1)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= most:
        raise FormatError(
            entry=url,
            got=f"size.{name} = {value!r:.80}",
            expected=f"a positive number, at most {most}",
            hint="the server could not open the pixels of the image",
        )
    return value

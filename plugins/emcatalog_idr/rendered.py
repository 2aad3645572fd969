"""Planes that the server renders: pictures of 8 bits, one request for each section.

A rendering shows the stored values only for unsigned 8-bit pixels and the window
0..255, in grey. The Image Data Resource sends it as PNG; a stock OMERO server sends
JPEG whatever it is asked for, which is lossy.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

from emcatalog.errors import ContentError, CorruptError, FormatError
from emcatalog.paged import Layout, Page
from emcatalog_idr.server import ServerImage

PNG, JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
TOLERANCE = {"png": 0, "jpeg": 4}
"""By how much red, green and blue of a grey picture may differ."""


@dataclass(frozen=True)
class PlaneCodec:
    """Decodes one rendered plane; see `emcatalog.paged.Codec`."""

    image_format: str

    def decode(self, data: bytes, shape: tuple[int, int, int]) -> NDArray[np.generic]:
        """Grey values, of ``shape`` (rows, columns, 3), after checking every thing.

        Raises ContentError for a page or a JPEG in place of the picture, CorruptError
        for one of another size, and FormatError for one with colours.
        """
        _ensure_kind(data, self.image_format)
        # the classes do not warn of large pictures, and open only what they are for
        kind = PngImageFile if self.image_format == "png" else JpegImageFile
        with kind(io.BytesIO(data)) as picture:
            size = picture.size[::-1]
            if size != shape[:2]:
                raise CorruptError(
                    got=f"a picture of {size} pixels (y, x)",
                    expected=f"{shape[:2]}, as the metadata says",
                    hint="the server may scale large images down; use route='file'",
                )
            grey = picture.mode in ("L", "1")
            bands = np.asarray(picture.convert("L" if grey else "RGB"))
        if grey:
            return np.repeat(bands[..., np.newaxis], 3, axis=-1)
        spread = np.ptp(bands.astype(np.int16), axis=-1).max()
        if spread > TOLERANCE[self.image_format]:
            raise FormatError(
                got="a picture with colours",
                expected="grey: equal red, green and blue",
                hint="the server ignores the rendering that was asked for; use "
                "route='file'",
            )
        return bands


def _ensure_kind(data: bytes, expected: str) -> None:
    if data.startswith({"png": PNG, "jpeg": JPEG}[expected]):
        return
    what, hint = "other bytes", "open the URL in a browser"
    if data.startswith(JPEG):
        what = "a JPEG picture"
        hint = (
            "a stock OMERO server renders JPEG, which is lossy; image_format='jpeg' "
            "accepts that, route='file' reads the stored values"
        )
    elif data.startswith(PNG):
        what, hint = "a PNG picture", "image_format='png' reads it without loss"
    elif data.lstrip().startswith(b"<"):
        what, hint = "an HTML page", "the server may want a login"
    raise ContentError(got=what, expected=f"a {expected.upper()} picture", hint=hint)


def ensure_identity(image: ServerImage) -> None:
    """Raise FormatError for an image whose rendering is not its values."""
    if image.pixel_type != "uint8":
        raise FormatError(
            entry=image.url,
            got=f"pixels of the type {image.pixel_type}",
            expected="uint8: a rendering has 8 bits",
            hint="use route='file', which reads the stored values",
        )
    if image.tiled:
        raise FormatError(
            entry=image.url,
            got=f"a tiled image of {image.shape} voxels (z, y, x)",
            expected="one that the server renders plane by plane",
            hint="use route='file'",
        )


def planes(
    base: str, image: ServerImage, channel: int, time: int, image_format: str
) -> tuple[Layout, tuple[Page, ...]]:
    """The page table: one picture for each section."""
    rendering = f"c={_channels(image, channel)}&m=g&format={image_format}"
    root = f"{base}/webgateway/render_image/{image.image_id}"
    urls = (f"{root}/{z}/{time}/?{rendering}" for z in range(image.shape[0]))
    shape = image.shape[1], image.shape[2]
    # three samples: a noisy picture in RGB is larger than its grey values
    codec = PlaneCodec(image_format)
    layout = Layout(shape, np.dtype(np.uint8), shape, codec, samples=3)
    return layout, tuple(Page(url, (0,), (-1,)) for url in urls)


def _channels(image: ServerImage, channel: int) -> str:
    """The channel at 0..255 in white, the others off; numbers begin at 1."""
    numbers = range(1, image.channels + 1)
    return ",".join(
        f"{n}%7C0:255$FFFFFF" if n == channel + 1 else f"-{n}" for n in numbers
    )

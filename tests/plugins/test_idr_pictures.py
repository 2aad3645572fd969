"""Rendered planes: only grey pictures of the right kind and size are taken."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from emcatalog.errors import ContentError, CorruptError, FormatError
from emcatalog_idr.rendered import PlaneCodec

VALUES = np.random.default_rng(0).integers(0, 256, (20, 30), np.uint8)


def picture(image: Image.Image, form: str = "PNG") -> bytes:
    out = io.BytesIO()
    image.save(out, form)
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (picture(Image.new("RGB", (8, 7))), CorruptError, r"\(7, 8\).*expected \(6, 8"),
        (picture(Image.new("RGB", (8, 6), "red")), FormatError, "with colours"),
        (picture(Image.new("RGB", (8, 6)), "JPEG"), ContentError, "JPEG picture"),
        (b"<html>", ContentError, "an HTML page"),
        (b"GIF89a", ContentError, "other bytes"),
    ],
)
def test_other_pictures_are_refused(
    data: bytes, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        PlaneCodec("png").decode(data, (6, 8, 3))


def test_a_bomb_is_not_unfolded() -> None:
    """The size is compared before the pixels are decoded."""
    data = bytearray(picture(Image.new("RGB", (8, 6))))
    data[16:24] = b"\x00\x0f\xff\xff" * 2
    with pytest.raises(Exception, match=r"picture of|cannot identify|broken|bad|CRC"):
        PlaneCodec("png").decode(bytes(data), (6, 8, 3))


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_grey_pictures_of_any_mode(mode: str) -> None:
    values = VALUES
    data = picture(Image.fromarray(values).convert(mode))
    found = PlaneCodec("png").decode(data, (20, 30, 3))
    np.testing.assert_array_equal(found[..., 0], values)

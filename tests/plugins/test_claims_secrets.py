"""No claim and no raw name of a series of files holds a secret of their URLs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

import servers
from dm_writer import document, encode, image
from emcatalog.mirror import Mirrors
from emcatalog.transport import Transport
from emcatalog.volume import Pyramid
from emcatalog_dm3 import open_pyramid as open_dm3
from emcatalog_images import open_pyramid as open_images
from emcatalog_tiff import open_pyramid as open_tiff
from picture_writer import png

PLANE = np.ones((4, 5), np.uint8)
HUSH = "4f9c2e"
QUERY = f"?X-Amz-Signature={HUSH}&part=1"


def write_dm3(path: Path, n: int) -> None:
    # each begins elsewhere, which a claim tells by the name of the file
    path.write_bytes(encode(document(image(PLANE, [(8.0, "nm", float(n))] * 2))))


def write_tiff(path: Path, n: int) -> None:
    tifffile.imwrite(path, PLANE * n, metadata=None)


def write_png(path: Path, n: int) -> None:
    path.write_bytes(png(PLANE * n))


@pytest.mark.parametrize(
    ("opening", "write", "suffix"),
    [(open_dm3, write_dm3, "dm3"), (open_tiff, write_tiff, "tif"),
     (open_images, write_png, "png")],
)  # fmt: skip
def test_signatures_of_urls_stay_out(
    tmp_path: Path,
    opening: Callable[..., Pyramid],
    write: Callable[[Path, int], None],
    suffix: str,
) -> None:
    for n in range(3):
        write(tmp_path / f"s{n}.{suffix}", n)
    transport = Transport(mirrors=Mirrors(), attempts=1)
    with servers.http(tmp_path) as server:
        urls = [f"{server.url}/s{n}.{suffix}{QUERY}" for n in range(3)]
        pyramid = opening(urls, transport, voxel_size_nm=9)
    assert len(told(pyramid.raw)["other_files"]) == 2
    written = json.dumps([str(c) for c in pyramid.record.claims]) + str(pyramid.raw)
    assert HUSH not in written
    assert f"s1.{suffix}" in written


def told(raw: Any) -> dict[str, Any]:
    found: dict[str, Any] = raw
    return found

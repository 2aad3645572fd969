"""Targets of what an OMERO server says and renders."""

from __future__ import annotations

import functools
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from unittest import mock

import numpy as np
import tifffile

from benchmarks.fuzz import seeds
from benchmarks.fuzz.exploring import explore
from benchmarks.fuzz.files import driver_of
from benchmarks.fuzz.memory import Memory
from benchmarks.fuzz.target import Target

IDR = "https://idr.openmicroscopy.org"


@functools.lru_cache(maxsize=1)
def _original() -> bytes:
    out = io.BytesIO()
    voxels = np.arange(60, dtype=np.uint8).reshape(3, 4, 5)
    tifffile.imwrite(out, voxels, photometric="minisblack")
    return out.getvalue()


@dataclass(frozen=True)
class Omero(Memory):
    """Answers of an OMERO server; every plane is the same picture."""

    plane: bytes = b""

    def _file(self, url: str) -> bytes:
        return self.plane if "/render_image/" in url else super()._file(url)


def check_omero(data: bytes) -> str:
    """What the server says of an image and of its files, by both routes."""
    try:
        tree = json.loads(data)
    except (ValueError, RecursionError):
        tree = None
    parts = tree if isinstance(tree, dict) else {}
    about = json.dumps(parts["image"]).encode() if "image" in parts else data
    files = {
        f"{IDR}/webgateway/imgData/7/": about,
        f"{IDR}/webgateway/original_file_paths/7/": json.dumps(
            parts.get("paths")
        ).encode(),
        "https://ftp.ebi.ac.uk/pub/databases/IDR/a/b.tif": _original(),
    }
    with mock.patch("emcatalog_idr.server.time.sleep"):
        route = "rendered" if len(data) % 2 else "file"
        return _omero(files, route, pictured(4, 5))


def check_plane(data: bytes) -> str:
    """A rendered plane."""
    files = {f"{IDR}/webgateway/imgData/7/": json.dumps(_image()).encode()}
    return _omero(files, "rendered", data, "jpeg" if data[:1] == b"\xff" else "png")


def _omero(files: Mapping[str, bytes], route: str, plane: bytes, kind: str = "") -> str:
    transport = Omero(files=files, plane=plane)
    opener, declared = driver_of("idr"), 50.0 if kind else None
    pyramid = opener(
        IDR,
        transport=transport,
        image_id=7,
        route=route,
        image_format=kind or "png",
        voxel_size_nm=declared,
    )
    return explore(pyramid)


def _image() -> dict[str, Any]:
    window = {"start": 0.0, "end": 255.0, "min": 0, "max": 255}
    return {
        "id": 7,
        "meta": {
            "imageName": "a",
            "imageDescription": "",
            "projectName": "p",
            "datasetName": "Multiple",
            "pixelsType": "uint8",
        },
        "tiles": False,
        "size": {"width": 5, "height": 4, "z": 3, "t": 1, "c": 1},
        "pixel_size": {"x": 0.008, "y": 0.008, "z": None},
        "channels": [{"label": "EM", "color": "FFFFFF", "window": window}],
    }


@functools.lru_cache(maxsize=8)
def pictured(rows: int, columns: int, kind: str = "png", colours: int = 0) -> bytes:
    """A grey picture, stored in one band or in equal ``colours``."""
    from PIL import Image

    values = np.arange(rows * columns, dtype=np.uint8).reshape(rows, columns)
    if colours:
        values = np.stack([values] * colours, axis=-1)
    out = io.BytesIO()
    Image.fromarray(values).save(out, kind)
    return out.getvalue()


def _omeros(real: bool) -> Sequence[bytes]:
    paths = {"repo": ["uod/idr/filesets/a/b.tif"], "client": []}
    image = _image()
    sized = {**image, "pixel_size": {"x": 0.008, "y": 0.008, "z": 0.05}}
    busy = {"ConcurrencyException": {"backOff": 100}}
    trees: list[Any] = [
        {"image": sized, "paths": paths},
        {"image": image, "paths": paths},
        {"image": {**sized, "tiles": True}, "paths": {"repo": []}},
        {"image": busy},
        {"image": {"Exception": "bad"}},
    ]
    # an odd length takes the other route
    found = [json.dumps(t).encode() + b" " * n for t in trees for n in (0, 1)]
    return found + (seeds.real("json_omero/**/*.json") if real else [])


def _planes(real: bool) -> Sequence[bytes]:
    kinds = [("png", 0), ("png", 3), ("png", 4), ("jpeg", 0), ("jpeg", 3)]
    return [pictured(4, 5, kind, colours) for kind, colours in kinds]


TARGETS = [
    Target(
        "omero",
        "JSON of OMERO: imgData and file listings",
        "json",
        _omeros,
        check_omero,
        (b"uint16", b"float", b"Exception", b"tiles", b"ConcurrencyException", b"repo"),
    ),
    Target("planes", "rendered planes: PNG and JPEG", "bytes", _planes, check_plane),
]

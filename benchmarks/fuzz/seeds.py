"""Valid inputs to begin with: from our own writers, the sample and real files."""

from __future__ import annotations

import functools
import importlib
import io
import json
import os
import struct
import sys
import tempfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

ROOT = Path(__file__).resolve().parents[2]
SMALL = 48 * 1024
"""Bytes of the largest seed; what is large is slow and mostly pixels."""


def writer(name: str) -> Any:
    """A writer of the tests, such as ``dm_writer``; it has no types here."""
    place = str(ROOT / "tests")
    if place not in sys.path:
        sys.path.append(place)
    return importlib.import_module(name)


def real(*patterns: str, most: int = 60) -> list[bytes]:
    """The smallest real files that fit; none where there are no real files."""
    root = Path(os.environ.get("EMCATALOG_REALDATA", ROOT / "../shared/realdata"))
    found = {p for pattern in patterns for p in root.glob(pattern) if p.is_file()}
    small = sorted((p.stat().st_size, p) for p in found)
    return [p.read_bytes() for size, p in small[:most] if 0 < size <= SMALL]


@functools.lru_cache(maxsize=1)
def sample() -> Path:
    """The embedded sample, written once for each process."""
    from emcatalog.sample import write_sample

    place = tempfile.TemporaryDirectory(prefix="emcatalog-fuzz-")
    _kept.append(place)
    return write_sample(Path(place.name) / "mirror")


_kept: list[tempfile.TemporaryDirectory[str]] = []


def digital_micrographs() -> list[bytes]:
    """DM3 and DM4 files of both byte orders, of several kinds of pixels."""
    dm = writer("dm_writer")
    stack = np.arange(24, dtype=np.uint16).reshape(2, 3, 4)
    units = [(0.008, "µm"), (8.0, "nm"), (0.03, "µm")]
    colours = np.arange(48, dtype=np.uint8).reshape(3, 4, 4)
    waves = np.ones((3, 4), np.complex64)
    trees = [
        dm.document(dm.image(stack, units, "stack")),
        dm.document(dm.image(stack[0].astype(np.float32), units[:2])),
        dm.document(dm.image(colours, units[:2], kind=23)),
        dm.document(dm.image(stack[0], name="a"), dm.image(stack[1], name="b")),
        dm.document(dm.image(waves, units[:2]), thumbnail=None),
        dm.document(dm.image(np.arange(6, dtype=np.int32), [(1.0, "eV")])),
        dm.document(dm.image(np.zeros((2, 2, 2, 2), np.int8))),
    ]
    return [
        dm.encode(tree, version, order)
        for n, tree in enumerate(trees)
        for version, order in [(3, "<"), (4, "<"), (3, ">"), (4, ">")][: 4 - n % 3]
    ]


_STORED: list[dict[str, Any]] = [
    {},
    {"byteorder": ">"},
    {"bigtiff": True},
    {"imagej": True, "resolution": (125, 125), "metadata": {"spacing": 0.05}},
    {"ome": True, "metadata": {"axes": "ZYX", "PhysicalSizeX": 0.008}},
    {"metadata": {"axes": "ZYX"}},
    {"metadata": None, "tile": (16, 16)},
    {"compression": "zlib", "predictor": True},
    {"compression": "zstd", "rowsperstrip": 5},
    {"compression": "lzma"},
    {"compression": "packbits"},
    {"compression": "lzw"},
    {"compression": "jpeg"},
    {"compression": "png"},
    {"compression": "jpeg2000"},
    {"compression": "webp", "photometric": "rgb"},
    {"photometric": "rgb", "planarconfig": "separate"},
    {"photometric": "rgb", "tile": (16, 16), "compression": "zlib"},
    {"dtype": "f4", "compression": "zlib", "predictor": 3},
    {"dtype": "u2", "bigtiff": True, "byteorder": ">", "compression": "lzw"},
    {"dtype": "bool", "bilevel": True},
]


def tiffs() -> list[bytes]:
    """TIFF files of many compressions, layouts and descriptions."""
    return [_tiff(dict(options)) for options in _STORED]


def _tiff(options: dict[str, Any]) -> bytes:
    kind, bilevel = options.pop("dtype", "u1"), options.pop("bilevel", False)
    shape: tuple[int, ...] = (2, 17, 19)
    if options.get("photometric") == "rgb":
        shape = (2, 3, 17, 19) if "planarconfig" in options else (2, 17, 19, 3)
    values = np.arange(np.prod(shape)).reshape(shape) % 251
    out = io.BytesIO()
    if bilevel:
        options["photometric"] = "minisblack"
    options.setdefault("photometric", "minisblack")
    tifffile.imwrite(out, values.astype(kind), **options)
    return out.getvalue()


def described(text: bytes) -> bytes:
    """A plain TIFF of four pages whose first has ``text`` as its description."""
    pages = 4
    strip = 8 + len(text) + len(text) % 2 + 1
    out = [b"II*\0", struct.pack("<I", 0), text.ljust(strip - 8, b"\0")]
    place = strip + 12
    out[1] = struct.pack("<I", place)
    out.append(bytes(range(12)))
    for n in range(pages):
        tags = [(256, 4, 1, 4), (257, 4, 1, 3), (258, 3, 1, 8), (259, 3, 1, 1)]
        tags += [(262, 3, 1, 1)]
        tags += [(270, 2, max(5, len(text)), 8)] if n == 0 and len(text) > 4 else []
        tags += [(273, 4, 1, strip), (277, 3, 1, 1), (278, 4, 1, 3), (279, 4, 1, 12)]
        tags += [(282, 5, 1, 8), (283, 5, 1, 8), (296, 3, 1, 3)]
        size = 2 + 12 * len(tags) + 4
        following = place + size if n < pages - 1 else 0
        rows = b"".join(struct.pack("<HHII", *tag) for tag in tags)
        out.append(struct.pack("<H", len(tags)) + rows + struct.pack("<I", following))
        place += size
    return b"".join(out)


_HYPERSTACK = (
    b"ImageJ=1.53t\nimages=4\nchannels=2\nslices=2\nhyperstack=true\n"
    b"mode=grayscale\nunit=\\u00B5m\nspacing=-0.05\nmin=0.0\nmax=255.0\n"
)


def descriptions() -> list[bytes]:
    """Descriptions of ImageJ, OME and tifffile for the pages of `described`."""
    said = [
        b"ImageJ=1.53t\nimages=4\nslices=4\nunit=micron\nspacing=0.05\nloop=false\n",
        _HYPERSTACK,
        b'{"shape": [4, 3, 4], "axes": "ZYX"}',
        b"shape=(4, 3, 4)",
    ]
    for order in ("XYZCT", "XYCZT"):
        planes = "".join(f'<TiffData IFD="{n}" FirstZ="{n}"/>' for n in range(4))
        said.append(_ome(order, planes))
    return said


def _ome(order: str, planes: str) -> bytes:
    return (
        '<?xml version="1.0"?><OME xmlns='
        '"http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="urn:uuid:1">'
        f'<Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="{order}" '
        'Type="uint8" SizeX="4" SizeY="3" SizeZ="4" SizeC="1" SizeT="1" '
        'PhysicalSizeX="0.008" PhysicalSizeY="8" PhysicalSizeYUnit="nm" '
        'PhysicalSizeZ="50" PhysicalSizeZUnit="Å"><Channel ID="Channel:0:0" '
        f'Name="EM" SamplesPerPixel="1"/>{planes}</Pixels></Image></OME>'
    ).encode()


def bundles(folder: Path, names: tuple[str, ...]) -> bytes:
    """The small JSON files below ``folder`` as one JSON object, by path."""
    found = {
        p.relative_to(folder).as_posix(): json.loads(p.read_text("utf-8"))
        for name in names
        for p in sorted(folder.rglob(name))
    }
    return json.dumps(found).encode()


def pictures() -> list[bytes]:
    """PNG and JPEG of 4 x 3 grey pixels and colours, and PNM of both kinds."""
    from PIL import Image

    grey = np.arange(12, dtype=np.uint8).reshape(3, 4)
    kinds: list[Any] = [
        grey,
        grey.astype(np.uint16) * 999,
        np.stack([grey] * 3, -1),
        grey > 4,
    ]
    found = []
    for values in kinds:
        for name in ("png", "jpeg", "ppm", "bmp", "gif", "webp"):
            out = io.BytesIO()
            try:
                Image.fromarray(values).save(out, name)
            except (OSError, ValueError):
                continue
            found.append(out.getvalue())
    found.append(b"P2\n# a comment\n4 3\n255\n" + b"7 " * 12)
    return found


def gzipped(data: bytes) -> bytes:
    """``data`` as a gzip stream."""
    packer = zlib.compressobj(wbits=31)
    return packer.compress(data) + packer.flush()

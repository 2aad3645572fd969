"""Targets of what people write: catalogs, boxes, lengths, options, URLs, variables."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Sequence
from typing import Any
from unittest import mock

import numpy as np
import xarray as xr
import yaml

from benchmarks.fuzz import seeds
from benchmarks.fuzz.memory import folder
from benchmarks.fuzz.target import Target
from emcatalog.catalog import VolumeCatalog, problems
from emcatalog.cli.arguments import parameters
from emcatalog.cli.boxes import by_length, by_voxel
from emcatalog.driver.registry import driver
from emcatalog.errors import EmcatalogError
from emcatalog.geometry import Grid
from emcatalog.index import voxel_coords
from emcatalog.mirror import MIRROR_VARIABLE, Mirrors, current_mirrors, mirror_path
from emcatalog.transport import Transport
from emcatalog.units import parse_bytes, unit_nm
from emcatalog.volume import MEMORY_VARIABLE, memory_limit

DRIVERS = ("tiff", "dm3", "ngff", "precomputed", "idr")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


_LITERAL = """\
metadata:
  version: 1
sources:
  a:
    driver: tiff
    description: x
    args:
      urlpath: '{{ CATALOG_DIR }}/a.tif'
      channel: 1
"""
_TEMPLATED = """\
sources:
  b:
    driver: ngff
    parameters:
      level: {description: which, type: int, default: 0, min: 0, max: 8}
    args:
      urlpath: nope://x/y.zarr
      level: '{{ level }}'
    metadata: {license: CC0, voxel_size_nm: 8}
"""


def check_catalog(data: bytes) -> str:
    """A catalog in YAML: listed, examined, every entry made but none opened."""
    catalog = VolumeCatalog(str(folder({"c.yaml": data}) / "c.yaml"))
    names = list(catalog)
    found = problems(catalog)
    for name in names[:4]:
        try:
            str(catalog[name])
        except EmcatalogError:
            found.append(name)
    return f"a catalog {'with' if found else 'without'} problems; {len(names)}"


def _catalogs(real: bool) -> Sequence[bytes]:
    text = (seeds.ROOT / "catalog.yaml").read_text("utf-8")
    # no URL may lead anywhere
    shipped = yaml.safe_load(re.sub(r"\w+://", "nope://", text))["sources"]
    return [
        _LITERAL.encode(),
        _TEMPLATED.encode(),
        b"sources: {c: {driver: idr, args: {image_id: 7, route: rendered}}}\n",
        *(yaml.safe_dump({"sources": {n: shipped[n]}}).encode() for n in shipped),
    ]


def check_mirror(data: bytes) -> str:
    """A URL: its place in a mirror, and where rules and mirrors lead."""
    url, root = _text(data), str(folder({}))
    try:
        path = mirror_path(url)
    except EmcatalogError:
        path = None
    if path is not None and (path.is_absolute() or ".." in path.parts):
        raise AssertionError(f"{url!r} leads out of its mirror: {path}")
    mirrors = Mirrors((root,), (("s3://b/", "http://127.0.0.1:9/b/"),))
    found = Transport(mirrors=mirrors).origin(url)
    return f"{'a' if path else 'no'} place; {path} {found.scheme}"


def _urls(real: bool) -> Sequence[bytes]:
    return [
        b"https://a.org/data/%20x/1.tif",
        b"https://me:word@a.org:8080/render/7/?c=1%7C0:255&m=g",
        b"s3://bucket/volume.zarr/#1/?x",
        b"gs://b/o", b"ftp://ftp.ebi.ac.uk/empiar/a;type=i", b"file:///tmp/a%20b.tif",
        b"../relative/~x.tif", b"https://[::1]/x", b"~root/x",
    ]  # fmt: skip


@functools.lru_cache(maxsize=1)
def _array() -> xr.DataArray:
    grid = Grid((12, 34, 56), (50.0, 8.0, 8.0), (25.0, -4.0, 0.0))
    values = np.zeros(grid.shape, np.uint8)
    return xr.DataArray(values, voxel_coords(grid), ("z", "y", "x"))


def check_box(data: bytes) -> str:
    """What follows --box and --voxels."""
    text, told = _text(data), []
    for cut in (by_length, by_voxel):
        try:
            told.append(str(cut(_array(), text).sizes["z"]))
        except EmcatalogError as error:
            told.append(type(error).__name__)
            last = error
    if all(word.isalpha() for word in told):
        raise last
    return f"a box; {told}"


def check_length(data: bytes) -> str:
    """What stands in .sel: a label, both ends of a slice, a tolerance; and a unit."""
    first, _, second = _text(data).partition("|")
    array = _array()
    known = unit_nm(first)
    array.sel(y=slice(first or None, second or None))
    array.sel(z=first, method="nearest", tolerance=second or None)
    found = array.sel(x=first)
    return f"a length; {float(found.x)} {known}"


def check_variables(data: bytes) -> str:
    """Values of the environment, and sizes of memory."""
    text = _text(data).replace("\0", "")
    with mock.patch.dict(os.environ, {MEMORY_VARIABLE: text, MIRROR_VARIABLE: text}):
        told = []
        for ask in (memory_limit, current_mirrors, lambda: parse_bytes(text)):
            try:
                told.append(type(ask()).__name__)
            except EmcatalogError as error:
                told.append(type(error).__name__)
                last = error
    if all(word.endswith("Error") for word in told):
        raise last
    return f"{' '.join(told)}"


def check_options(data: bytes) -> str:
    """A driver's name, and a KEY=VALUE in each line after it."""
    name, *words = _text(data).split("\n")
    kind = _driver(name if name in DRIVERS else DRIVERS[len(name) % len(DRIVERS)])
    given: dict[str, Any] = dict(parameters(words))
    source = kind(**given)
    return f"{kind.name} with {len(source.options)} options"


# looking through all that is installed takes longer than the rest
_driver = functools.lru_cache(maxsize=16)(driver)


def _options(real: bool) -> Sequence[bytes]:
    return [
        b"tiff\nurlpath=a.tif\nchannel=1\nvoxel_size_nm=[50, 8, 8]\ngaps=absent",
        b"dm3\nurlpath=[a.dm3, b.dm3]\nimage=2\nvoxel_size_nm=8",
        b"ngff\nurlpath=nope://a\nlevel=2\naxes=czyx\ntime=0\nmultiscale=x",
        b"precomputed\nurlpath=nope://a\nvoxel_nm=16.0\nstorage_options={anon: true}",
        b"idr\nimage_id=7\nroute=rendered\nmetadata={title: a, voxel_size_nm: [1, 2]}",
    ]


_YAML = (
    b"sources", b"driver", b"args", b"urlpath", b"parameters", b"type", b"default",
    b"int", b"float", b"str", b"min", b"max", b"allowed", b"{{ env('X', '1') }}",
    b"{{ level }}", b"{% if x %}", b"{%", b"{{", b"&a", b"*a", b"<<: *a", b"|",
    b"!!python/object:x", b"---", b"- ", b"metadata", b"null", b"'", b'"', b"[", b"{",
    b"direct_access", b"cache", b"description", b"level", b"2001-01-01", b"0x7f", b"~",
)  # fmt: skip
_UNITS = (
    b"nm", b"um", b"\xc2\xb5m", b"mm", b"angstrom", b"m", b"s", b"1e400", b"1e-400",
    b"nan", b"inf", b"-", b"+", b".", b"|", b"e", b"\xd9\xa1", b"kilo", b"_", b"px",
)  # fmt: skip
_BOX = (b"z=", b"x=", b":", b",", b"=", b" ", b"99999999999999999999", *_UNITS)

TARGETS = [
    Target(
        "catalog", "catalogs in YAML", "text", _catalogs, check_catalog, _YAML, 4096
    ),
    Target(
        "mirror",
        "URLs and their places in mirrors",
        "text",
        _urls,
        check_mirror,
        (b"%2e%2e", b"%2f", b"\\", b"..", b"//", b"@", b":", b"[", b"]", b"#", b"?"),
        512,
    ),
    Target(
        "box",
        "--box and --voxels",
        "text",
        lambda real: [b"0:500,1um:1.5um,0:512", b"0:64,0:128,0:128", b"x=0:9", b"::,:"],
        check_box,
        _BOX,
        256,
    ),
    Target(
        "lengths",
        "labels of .sel, and units",
        "text",
        lambda real: [b"0.2 um", b"100 nm|0.2 um", b"75", b"100nm|50 nm", b"1e2|"],
        check_length,
        _UNITS,
        256,
    ),
    Target(
        "variables",
        "values of the environment",
        "text",
        lambda real: [b"4GiB", b"512", b"64 MB", b"/tmp:/x", b"1e3kib", b""],
        check_variables,
        (b"GiB", b"KB", b"inf", b"nan", b"1e999", b"-", b":", b"~", b"\xd9\xa1"),
        256,
    ),
    Target(
        "options",
        "KEY=VALUE of the command line",
        "text",
        _options,
        check_options,
        (b"=", b"\n", b"&a", b"*a", b"[", b"{", b"null", b"!!int", b"2001-01-01", b"~"),
        1024,
    ),
]

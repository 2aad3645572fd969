"""From axes, placements and arrays to volumes in nanometres, and their record."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from emcatalog.chunked import Axes, ChunkedVolume, child, spec_text, verify
from emcatalog.errors import EmcatalogError, FormatError, OptionError
from emcatalog.geometry import Grid, Lengths, Triple
from emcatalog.record import Claim, Record, voxel_size
from emcatalog.volume import Pyramid
from emcatalog_ngff.lattice import Lattice
from emcatalog_ngff.model import Array, Axis, Multiscale, Placement
from emcatalog_ngff.omero import channel_labels, display_window
from emcatalog_ngff.singly import is_sharded, singly
from emcatalog_ngff.store import Store

ZYX = ("z", "y", "x")
_ORDERS = {"zarr": "dtype", "zarr3": "codecs", "n5": "the format: big-endian"}
"""Where a driver of TensorStore finds the byte order."""

Told = Mapping[str, Any]
Levels = tuple[Multiscale, tuple[Array, ...]]


@dataclass(frozen=True)
class Choice:
    """What the options say: channel and time point, and declared voxel sizes."""

    channel: int | str
    time: int
    declared: tuple[Claim, ...]


def build(store: Store, levels: Levels, told: Told, choice: Choice) -> Pyramid:
    """The pyramid of an image whose levels' metadata are read.

    ``told`` are OME's members of the group. Raises FormatError where axes, arrays and
    placements do not fit each other, or a voxel size is nowhere told.
    """
    image, arrays = _finest_first(levels)
    _check_dimensions(image, arrays)
    labels = channel_labels(told)
    axes = _axes(image, arrays, choice, labels)
    sizes = (*_voxel_claims(image, axes), *choice.declared)
    spatial = voxel_size(Record(sizes))
    units = _units(image, axes, spatial)
    volumes = []
    for level, array in zip(image.levels, arrays, strict=True):
        grid = _grid(level.placement, array, axes, units)
        try:
            volumes.append(_volume(store, level.path, array, axes, grid))
        except EmcatalogError as error:
            error.about(f"{store.url}{level.path}")
            raise
    claims = _claims(image, arrays[0], told, axes)
    origins = _origin_claims(image, axes, volumes[0].grid.origin)
    return Pyramid(tuple(volumes), Record((*sizes, *origins, *claims)))


def _finest_first(levels: Levels) -> Levels:
    image, arrays = levels
    pairs = sorted(
        zip(image.levels, arrays, strict=True),
        key=lambda pair: math.prod(_spatial(image, pair[0].placement.scale)),
    )
    ordered = tuple(level for level, _ in pairs)
    return replace(image, levels=ordered), tuple(array for _, array in pairs)


def _spatial(image: Multiscale, values: Iterable[float]) -> list[float]:
    pairs = zip(image.axes, values, strict=True)
    return [value for axis, value in pairs if axis.name in ZYX]


def _check_dimensions(image: Multiscale, arrays: Sequence[Array]) -> None:
    names = [axis.name for axis in image.axes]
    for level, array in zip(image.levels, arrays, strict=True):
        if len(array.shape) != len(names):
            raise FormatError(
                got=f"{len(array.shape)} dimensions of the array {level.path!r}",
                expected=f"{len(names)}, as the axes {names}",
                hint="the metadata of the group and of the array disagree",
            )
        if array.dtype != arrays[0].dtype:
            raise FormatError(
                got=f"voxels of {array.dtype} in {level.path!r}",
                expected=f"{arrays[0].dtype}, as in the finest level",
                hint="open the levels one by one: add the path to the URL",
            )
    if not set(ZYX) & set(names):
        raise FormatError(
            got=f"axes {names}",
            expected="some of z, y and x, and perhaps c and t",
            hint="axes='czyx', slowest first, names the dimensions in their order",
        )


def _axes(
    image: Multiscale,
    arrays: Sequence[Array],
    choice: Choice,
    labels: Sequence[str],
) -> Axes:
    """Where z, y and x are, and at which index all other dimensions are held."""
    names = [axis.name for axis in image.axes]
    fixed = []
    for d, name in enumerate(names):
        if name in ZYX:
            continue
        lengths = {array.shape[d] for array in arrays}
        if len(lengths) > 1:
            raise FormatError(
                got=f"levels with {sorted(lengths)} entries along {name}",
                expected="the same number in each level",
                hint="open the levels one by one: add the path to the URL",
            )
        fixed.append((d, _index(name, lengths.pop(), choice, labels)))
    for name in {"c", "t"} - set(names):  # one channel, one time point, without an axis
        _index(name, 1, choice, labels[:1])
    z, y, x = (names.index(a) if a in names else None for a in "zyx")
    return Axes((z, y, x), tuple(fixed))


def _index(name: str, length: int, choice: Choice, labels: Sequence[str]) -> int:
    if name == "t":
        return _within("time", choice.time, length, ())
    if name == "c":
        channel = choice.channel
        if isinstance(channel, str) and channel in labels:
            return labels.index(channel)
        if isinstance(channel, str) and channel.isdecimal():
            channel = int(channel)
        return _within("channel", channel, length, labels)
    if length == 1:
        return 0
    raise FormatError(
        got=f"{length} entries along the axis {name!r}",
        expected="axes named t, c, z, y and x",
        hint="axes='czyx', slowest first, names the dimensions of a plain array",
    )


def _within(option: str, value: int | str, length: int, labels: Sequence[str]) -> int:
    if isinstance(value, int) and 0 <= value < length:
        return value
    expected = f"0 to {length - 1}" if length > 1 else "0, the only one"
    if labels:
        expected += f", or one of the labels {', '.join(labels)}"
    raise OptionError(
        got=f"{option}={value!r}", expected=expected, hint=f"choose another {option}"
    )


def _units(image: Multiscale, axes: Axes, spatial: Lengths) -> Lengths:
    """Nanometres in one unit of z, y and x.

    Where the unit is not told, or makes no sense, the voxel size that something else
    tells of the finest level says it, and so for all levels.
    """
    first = image.levels[0].placement
    units = []
    for size, d in zip(spatial, axes.order, strict=True):
        if d is None:
            units.append(size)
        else:
            nm, scale = image.axes[d].nm, first.scale[d]
            # a scale that was doubted is not that of the believed size
            is_told = nm is not None and math.isclose(nm * scale, size, rel_tol=1e-9)
            units.append(nm if nm is not None and is_told else size / scale)
    z, y, x = units
    return z, y, x


def _grid(placement: Placement, array: Array, axes: Axes, units: Lengths) -> Grid:
    """An axis that is not stored has one voxel, whose centre is at 0."""
    sizes, origins = [], []
    for unit, d in zip(units, axes.order, strict=True):
        sizes.append(unit if d is None else placement.scale[d] * unit)
        origins.append(0.0 if d is None else placement.translation[d] * unit)
    (sz, sy, sx), (oz, oy, ox) = sizes, origins
    return Grid(_zyx(array.shape, axes), (sz, sy, sx), (oz, oy, ox))


def _volume(
    store: Store, path: str, array: Array, axes: Axes, grid: Grid
) -> ChunkedVolume:
    place = store.kvstore(path)
    store.check_chunks(path, array.stored_bytes)
    spec = spec_text(array.driver, place, metadata=array.metadata)
    verify(spec)
    chunks, url = _zyx(array.chunks, axes), child(store.url, path)
    volume = ChunkedVolume(grid, array.dtype, chunks, spec, axes, url)
    if not is_sharded(array):
        volume = replace(volume, sums=store.sums(path))
    if array.transcode is None:
        return replace(volume, by_chunk=singly(array, spec, place, axes))
    folder = json.dumps(place, sort_keys=True)
    keys = Lattice(folder, array.chunks, axes, array.naming)
    return replace(volume, keys=keys, transcode=array.transcode)


def _zyx(values: tuple[int, ...], axes: Axes) -> Triple:
    z, y, x = (1 if d is None else values[d] for d in axes.order)
    return z, y, x


def _stored(axes: Axes) -> Iterable[tuple[str, int]]:
    """Letter and number of each spatial dimension that is stored."""
    pairs = zip("zyx", axes.order, strict=True)
    return ((letter, d) for letter, d in pairs if d is not None)


def _placed(image: Multiscale, axes: Axes) -> Iterable[tuple[str, Axis, float]]:
    """Letter, axis and scale of each axis whose unit is known."""
    placement = image.levels[0].placement
    for letter, d in _stored(axes):
        if image.axes[d].nm is not None:
            yield letter, image.axes[d], placement.scale[d]


def _voxel_claims(image: Multiscale, axes: Axes) -> Iterator[Claim]:
    """Voxel sizes by every attribute; those by which voxels are placed are first.

    Without a unit a scale of 1 says nothing; another one is doubted.
    """
    for letter, d in _stored(axes):
        axis, scale = image.axes[d], image.levels[0].placement.scale[d]
        size, unit = (scale, axis.unit) if axis.nm is None else (scale * axis.nm, "nm")
        if unit or scale != 1:
            field = f"voxel_size_{letter}"
            yield Claim(field, size, "file", image.locator, unit).examined()
    for letter, d in _stored(axes):
        for found in image.statements:
            yield found.claim(letter, d)


def _origin_claims(image: Multiscale, axes: Axes, origin: Lengths) -> tuple[Claim, ...]:
    values = dict(zip("zyx", origin, strict=True))
    return tuple(
        Claim(f"origin_{letter}", values[letter], "file", image.locator, "nm")
        for letter, _, _ in _placed(image, axes)
    )


def _claims(
    image: Multiscale, array: Array, told: Told, axes: Axes
) -> tuple[Claim, ...]:
    kind = "segmentation" if "image-label" in told else "image"
    rows: list[tuple[str, Any, str]] = [
        ("format", image.format, "multiscales"),
        ("kind", kind, "image-label"),
        ("pixel_type", str(array.dtype), "dtype"),
        ("compression", array.encoding, "compressor"),
        ("rendered", 0, "multiscales"),
    ]
    if (lossy := _lossy(array.encoding)) is not None:
        rows.append(("lossy", lossy, "compressor"))
    if array.byte_order:
        rows.append(("byte_order", array.byte_order, _ORDERS[array.driver]))
    if image.name:
        rows.append(("title", image.name[:1000], "multiscales[].name"))
    labels = channel_labels(told)
    if labels:
        rows.append(("channels", tuple(labels), "omero.channels"))
    chosen = {image.axes[d].name: index for d, index in axes.fixed}
    if "c" in chosen:
        rows.append(("channel", chosen["c"], "channel"))
    if "t" in chosen:
        rows.append(("time", chosen["t"], "time"))
    if window := display_window(told, chosen.get("c", 0)):
        rows.append(("display_window", window, "omero.channels[].window"))
    return tuple(Claim(name, value, "file", where) for name, value, where in rows)


def _lossy(codecs: str) -> int | None:
    """Whether codecs change voxels; None where that depends on the voxels."""
    names = set(re.split(r"[ ,.]+", codecs))
    if names & {"quantize", "bitround"}:
        return 1
    return None if names & {"fixedscaleoffset", "astype"} else 0

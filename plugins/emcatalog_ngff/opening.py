"""From a URL to a pyramid: find the image, read the levels' metadata, place them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from emcatalog.chunked import folder
from emcatalog.errors import (
    AccessDeniedError,
    EmcatalogError,
    FormatError,
    NotFoundError,
    OptionError,
)
from emcatalog.record import declared_voxel_size
from emcatalog.transport import Transport
from emcatalog.volume import Pyramid
from emcatalog_ngff import n5
from emcatalog_ngff.arrays import n5_array, zarr2_array, zarr3_array
from emcatalog_ngff.groups import no_image, only_image
from emcatalog_ngff.model import (
    AXES,
    Array,
    Axis,
    Level,
    Multiscale,
    Placement,
    sequence,
)
from emcatalog_ngff.ome import (
    Wanted,
    attributes_of_ome,
    chosen_image,
    no_system,
    parse_multiscale,
)
from emcatalog_ngff.probe import Node, nothing_at, probe
from emcatalog_ngff.pyramid import Choice, Levels, build
from emcatalog_ngff.raw import FILES, raw_json
from emcatalog_ngff.statements import Group, Source, without
from emcatalog_ngff.store import open_store

_PREFIXES = ("zarr://", "zarr2://", "zarr3://", "n5://")
_N5_SCALES = 32


def open_pyramid(  # noqa: PLR0913 - the options of the driver
    urlpath: str,
    transport: Transport,
    *,
    channel: int | str = 0,
    time: int = 0,
    multiscale: int | str = 0,
    axes: str = "",
    system: str = "",
    voxel_size_nm: list[float | None] | float | None = None,
) -> Pyramid:
    """Open an OME-Zarr (0.1 to 0.6) or N5 image, or one plain array of them.

    Reads the metadata of the group and of each level, the latter at the same time.
    A translation is the centre of voxel 0; each level keeps its own.

    Args:
        urlpath: The multiscale group, or one array: ``s3://``, ``gs://``, ``https://``
            or a local path. It may lie in a zip file, ``a.ome.zarr.zip/labels/cells``.
        transport: How bytes are had.
        channel: Index of the channel, or its label in the ``omero`` metadata.
        time: Index of the time point.
        multiscale: Which image of the group, by index or name.
        axes: Letters of the stored dimensions (of t, c, z, y, x), slowest first, for
            an array whose metadata do not name them, or name them otherwise.
        system: The coordinate system of OME-Zarr 0.6 in which voxels are placed, by
            name; empty for that to which the levels lead.
        voxel_size_nm: Size of the finest level along z, y, x in nanometres, for axes
            whose unit the metadata do not tell; what they tell goes first. Levels
            without transformations cannot be placed and are left out, but for the
            finest.

    Raises FormatError for metadata that are damaged or beyond a regular grid (negative
    scale, rotation), for codecs that neither TensorStore nor `transcoding` has and for
    voxels that are no numbers; OptionError for a channel, time or image that does not
    exist.
    """
    for prefix in _PREFIXES:
        urlpath = urlpath.removeprefix(prefix)
    url = folder(urlpath)
    try:
        node = probe(open_store(urlpath, transport))
        if path := only_image(node):
            node = probe(node.store.below(path))
        wanted = Wanted(multiscale, system, _letters(axes))
        levels = _image(node, transport, wanted)
        choice = Choice(channel, time, declared_voxel_size(voxel_size_nm))
        told = attributes_of_ome(node.attributes)
        if node.array is not None and node.flavour != "n5" and not choice.declared:
            raise _unplaced(url)
        pyramid = build(node.store, levels, told, choice)
        return replace(pyramid, raw=raw_json(node, levels))
    except EmcatalogError as error:
        error.about(url)
        raise


def _unplaced(url: str) -> FormatError:
    return FormatError(
        got="one Zarr array, which has no voxel size",
        expected="a multiscale group, which has one",
        hint=f"open the group above it, {url.rstrip('/').rpartition('/')[0]}, or "
        "declare voxel_size_nm=[z, y, x]",
    )


def _image(node: Node, transport: Transport, wanted: Wanted) -> Levels:
    if node.flavour == "n5":
        return _n5_image(node, transport, wanted)
    if node.array is not None:
        _only_one(wanted)
        return _one_array(
            _parsed(node.flavour, node.array, node.attributes), wanted.axes
        )
    if "multiscales" not in attributes_of_ome(node.attributes):
        raise no_image(node)
    version = 3 if node.flavour == "zarr3" else 2
    image = parse_multiscale(node.attributes, wanted, version)
    paths = [level.path for level in image.levels]
    arrays = tuple(transport.map(lambda path: _level(node, path), paths))
    images = attributes_of_ome(node.attributes)["multiscales"]
    index = chosen_image(images, wanted.image)
    group = Group(node.attributes, images[index], f"multiscales[{index}]")
    found = group.of_zarr(paths[0], arrays[0])
    return replace(image, statements=tuple(found)), arrays


def _level(node: Node, path: str) -> Array:
    try:
        members = node.store.json(f"{path}/{FILES[node.flavour]}")
    except (NotFoundError, AccessDeniedError) as error:
        error.got = f"no metadata of the level {path!r} ({error.got})"
        error.hint = (
            "the group lists this level, but it is not there or not public; a level "
            "that is there opens by itself: add its path to the URL"
        )
        raise
    try:
        given = members.get("attributes") if node.flavour == "zarr3" else {}
        attributes = given if isinstance(given, dict) else {}
        return replace(_parsed(node.flavour, members, attributes), raw=members)
    except FormatError as error:
        error.got = f"level {path!r}: {error.got}"
        raise


def _parsed(
    flavour: str, members: Mapping[str, Any], attributes: Mapping[str, Any]
) -> Array:
    if flavour == "zarr2":
        return zarr2_array(members, attributes)
    if flavour == "zarr3":
        return zarr3_array(members, attributes)
    return n5_array(members)


def _one_array(array: Array, letters: tuple[str, ...]) -> Levels:
    """A single Zarr array as an image of one level, of unknown voxel size."""
    names = _dimension_names(array, letters)
    level = Level("", Placement.identity(len(names)))
    axes = tuple(Axis(name) for name in names)
    kind = "Zarr v2 array" if array.driver == "zarr" else "Zarr v3 array"
    told = tuple(Source(array.attributes, "", len(names), is_n5=False).statements())
    return Multiscale(kind, axes, (level,), "", "", told), (array,)


def _dimension_names(array: Array, letters: tuple[str, ...]) -> Sequence[str]:
    count = len(array.shape)
    if letters:
        return _fitting(letters, count)
    for member in ("dimension_names", "_ARRAY_DIMENSIONS"):
        names = array.attributes.get(member)
        if isinstance(names, list) and len(names) == count and all(names):
            return [str(name).lower() for name in names]
    if count <= 3:
        return AXES[len(AXES) - count :]
    raise FormatError(
        got=f"{count} dimensions without names",
        expected="names of the dimensions",
        hint="name them, slowest first, for instance axes='czyx'",
    )


def _letters(axes: str) -> tuple[str, ...]:
    names = tuple(axes.lower())
    if len(set(names)) < len(names) or not set(names) <= set(AXES):
        raise OptionError(
            got=f"axes={axes!r}",
            expected="different letters of t, c, z, y, x",
            hint="slowest dimension first, as zarr lists the shape",
        )
    return names


def _fitting(letters: tuple[str, ...], count: int) -> tuple[str, ...]:
    if len(letters) != count:
        raise OptionError(
            got=f"axes={''.join(letters)!r}",
            expected=f"{count} letters, one for each dimension of the array",
            hint="slowest dimension first, as zarr lists the shape",
        )
    return letters


def _only_one(wanted: Wanted) -> None:
    """Raise OptionError for a choice where there is one image, without systems."""
    no_system(wanted)
    chosen_image([None], wanted.image)


def _n5_group(node: Node, wanted: Wanted) -> Mapping[str, Any]:
    """Attributes of a group, of its images only the one that is wanted."""
    no_system(wanted)
    if "multiscales" not in node.attributes:
        _only_one(wanted)
        return node.attributes
    found = sequence(node.attributes["multiscales"], "multiscales")
    image = found[chosen_image(found, wanted.image)]
    return {**node.attributes, "multiscales": [image]}


def _n5_image(node: Node, transport: Transport, wanted: Wanted) -> Levels:
    if node.array is not None:
        arrays: tuple[Array, ...] = (n5_array(node.array),)
        paths: tuple[str, ...] = ("",)
        group: Mapping[str, Any] = {}
        _only_one(wanted)
    else:
        group = _n5_group(node, wanted)
        listed = n5.listed_paths(group)
        if listed:
            asked = transport.map(lambda path: _level(node, path), listed)
            paths, arrays = listed, tuple(asked)
        else:
            paths, arrays = _n5_found(node)
    dimensions = len(arrays[0].shape)
    placed = n5.place(group, [array.attributes for array in arrays], dimensions)
    axes = placed[0].axes
    if wanted.axes:  # given slowest first, N5 has the fastest first
        names = _fitting(wanted.axes, dimensions)[::-1]
        axes = tuple(
            replace(axis, name=name) for name, axis in zip(names, axes, strict=True)
        )
    name = n5.title(group)
    images = group.get("multiscales") or [{}]
    found = Group(group, images[0], "multiscales[0]").of_n5(paths[0], arrays[0])
    image = Multiscale(
        format="N5",
        axes=axes,
        levels=n5.as_levels(paths, placed),
        name=name,
        locator=placed[0].locator,
        statements=without(tuple(found), placed[0].locator),
    )
    return image, arrays


def _n5_found(node: Node) -> tuple[tuple[str, ...], tuple[Array, ...]]:
    """The levels s0, s1, ... that are there, of a group that lists none."""
    arrays: list[Array] = []
    names = [f"s{index}" for index in range(_N5_SCALES)]
    held = node.store.held([f"{name}/attributes.json" for name in names])
    for name in names:
        if arrays and held and f"{name}/attributes.json" not in held:
            break
        try:
            arrays.append(_level(node, name))
        except (NotFoundError, AccessDeniedError) as error:
            if not arrays and node.attributes:
                raise no_image(node) from error
            if not arrays:
                raise nothing_at(node.store.url) from error
            break
    return tuple(names[: len(arrays)]), tuple(arrays)

"""One image of an OMERO server: its pixels, its JSON and its rendering.

Written from the published interface of OMERO.web's gateway and from how OMERO defines
a rendering: each active channel's window is mapped to 0..255, then painted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

CHANNEL = re.compile(
    r"(?P<off>-?)(?P<number>\d+)"
    r"(\|(?P<start>-?[\d.]+):(?P<end>-?[\d.]+))?"
    r"(\$(?P<color>[0-9A-Fa-f]{6}))?"
)


@dataclass(frozen=True)
class Channel:
    """How one channel is rendered: its window and colour (RRGGBB)."""

    start: float
    end: float
    color: str = "808080"
    active: bool = True


@dataclass(frozen=True)
class OmeroImage:
    """An image as OMERO holds it.

    ``pixels`` has the axes t, c, z, y, x; ``pixel_size_um`` is z, y, x in micrometres,
    None where nothing is known. ``window`` is the stored display range of every
    channel, and ``colors`` their colours. ``annotations`` are keys with values.
    """

    pixels: NDArray[Any]
    pixel_size_um: tuple[float | None, float | None, float | None]
    image_id: int = 9846137
    name: str = "image.tif"
    window: tuple[float, float] = (36.0, 199.0)
    colors: tuple[str, ...] = ("808080",)
    repository_path: str = "uod/idr/filesets/study/20200610-ftp/image.tif"
    dataset: tuple[int, str] = (10740, "dataset")
    description: str = ""
    annotations: tuple[tuple[str, str], ...] = ()

    @property
    def pixel_type(self) -> str:
        """OMERO's name of the pixel type: those of NumPy but for the floats."""
        return {"float32": "float", "float64": "double"}.get(
            self.pixels.dtype.name, self.pixels.dtype.name
        )

    @cached_property
    def channels(self) -> list[Channel]:
        """The stored rendering settings."""
        count = self.pixels.shape[1]
        colors = self.colors + ("FFFFFF",) * (count - len(self.colors))
        return [Channel(*self.window, color) for color in colors[:count]]

    @property
    def model(self) -> str:
        """The stored rendering model: grey for one channel."""
        return "greyscale" if len(self.channels) == 1 else "color"

    def parse_channels(self, text: str) -> list[Channel]:
        """The settings that ``c=`` asks for; channels it does not name are off."""
        found = [CHANNEL.fullmatch(part) for part in text.split(",")]
        chosen = [Channel(c.start, c.end, c.color, active=False) for c in self.channels]
        for match in found:
            if match is None or not 1 <= int(match["number"]) <= len(chosen):
                continue
            stored = self.channels[int(match["number"]) - 1]
            chosen[int(match["number"]) - 1] = Channel(
                float(match["start"] or stored.start),
                float(match["end"] or stored.end),
                match["color"] or stored.color,
                active=not match["off"],
            )
        return chosen

    def render(
        self, z: int, t: int, channels: list[Channel], model: str
    ) -> NDArray[np.uint8]:
        """Plane ``z`` (from 0) at time ``t`` as RGB, shape y, x, 3."""
        active = [i for i, channel in enumerate(channels) if channel.active]
        height, width = self.pixels.shape[3:]
        picture = np.zeros((height, width, 3))
        for i in active[:1] if model == "greyscale" else active:
            level = quantize(self.pixels[t, i, z], channels[i].start, channels[i].end)
            color = bytes.fromhex(channels[i].color)
            paint = np.array([255] * 3 if model == "greyscale" else list(color))
            picture += level[..., None] * (paint / 255.0)
        return np.rint(np.clip(picture, 0, 255)).astype(np.uint8)


def quantize(plane: NDArray[Any], start: float, end: float) -> NDArray[np.float64]:
    """Map the window ``start``..``end`` to 0..255, linearly, rounded and clipped.

    It is the identity for unsigned 8-bit values and the window 0..255, and only then.
    """
    span = max(end - start, 1e-12)
    scaled = (plane.astype(np.float64) - start) * (255.0 / span)
    level: NDArray[np.float64] = np.rint(np.clip(scaled, 0.0, 255.0))
    return level


def image_data(image: OmeroImage) -> dict[str, Any]:
    """The answer of ``imgData``; ``pixel_size`` is in micrometres."""
    t, c, z, y, x = image.pixels.shape
    low, high = _value_range(image)
    size_z, size_y, size_x = image.pixel_size_um
    box = {"border": 2, "gridx": 1, "gridy": 1, "height": y + 4, "width": x + 4}
    return {
        "id": image.image_id,
        "meta": {
            "imageName": image.name,
            "imageDescription": image.description,
            "imageAuthor": "Public data",
            "imageArchived": False,
            "projectName": "Multiple",
            "projectId": None,
            "projectDescription": "",
            "datasetName": image.dataset[1],
            "datasetId": image.dataset[0],
            "datasetDescription": "",
            "wellSampleId": "",
            "wellId": "",
            "imageTimestamp": 1591747200.0,
            "imageId": image.image_id,
            "pixelsType": image.pixel_type,
        },
        "perms": dict.fromkeys(
            ("canAnnotate", "canEdit", "canDelete", "canLink"), False
        ),
        "tiles": False,
        "interpolate": True,
        "size": {"width": x, "height": y, "z": z, "t": t, "c": c},
        "pixel_size": {"x": size_x, "y": size_y, "z": size_z},
        "init_zoom": 0,
        "pixel_range": [low, high],
        "channels": [_channel_data(i, image) for i in range(c)],
        "split_channel": {"g": box, "c": box},
        "rdefs": {
            "model": image.model,
            "projection": "normal",
            "defaultZ": z // 2,
            "defaultT": 0,
            "invertAxis": False,
        },
    }


def _channel_data(number: int, image: OmeroImage) -> dict[str, Any]:
    channel, pixels = image.channels[number], image.pixels[:, number]
    return {
        "emissionWave": None,
        "label": str(number),
        "color": channel.color,
        "inverted": False,
        "reverseIntensity": False,
        "family": "linear",
        "coefficient": 1.0,
        "window": {
            "min": float(pixels.min()),
            "max": float(pixels.max()),
            "start": channel.start,
            "end": channel.end,
        },
        "active": channel.active,
    }


def _value_range(image: OmeroImage) -> tuple[float, float]:
    kind = image.pixels.dtype
    if kind.kind == "f":
        return float(image.pixels.min()), float(image.pixels.max())
    return int(np.iinfo(kind).min), int(np.iinfo(kind).max)


def model_data(image: OmeroImage, url: str) -> dict[str, Any]:
    """The answer of ``/api/v0/m/images/{id}/``; sizes are inside ``Pixels``."""
    schema = "http://www.openmicroscopy.org/Schemas/OME/2016-06#"
    sizes = dict(zip("TCZYX", image.pixels.shape, strict=True))
    pixels: dict[str, Any] = {
        "@id": image.image_id,
        "@type": schema + "Pixels",
        **{f"Size{axis}": size for axis, size in sizes.items()},
        "Type": {"@id": 1, "@type": "TBD#PixelsType", "value": image.pixel_type},
        "Channels": [
            {"@id": i, "@type": schema + "Channel"} for i in range(sizes["C"])
        ],
    }
    for axis, size in zip("ZYX", image.pixel_size_um, strict=True):
        if size is not None:
            pixels[f"PhysicalSize{axis}"] = {
                "@type": "TBD#LengthI",
                "Unit": "MICROMETER",
                "Symbol": "µm",
                "Value": size,
            }
    return {
        "data": {
            "@id": image.image_id,
            "@type": schema + "Image",
            "Name": image.name,
            "Description": image.description,
            "Pixels": pixels,
            "url:image": url,
        }
    }


def annotation_data(image: OmeroImage) -> dict[str, Any]:
    """The answer of ``/webclient/api/annotations/``: maps, and who wrote them."""
    annotation = {
        "id": 1,
        "ns": "openmicroscopy.org/omero/bulk_annotations",
        "class": "MapAnnotationI",
        "values": [list(pair) for pair in image.annotations],
        "owner": {"id": 2},
        "link": {"parent": {"id": image.image_id, "class": "ImageI"}},
    }
    person = {"id": 2, "firstName": "Ann", "lastName": "Other", "email": "a@b.org"}
    return {
        "annotations": [annotation] if image.annotations else [],
        "experimenters": [person],
    }

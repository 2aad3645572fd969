"""Miniature 1 as the IDR publishes it: an ImageJ TIFF, OMERO's JSON, rendered planes.

Shapes of the answers follow OMERO.web (``imgData``, ``original_file_paths``) and its
JSON API; planes are what omero-ms-image-region sends for an identity rendering.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from emcatalog.sample import tiff
from emcatalog.sample.stores import write_json

IMAGE = 9846137
HOST = "https://idr.openmicroscopy.org"
NAME = "Figure_S3B_FIB-SEM_U2OS_20x20x20nm_xy.tif"
FOLDER = (
    "idr0086-miron-micrographs/20200610-ftp/experimentD/Miron_FIB-SEM/"
    "Miron_FIB-SEM_processed"
)
FILE = f"https://ftp.ebi.ac.uk/pub/databases/IDR/{FOLDER}/{NAME}"
RENDERING = "c=1%7C0:255$FFFFFF&m=g&format=png"
_WINDOW = {"min": 0.0, "max": 255.0, "start": 36.0, "end": 199.0}
_MICROMETRES = 0.02
_PERMISSIONS = ("canAnnotate", "canEdit", "canDelete", "canLink")
_SCHEMA = "http://www.openmicroscopy.org/Schemas/OME/2016-06#"
_CHANNEL: dict[str, Any] = {
    "emissionWave": None,
    "label": "0",
    "color": "808080",
    "inverted": False,
    "reverseIntensity": False,
    "family": "linear",
    "coefficient": 1.0,
    "window": _WINDOW,
    "active": True,
}
_META: dict[str, Any] = {
    "imageName": NAME,
    "imageDescription": "A miniature made by emcatalog: procedural, not data.",
    "imageAuthor": "emcatalog sample",
    "imageArchived": False,
    "projectName": "idr0086-miron-micrographs/experimentD",
    "projectId": 1161,
    "projectDescription": "",
    "datasetName": "U2OS_chromatin",
    "datasetId": 10740,
    "datasetDescription": "",
    "wellSampleId": "",
    "wellId": "",
    "imageTimestamp": 1595376000.0,
    "imageId": IMAGE,
    "pixelsType": "uint8",
}
Place = Callable[[str], Path]
"""Gives the path of a URL inside the mirror."""


def write(place: Place, image: NDArray[np.uint8]) -> None:
    """Write the TIFF, the JSON pages and one PNG for each plane of ``image``."""
    target = place(FILE)
    target.parent.mkdir(parents=True, exist_ok=True)
    tiff.imagej(target, image, _description(len(image)))
    size = dict(zip(("z", "height", "width"), image.shape, strict=True))
    for page in ("webgateway/imgData", "webclient/imgData"):
        _page(place, f"{HOST}/{page}/{IMAGE}/", _image_data(size))
    _page(place, f"{HOST}/api/v0/m/images/{IMAGE}/", _api_image(size))
    _page(place, f"{HOST}/webgateway/original_file_paths/{IMAGE}/", _paths())
    for z, plane in enumerate(image):
        rgb = np.repeat(plane[..., np.newaxis], 3, axis=-1)
        target = place(f"{HOST}/webgateway/render_image/{IMAGE}/{z}/0/?{RENDERING}")
        target.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rgb).save(target, "PNG")


def _page(place: Place, url: str, answer: object) -> None:
    write_json(place(url) / "index.html", answer)


def _description(slices: int) -> str:
    return (
        f"ImageJ=1.52p\nimages={slices}\nslices={slices}\nunit=\\u00B5m\n"
        "spacing=0.02\nloop=false\nmin=36.0\nmax=199.0\n"
    )


def _paths() -> dict[str, list[str]]:
    return {
        "repo": [f"uod/idr/filesets/{FOLDER}/{NAME}"],
        "client": [f"idr/sample/{NAME}"],
    }


def _image_data(size: dict[str, int]) -> dict[str, Any]:
    """What ``imgData`` answers; pixel sizes in micrometres."""
    height, width = size["height"], size["width"]
    panel = {"width": width + 4, "height": height + 4, "border": 2}
    return {
        "id": IMAGE,
        "meta": _META,
        "perms": dict.fromkeys(
            ("canAnnotate", "canEdit", "canDelete", "canLink"), False
        ),
        "tiles": False,
        "interpolate": True,
        "size": {**size, "t": 1, "c": 1},
        "pixel_size": dict.fromkeys("xyz", _MICROMETRES),
        "init_zoom": 0,
        "pixel_range": [0, 255],
        "channels": [_CHANNEL],
        "split_channel": {
            "g": {**panel, "gridx": 1, "gridy": 1},
            "c": {**panel, "width": 2 * width + 6, "gridx": 2, "gridy": 1},
        },
        "rdefs": {
            "model": "greyscale",
            "projection": "normal",
            "defaultZ": size["z"] // 2,
            "defaultT": 0,
            "invertAxis": False,
        },
    }


def _api_image(size: dict[str, int]) -> dict[str, Any]:
    """What the JSON API answers: sizes are inside ``Pixels``."""
    length = {
        "@type": "TBD#LengthI",
        "Unit": "MICROMETER",
        "Symbol": "µm",
        "Value": _MICROMETRES,
    }
    pixels = {
        "@id": IMAGE,
        "@type": f"{_SCHEMA}Pixels",
        "SizeX": size["width"],
        "SizeY": size["height"],
        "SizeZ": size["z"],
        "SizeC": 1,
        "SizeT": 1,
        "PhysicalSizeX": length,
        "PhysicalSizeY": length,
        "PhysicalSizeZ": length,
        "SignificantBits": 8,
        "Type": {"@id": 6, "@type": "TBD#PixelsType", "value": "uint8"},
        "Channels": [{"@id": 1, "@type": f"{_SCHEMA}Channel", "Name": "0"}],
    }
    image = {"@id": IMAGE, "@type": f"{_SCHEMA}Image", "Name": NAME, "Pixels": pixels}
    return {"data": image}

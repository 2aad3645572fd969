"""Miniature 2 as EMPIAR publishes it: one DM3 file per slice, and the entry's JSON.

The tags are those that a Gatan 3View writes and a reader needs, at the same paths and
of the same types; a thumbnail comes first in the image list, its size differs between
slices, and tags follow the pixels, so no offset may be assumed.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emcatalog.sample import dm3
from emcatalog.sample.dm3 import Tree
from emcatalog.sample.stores import write_json

ENTRY = "EMPIAR-11759"
FOLDER = "https://ftp.ebi.ac.uk/empiar/world_availability/11759/data"
FILE = FOLDER + "/F57-8_test1_3VBSED_slice_{:04d}.dm3"
ANSWER = f"https://www.ebi.ac.uk/empiar/api/entry/{ENTRY}/"
_TITLE = "Developing retina in zebrafish 55 hpf larval eye."
_PIXEL_UM = 0.007998250424861908
_SLICE_NM = 50.0
_SMALL, _LARGE = (24, 24), (48, 47)
_FIRST_LARGE = 10


def write(place: Callable[[str], Path], image: NDArray[np.uint8]) -> None:
    """Write one file for each slice of ``image`` (z, y, x), and the entry."""
    place(FOLDER).mkdir(parents=True, exist_ok=True)
    for z, plane in enumerate(image):
        place(FILE.format(z)).write_bytes(dm3.encode(_file(z, plane)))
    write_json(place(ANSWER) / "index.html", {ENTRY: _entry(len(image))})


def _file(z: int, plane: NDArray[np.uint8]) -> dict[str, Tree]:
    low, high = (float(v) for v in np.percentile(plane, (1, 99)))
    return {
        "DocumentObjectList": [_display(low, high)],
        "HasWindowPosition": True,
        "Image Behavior": {"IsZoomedToWindow": True, "ViewDisplayID": 8},
        "ImageList": [_thumbnail(z, plane), _image(z, plane)],
        "ImageSourceList": [
            {"ClassName": "ImageSource:Simple", "Id": [0], "ImageRef": 1}
        ],
        "InImageMode": True,
        "LayoutType": "Unknown",
        "MinVersionList": [{"RequiredVersion": 50659328}],
        "NextDocumentObjectID": 11 + 2 * z,
        "Page Behavior": {"DrawMargins": True, "LayedOut": False},
        "Thumbnails": [{"ImageIndex": 0, "SourceSize_Pixels": list(plane.shape[::-1])}],
        "WindowPosition": dm3.singles(0.0, 0.0, *(float(n) for n in plane.shape)),
    }


def _display(low: float, high: float) -> Tree:
    """How DigitalMicrograph would show the image; ``ImageSource`` names it."""
    return {
        "AnnotationType": 20,
        "BackgroundMode": dm3.short(2),
        "HasBackground": False,
        "ImageDisplayInfo": {
            "Brightness": dm3.single(0.5),
            "CLUT": dm3.colours(),
            "CLUTName": "Greyscale",
            "Contrast": dm3.single(0.5),
            "DimensionLabels": [""],
            "EstimatedMax": dm3.single(high),
            "EstimatedMin": dm3.single(low),
            "Gamma": dm3.single(0.5),
            "HighLimit": dm3.single(high),
            "IsInverted": False,
            "LowLimit": dm3.single(low),
            "MainSliceId": [0],
        },
        "ImageDisplayType": 1,
        "ImageSource": dm3.signed(0),
        "IsVisible": True,
        "UniqueID": 8,
    }


def _thumbnail(z: int, plane: NDArray[np.uint8]) -> Tree:
    """A small RGBA picture, larger from the eleventh slice on."""
    rows, columns = _SMALL if z < _FIRST_LARGE else _LARGE
    pick = np.ix_(
        np.arange(rows) * plane.shape[0] // rows,
        np.arange(columns) * plane.shape[1] // columns,
    )
    rgba = np.repeat(plane[pick][..., np.newaxis], 4, axis=-1)
    rgba[..., 3] = 255
    return {
        "ImageData": {
            "Calibrations": _calibrations(1.0, ""),
            "Data": dm3.pixels(rgba),
            "DataType": 23,
            "Dimensions": [columns, rows],
            "PixelDepth": 4,
        },
        "ImageTags": {"GMS Version": {"Created": "3.21.1374.0"}},
        "Name": f"Image Of 3VBSED_slice_{z:04d}",
        "UniqueID": [11759, 0, z, 1],
    }


def _image(z: int, plane: NDArray[np.uint8]) -> Tree:
    rows, columns = plane.shape
    return {
        "Description": "pixel size :  0.0080µm x 0.0080µm ",
        "ImageData": {
            "Calibrations": _calibrations(_PIXEL_UM, "µm"),
            "Data": dm3.pixels(plane),
            "DataType": 6,
            "Dimensions": [columns, rows],
            "PixelDepth": 1,
        },
        "ImageTags": _image_tags(z, (rows, columns)),
        "Name": f"3VBSED_slice_{z:04d}",
        "UniqueID": [11759, 0, z, 2],
    }


def _calibrations(scale: float, unit: str) -> Tree:
    def axis(step: float, units: str) -> Tree:
        return {
            "Origin": dm3.single(0.0),
            "Scale": dm3.single(step),
            "Units": units,
        }

    return {
        "Brightness": axis(1.0, ""),
        "Dimension": [axis(scale, unit), axis(scale, unit)],
        "DisplayCalibratedUnits": True,
    }


def _image_tags(z: int, shape: tuple[int, int]) -> Tree:
    rows, columns = shape
    minutes, seconds = divmod(27 * 60 + 16 + 54 * z, 60)
    nothing: Tree = {"Origin": 0.0, "Scale": 1.0, "Units": ""}
    thick: Tree = {"Origin": 0.0, "Scale": _SLICE_NM, "Units": "nm"}
    return {
        "DataBar": {
            "Acquisition Date": "11.06.2018",
            "Acquisition Time": f"22:{minutes:02d}:{seconds:02d}",
            "Device Name": "DigiScan",
            "Exposure Number": 897131 + z,
            "Signal Name": "3VBSED",
        },
        "DigiScan": {
            "Flip": False,
            "Image Height": rows,
            "Image Width": columns,
            "Rotation": 0.0,
            "Sample Time": 0.5,
        },
        "GMS Version": {"Created": "3.21.1374.0", "Saved": "3.21.1374.0"},
        "Meta Data": {
            "Dimension info": [nothing, nothing, thick],
            "Format": "Image",
            "Signal": "DigiScan",
        },
        "Microscope Info": _microscope(z, columns),
        "SBFSEM": {
            "Imaging": {"Record pixel size": 8.0, "Record scan width": columns},
            "Record": {"Slice number": 250, "Slice thickness": _SLICE_NM},
        },
        "Session Info": {"Detector": "3VBSED", "Operator": "", "Specimen": ""},
    }


def _microscope(z: int, columns: int) -> Tree:
    return {
        "Emission Current (µA)": 0.0,
        "Field of View (µm)": columns * _PIXEL_UM,
        "Formatted Voltage": "1.9kV",
        "Illumination Mode": "SEM",
        "Indicated Magnification": 2159.0,
        "Name": "FEI Quanta",
        "Operation Mode": "SCANNING",
        "Stage Position": {
            "Stage X": 0.0,
            "Stage Y": 0.0,
            "Stage Z": 21.0 + z * _SLICE_NM / 1000,
        },
        "Voltage": 1900.0,
        "WD (mm)": 5.5,
    }


def _entry(slices: int) -> dict[str, object]:
    """The entry in the shape of EMPIAR's API: pixel sizes in ångström, sizes text.

    The image size is, as in the real entry, not that of the files.
    """
    author = {"name": "Wilsch-Bräuninger M", "author_orcid": None}
    nothing = (
        "biostudies_references citation cross_references empiar_references "
        "grant_references idr_references principal_investigator version_history"
    )
    return {
        "title": _TITLE,
        "status": "REL",
        "entry_doi": "10.6019/EMPIAR-11759",
        "experiment_type": "SBF-SEM",
        "scale": "tissue",
        "dataset_size": "1.2 GB",
        "deposition_date": "2023-11-01",
        "release_date": "2024-01-15",
        "update_date": "2024-01-15",
        "obsolete_date": None,
        "authors": [{"author": author}],
        "corresponding_author": {"author": author},
        "imagesets": [_imageset(slices)],
        "workflow_file": None,
        **{key: [] for key in nothing.split()},
    }


def _imageset(slices: int) -> dict[str, object]:
    """The entry's only image set."""
    return {
        "name": _TITLE,
        "directory": "data",
        "category": "reconstructed volumes",
        "header_format": "DM3",
        "data_format": "DM3",
        "num_images_or_tilt_series": slices,
        "frames_per_image": 1,
        "frame_range_min": None,
        "frame_range_max": None,
        "voxel_type": "UNSIGNED BYTE",
        "pixel_width": 80.0,
        "pixel_height": 80.0,
        "image_width": "5628",
        "image_height": "5632",
        "micrographs_file_pattern": "",
        "picked_particles_file_pattern": "",
        "picked_particles_directory": "",
        "segmentations": [],
        "details": "SBF-SEM, 8 nm per pixel in x and y, sections of 50 nm. This file "
        "describes a miniature made by emcatalog; its pixels are procedural.",
    }

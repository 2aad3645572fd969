"""Answers of archives in small: our own texts in the shapes of theirs."""

from __future__ import annotations

from typing import Any
from xml.sax.saxutils import escape, quoteattr

DETAILS = (
    "The resolution is 8nm/px in xy and 50nm per section (z). The conditions on the "
    "FEI Magellan400 SEM were 1.9kV accelerating voltage and 200pA current at 0.5 usec "
    "dwell time. Write to somebody@lab.org."
)


def empiar(**members: Any) -> dict[str, Any]:
    """An entry of EMPIAR's API with one set of images; ``members`` are the set's."""
    person = {"first_name": "Ann", "last_name": "Other", "email": "ann@lab.org"}
    images = {
        "category": "reconstructed volumes",
        "data_format": "DM3",
        "details": DETAILS,
        "directory": "data",
        "image_width": "5628",
        "image_height": "5632",
        "pixel_width": 80.0,
        "pixel_height": 80.0,
        "voxel_type": "UNSIGNED BYTE",
    }
    entry = {
        "title": "Retina of a fish.",
        "authors": [{"author": {"name": "Other A"}}, {"author": {"name": "Else B"}}],
        "citation": [{"doi": None, "title": "Retina of a fish."}],
        "corresponding_author": {"author": person},
        "principal_investigator": [person],
        "entry_doi": "10.6019/EMPIAR-11759",
        "experiment_type": "SBF-SEM",
        "release_date": "2024-01-15",
        "imagesets": [images | members],
    }
    return {"EMPIAR-11759": entry}


def manifest(**images: list[float]) -> dict[str, Any]:
    """A manifest of OpenOrganelle; ``images`` are scales z, y, x by their names."""
    transform = {
        "axes": ["z", "y", "x"],
        "units": ["nm"] * 3,
        "translate": [0, 6400, 0],
    }
    sources: dict[str, Any] = {
        name.replace("_", "-"): {
            "url": f"s3://janelia-cosem-datasets/cell/cell.n5/em/{name}",
            "format": "n5",
            "contentType": "em",
            "transform": transform | {"scale": scale},
        }
        for name, scale in images.items()
    }
    sources["mito_seg"] = {"contentType": "segmentation", "url": "s3://b/mito"}
    sources["mito_pred"] = {"contentType": "prediction", "url": "s3://b/pred"}
    imaging = {
        "gridSpacing": {"unit": "nm", "values": {"z": 5.24, "y": 4.0, "x": 4.0}},
        "dimensions": {"unit": "µm", "values": {"z": 33.0, "y": 6.0, "x": 48.0}},
        "startDate": "2017-06-21",
        "primaryEnergy": 900.0,
        "current": 0.25,
        "scanRate": 0.1,
    }
    papers = ["10.1038/s41586-021-03992-4", "10.1038/s41586-021-03977-3"]
    metadata = {
        "title": "A cell",
        "id": "cell",
        "imaging": imaging,
        "sample": {
            "organism": ["Human"],
            "type": ["Cell culture"],
            "subtype": ["HeLa"],
            "protocol": "High pressure freezing",
            "contributions": "Sample provided by Ann Other",
        },
        "institution": ["HHMI/Janelia"],
        "DOI": [
            {"href": "https://doi.org/10.25378/janelia.13114211", "title": "EM"},
            {"href": "https://doi.org/10.25378/janelia.1", "title": "Segmentations"},
        ],
        "publications": [{"href": f"https://doi.org/{paper}"} for paper in papers],
    }
    return {"name": "cell", "metadata": metadata, "sources": sources, "views": []}


def xml(name: str, value: Any, *, namespace: str = "") -> str:
    """XML of a dictionary: ``@`` before attributes, ``#text`` for text."""
    space = f" xmlns={quoteattr(namespace)}" if namespace else ""
    if isinstance(value, list):
        return "".join(xml(name, item) for item in value)
    if not isinstance(value, dict):
        text = "" if value is None else escape(str(value))
        return f"<{name}{space}>{text}</{name}>"
    plain = {
        k: v for k, v in value.items() if not k.startswith("@xmlns") and ":" not in k
    }
    marks = [f" {k[1:]}={quoteattr(v)}" for k, v in plain.items() if k[0] == "@"]
    inner = [xml(k, v) for k, v in plain.items() if k[0] not in "@#"]
    text = escape(str(plain.get("#text", "")))
    return f"<{name}{space}{''.join(marks)}>{text}{''.join(inner)}</{name}>"

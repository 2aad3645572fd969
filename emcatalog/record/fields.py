"""The one vocabulary of all sources: every field, its type, unit and meaning."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from emcatalog.record.terms import TERMS, Terms

Type = Literal["text", "date", "doi", "number", "count", "flag", "texts", "numbers"]
"""A flag is 1 or 0, because netCDF has no truth values; a date is ISO 8601, as much
of it as is known; ``texts`` and ``numbers`` are tuples."""

Source = Literal[
    "file", "server", "api", "page", "paper", "catalog", "secondary", "default"
]
"""Who says so: tags, headers and array metadata of the data itself (``file``); a data
server's answer; the entry API of an archive; a web page of the data's keeper; a paper;
the author of the catalog entry; tables and write-ups of others (``secondary``); and
what follows from a convention (``default``)."""

MEASURED: tuple[Source, ...] = (
    "file", "server", "api", "page", "paper", "catalog", "secondary", "default",
)  # fmt: skip
"""Order of trust for what the bytes are: the data itself knows its size best."""

TOLD: tuple[Source, ...] = (
    "api", "page", "paper", "catalog", "server", "file", "secondary", "default",
)  # fmt: skip
"""Order of trust for what people say: an archive's entry is written with more care
than the tags that a microscope was last set to."""

TRUST = MEASURED
"""The order of most fields; `Field.trust` is that of each."""

HUGE = 9.2e18
"""Counts above it fit no integer of netCDF."""


@dataclass(frozen=True)
class Field:
    """One field: ``type``, ``unit`` (as pint spells it) and what it means.

    ``told`` fields are what people say; the others are measured. A ``per_axis`` field
    is one of three, for z, y and x. ``terms`` are those that its texts are brought to.
    Numbers outside ``least`` to ``most`` are absurd. ``free`` texts add to each other:
    two that differ are no disagreement.

    >>> FIELDS["voxel_size_z"].unit, FIELDS["organism"].told
    ('nm', True)
    """

    name: str
    type: Type
    meaning: str
    unit: str = ""
    told: bool = False
    per_axis: bool = False
    terms: Terms | None = None
    least: float = -HUGE
    most: float = HUGE
    free: bool = False

    @property
    def trust(self) -> tuple[Source, ...]:
        """Sources, the most trusted first."""
        return TOLD if self.told else MEASURED

    @property
    def is_number(self) -> bool:
        """Whether a value is one number."""
        return self.type in ("number", "count")


def _told(name: str, meaning: str, kind: Type = "text") -> Field:
    return Field(name, kind, meaning, told=True, terms=TERMS.get(name), least=0)


def _is(name: str, meaning: str, kind: Type = "text") -> Field:
    return Field(name, kind, meaning, terms=TERMS.get(name), least=0)


def _count(name: str, meaning: str) -> Field:
    return Field(name, "count", meaning, least=1)


def _lengths(name: str, meaning: str, least: float, most: float) -> Iterator[Field]:
    for axis in "zyx":
        yield Field(
            f"{name}_{axis}",
            "number",
            f"{meaning} along {axis}",
            "nm",
            per_axis=True,
            least=least,
            most=most,
        )


def _quantity(name: str, meaning: str, unit: str, least: float, most: float) -> Field:
    return Field(name, "number", meaning, unit, least=least, most=most)


_ALL = (
    _told("name", "name of the catalog entry"),
    _told("title", "title of the dataset"),
    _told("source", "archive or institute that keeps the data"),
    _told("accession", "identifier in that archive"),
    _is("url", "where the data is read"),
    _told("download", "where the files can be had", "texts"),
    _is("protocol", "protocol by which it is read"),
    _is("format", "file format"),
    _is("kind", "image or segmentation"),
    _count("depth", "voxels along z at the finest level"),
    _count("height", "voxels along y at the finest level"),
    _count("width", "voxels along x at the finest level"),
    _count("levels", "resolution levels"),
    _is("pixel_type", "type of a voxel, as NumPy names it"),
    _count("bits", "bits of a voxel"),
    _is("byte_order", "little or big, as stored"),
    _is("lossy", "1 if stored with loss", "flag"),
    _is("rendered", "1 if values are those of a rendering", "flag"),
    _is("compression", "how the voxels are stored"),
    _is("chunks", "voxels stored as one piece along z, y, x", "numbers"),
    # from a hundredth of an atom to a centimetre
    *_lengths("voxel_size", "distance of voxels", 1e-3, 1e7),
    *_lengths("extent", "length of the volume", 1e-3, 1e15),
    *_lengths("origin", "centre of the first voxel", -1e15, 1e15),
    _told("modality", "kind of microscopy, a controlled term"),
    _told("instrument", "microscope"),
    _quantity("accelerating_voltage", "accelerating voltage", "V", 1, 1e7),
    _quantity("dwell_time", "time of the beam on a pixel", "us", 1e-6, 1e9),
    _quantity("beam_current", "current of the beam", "nA", 1e-9, 1e9),
    _quantity("section_thickness", "thickness cut or milled", "nm", 0.1, 1e7),
    _quantity("magnification", "magnification", "", 1e-3, 1e9),
    _told("organism", "scientific name of the species"),
    _told("taxon_id", "number of the species in the NCBI taxonomy", "count"),
    _told("organ", "organ"),
    _told("tissue", "tissue, region or cell line"),
    _told("cell", "kind of cell"),
    _told("preparation", "fixation, staining and embedding"),
    _told("segmentations", "what is segmented, or where that is", "texts"),
    _told("publication_url", "page of the publication"),
    _told("doi", "DOI of the publication", "doi"),
    _told("data_doi", "DOI of the data", "doi"),
    _told("licence", "terms of use, an SPDX identifier where there is one"),
    _told("citation", "how to cite"),
    _is("acquired", "day of acquisition", "date"),
    _told("released", "day on which the data became public", "date"),
    Field("description", "text", "what is to be known besides", told=True, free=True),
    _is("display_window", "lowest and highest value that is displayed", "numbers"),
    _is("channel", "index of the channel that is read", "count"),
    _is("channels", "names of the channels that there are", "texts"),
    _is("time", "index of the time that is read", "count"),
    _is("route", "which of several ways to the data was taken"),
    _is("gaps", "sections that are not there"),
    Field("note", "text", "what is odd about the file", free=True),
    _is("orientation", "EXIF orientation; pixels are as stored", "count"),
)

FIELDS: Mapping[str, Field] = MappingProxyType({field.name: field for field in _ALL})
"""All fields by name, in the order in which they are shown."""

SYNONYMS: Mapping[str, str] = MappingProxyType(
    {
        "license": "licence",
        "species": "organism",
        "technique": "modality",
        "experiment_type": "modality",
        "pixel_size_in_nm": "voxel_size",
    }
)
"""What else people call fields; ``voxel_size`` stands for its three axes."""

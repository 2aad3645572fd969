"""The manifests that OpenOrganelle keeps of its older datasets.

Source of the shape: janelia-cosem/fibsem-metadata, ``api/<dataset>/manifest.json``. A
manifest describes a dataset and its ``sources``: images, segmentations and meshes, each
with a transform of its own, axes z, y, x. The fragment of the URL chooses the image, by
its path in the bucket.

Zeros of the acquisition are fields that nobody filled in. A negative scale is an axis
that runs against the order in which voxels are stored: the size is what is left
without its sign, and a note says so. Whether ``translate`` is the centre or the corner
of the first voxel is not told, so no origin is claimed. ``contributions`` are about
persons and left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from emcatalog.errors import FormatError
from emcatalog.harvest.answer import Answer, Step, chosen, doubted
from emcatalog.harvest.documents import refuse_failure
from emcatalog.harvest.values import doi, finite, link, tidy_number
from emcatalog.record import Claim
from emcatalog.record.terms import MODALITIES, PIXEL_TYPES

_IMAGING = ("metadata", "imaging")
_SAMPLE = ("metadata", "sample")
_QUANTITIES = {
    "accelerating_voltage": ("primaryEnergy", "eV"), "beam_current": ("current", "nA"),
}  # fmt: skip
MOST_NAMES = 200
"""Segmentations that are named."""

Path = tuple[Step, ...]


def claims(document: object, url: str) -> tuple[Claim, ...]:
    """What a manifest says.

    Raises FormatError for a document that is no manifest.

    >>> spacing = {"unit": "nm", "values": {"z": 5.24, "y": 4.0, "x": 4.0}}
    >>> cell = {"metadata": {"imaging": {"gridSpacing": spacing}}, "sources": {}}
    >>> [(c.field, c.value) for c in claims(cell, "")][1:]
    [('voxel_size_z', 5.24), ('voxel_size_y', 4.0), ('voxel_size_x', 4.0)]
    """
    refuse_failure(document, url)
    answer = Answer(document, url)
    if not all(isinstance(answer.at(n), dict) for n in ("metadata", "sources")):
        raise FormatError(
            entry=url,
            got="JSON that is no manifest of OpenOrganelle",
            expected='{"metadata": {...}, "sources": {...}}',
            hint="manifests are in janelia-cosem/fibsem-metadata, "
            "api/<dataset>/manifest.json",
        )
    found = [
        answer.says("source", "OpenOrganelle", answer.place()),
        answer.tells("title", "metadata", "title"),
        answer.tells("accession", "metadata", "id"),
        *_acquisition(answer),
        *_sample(answer),
        *_papers(answer),
        *_sources(answer),
    ]
    return tuple(claim for some in found for claim in some)


def _acquisition(answer: Answer) -> Iterator[tuple[Claim, ...]]:
    for field, name in (("voxel_size", "gridSpacing"), ("extent", "dimensions")):
        unit = answer.text(*_IMAGING, name, "unit")
        for axis in "zyx":
            path = (*_IMAGING, name, "values", axis)
            yield answer.tells(f"{field}_{axis}", *path, unit=unit)
    yield answer.tells("acquired", *_IMAGING, "startDate")
    for field, (name, unit) in _QUANTITIES.items():
        yield answer.tells(field, *_IMAGING, name, unit=unit)
    yield dwell(answer, *_IMAGING, "scanRate")


def dwell(answer: Answer, *path: Step) -> tuple[Claim, ...]:
    """The time on a pixel, from the rate of pixels in MHz that stands at ``path``."""
    rate = finite(answer.at(*path))
    if rate is None:
        return answer.tells("dwell_time", *path, unit="us")
    place = f"{answer.place(*path)} (1 / {rate:g} MHz)"
    return answer.says("dwell_time", tidy_number(1 / rate) if rate else 0, place, "us")


def _sample(answer: Answer) -> Iterator[tuple[Claim, ...]]:
    for organism in answer.texts(*_SAMPLE, "organism"):
        yield answer.says("organism", organism, answer.place(*_SAMPLE, "organism"))
    kinds = {kind.casefold() for kind in answer.texts(*_SAMPLE, "type")}
    field = {"cell culture": "cell", "tissue": "tissue"}
    if len(kinds) == 1 and (name := field.get(kinds.pop())):
        words = ", ".join(answer.texts(*_SAMPLE, "subtype"))
        yield answer.says(name, words, answer.place(*_SAMPLE, "subtype"))
    yield answer.tells("description", *_SAMPLE, "description")
    yield answer.tells("preparation", *_SAMPLE, "protocol")


def _papers(answer: Answer) -> Iterator[tuple[Claim, ...]]:
    """DOIs of the images and of publications; of several, the first is taken."""
    papers = list(answer.rows("metadata", "publications"))
    for number, path in enumerate(papers):
        both = answer.tells("doi", *path, "href", read=doi)
        both += answer.tells("publication_url", *path, "href", read=link)
        doubt = f"one more of the {len(papers)} papers that the manifest names"
        yield doubted(both, doubt) if number else both
    deposits = [
        path
        for path in answer.rows("metadata", "DOI")
        if str(answer.at(*path, "title")).strip().casefold() == "em"
    ]
    for path in deposits:
        yield answer.tells("data_doi", *path, "href", read=doi)
    yield _citation(answer, deposits)


def _citation(answer: Answer, deposits: list[Path]) -> tuple[Claim, ...]:
    """Institutes, title, dataset and DOI of the images."""
    institutes = ", ".join(answer.texts("metadata", "institution"))
    title, name = (answer.text("metadata", key) for key in ("title", "id"))
    if not (institutes and title and name):
        return ()
    whole = f"{institutes}. {title.rstrip('.')}. OpenOrganelle, {name}"
    address = link(answer.at(*deposits[0], "href")) if len(deposits) == 1 else None
    whole += f". {address}" if address else ""
    return answer.says("citation", whole, answer.place("metadata", "institution"))


def _sources(answer: Answer) -> Iterator[tuple[Claim, ...]]:
    of_kind: dict[object, list[Path]] = {}
    for path in answer.rows("sources"):
        kind = answer.at(*path, "contentType")
        if isinstance(kind, str):
            of_kind.setdefault(kind, []).append(path)
    images, labels = of_kind.get("em", []), of_kind.get("segmentation", [])
    here = [path for path in images if _is_at(answer.at(*path, "url"), answer.url)]
    for path in here or images:
        yield from _size(answer, path)
    alone = here or images
    if len(alone) == 1:
        yield from _image(answer, alone[0])
    names = tuple(str(path[-1]) for path in labels[:MOST_NAMES])
    yield answer.says("segmentations", names, answer.place("sources"))


def _is_at(place: object, url: str) -> bool:
    """Whether the fragment of ``url`` is the path of ``place`` in its bucket."""
    path = chosen(url).strip("/")
    return (
        isinstance(place, str) and bool(path) and place.strip("/").endswith(f"/{path}")
    )


def _size(answer: Answer, source: Path) -> Iterator[tuple[Claim, ...]]:
    """Voxel sizes by the transform of a source, without their signs."""
    for axis, number in _axes(answer, source).items():
        path = (*source, "transform", "scale", number)
        scale = finite(answer.at(*path))
        place = answer.place(*path)
        unit = answer.text(*source, "transform", "units", number)
        field = f"voxel_size_{axis}"
        if scale is None:
            yield answer.tells(field, *path, unit=unit)
        else:
            yield answer.says(field, abs(scale), place, unit)


def _image(answer: Answer, source: Path) -> Iterator[tuple[Claim, ...]]:
    """What is said of the one image that is meant."""
    turned = []
    for axis, number in _axes(answer, source).items():
        scale, first = (
            finite(answer.at(*source, "transform", name, number))
            for name in ("scale", "translate")
        )
        if scale is not None and scale < 0:
            begin = "" if first is None else f" from {first:g}"
            unit = answer.text(*source, "transform", "units", number)[:20]
            turned.append(f"{axis}{begin} by {scale:g} {unit}".strip())
    if turned:
        words = f"shown against the order of the voxels: {', '.join(turned)}"
        yield answer.says("note", words, answer.place(*source, "transform", "scale"))
    yield answer.tells("format", *source, "format")
    yield answer.tells("download", *source, "url")
    # sources are named by the method and the type: fibsem-uint16, tem-uint8
    method, _, kind = str(source[-1]).partition("-")
    place = f"{answer.place(*source)} (its name)"
    if modality := MODALITIES.term(method):
        yield answer.says("modality", modality, place)
    if kind in PIXEL_TYPES.names:
        yield answer.says("pixel_type", kind, place)


def _axes(answer: Answer, source: Path) -> Mapping[str, int]:
    """The number of each axis of a transform, as far as z, y and x are named once."""
    axes = answer.at(*source, "transform", "axes")
    if not isinstance(axes, list):
        return {}
    return {a: axes.index(a) for a in "zyx" if axes.count(a) == 1}

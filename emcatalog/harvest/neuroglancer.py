"""The state of a Neuroglancer viewer, as keepers of data publish it.

Source of the shape: google/neuroglancer, ``src/viewer.ts``. ``dimensions`` are those of
the grid that the viewer shows, each a scale with its unit, mostly ``[8e-9, "m"]``. They
are mostly the voxel size of the image; where they are not, the file knows better.
"""

from __future__ import annotations

from collections.abc import Iterator

from emcatalog.errors import FormatError
from emcatalog.harvest.answer import Answer, Step
from emcatalog.harvest.documents import refuse_failure
from emcatalog.record import Claim

Path = tuple[Step, ...]

_GRID = "(grid of the viewer)"
_OLD = ("navigation", "pose", "position", "voxelSize")


def claims(document: object, url: str) -> tuple[Claim, ...]:
    """What a viewer's state says: its grid, images and segmentations.

    Raises FormatError for a document that has no layers.

    >>> state = {"dimensions": {"z": [8e-9, "m"]}, "layers": [
    ...     {"type": "segmentation", "name": "mito", "source": "precomputed://gs://b/m"}]}
    >>> [(c.field, c.value) for c in claims(state, "")]
    [('voxel_size_z', 8.0), ('segmentations', ('mito',))]
    """
    refuse_failure(document, url)
    answer = Answer(document, url, "page")
    if not isinstance(answer.at("layers"), list | dict):
        raise FormatError(
            entry=url,
            got="JSON without layers",
            expected='a state of Neuroglancer: {"dimensions": ..., "layers": [...]}',
            hint="in the viewer, {} shows the state as JSON",
        )
    found = [*_grid(answer), answer.tells("title", "title"), *_layers(answer)]
    return tuple(claim for some in found for claim in some)


def _grid(answer: Answer) -> Iterator[tuple[Claim, ...]]:
    for axis in "zyx":
        scale, field = answer.at("dimensions", axis), f"voxel_size_{axis}"
        place = f"{answer.place('dimensions', axis)} {_GRID}"
        if isinstance(scale, list) and len(scale) == 2:
            unit = answer.text("dimensions", axis, 1)
            yield answer.says(field, scale[0], place, unit)
        else:
            yield answer.says(field, scale, place)
    for number, axis in enumerate("xyz"):  # states from before 2019, in nm
        place = f"{answer.place(*_OLD, number)} {_GRID}"
        yield answer.says(f"voxel_size_{axis}", answer.at(*_OLD, number), place, "nm")


def _layers(answer: Answer) -> Iterator[tuple[Claim, ...]]:
    """Names of the segmentations, and where the images lie."""
    rows = tuple(answer.rows("layers"))
    names = [_name(answer, path) for path in rows if _is(answer, path, "segmentation")]
    named = tuple(name for name in names if name)
    yield answer.says("segmentations", named, answer.place("layers"))
    images = [
        s for path in rows if _is(answer, path, "image") for s in _urls(answer, path)
    ]
    yield answer.says("download", tuple(images), answer.place("layers"))


def _is(answer: Answer, path: Path, kind: str) -> bool:
    return bool(answer.at(*path, "type") == kind)


def _name(answer: Answer, path: Path) -> str:
    """A layer has its name inside, or, in old states, is found by it."""
    found_by = path[-1] if isinstance(path[-1], str) else ""
    return answer.text(*path, "name") or found_by


def _urls(answer: Answer, path: Path) -> tuple[str, ...]:
    """A source is a URL, an object that has one, or a list of both."""
    source = (*path, "source")
    rows = (source, *answer.rows(*source))
    found = (answer.text(*row, "url") for row in rows)
    return (*answer.texts(*source), *(url for url in found if url))

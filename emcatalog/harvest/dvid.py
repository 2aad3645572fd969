"""The ``info`` of a data instance of DVID, the server of FlyEM's volumes.

Source of the shape: janelia-flyem/dvid, ``datatype/imageblk``. Axes are x, y, z, and
``MaxPoint`` is the last voxel, not the one behind it. DVID keeps whole blocks, so that
an extent which is a multiple of the block may be longer than the image.
"""

from __future__ import annotations

from collections.abc import Iterator

from emcatalog.errors import FormatError
from emcatalog.harvest.answer import Answer, doubted
from emcatalog.harvest.documents import refuse_failure
from emcatalog.harvest.values import bits_of, finite, tidy_number
from emcatalog.record import Claim

_COUNTS = {"x": "width", "y": "height", "z": "depth"}


def claims(document: object, url: str) -> tuple[Claim, ...]:
    """What a DVID server says of an image or segmentation.

    Raises FormatError for a document that is no such ``info``.

    >>> info = {"Extended": {"MinPoint": [0, 0, 0], "MaxPoint": [34431, 39724, 41407]}}
    >>> [(c.field, c.value) for c in claims(info, "")]
    [('width', 34432), ('height', 39725), ('depth', 41408)]
    """
    refuse_failure(document, url)
    answer = Answer(document, url, "server")
    if not isinstance(answer.at("Extended"), dict):
        raise FormatError(
            entry=url,
            got="JSON without the member Extended",
            expected="the info of a data instance of DVID",
            hint="the address is https://<server>/api/node/<uuid>/<name>/info",
        )
    found = [
        *_counts(answer),
        *_sizes(answer),
        answer.tells("pixel_type", "Extended", "Values", 0, "DataType"),
        answer.tells("bits", "Extended", "Values", 0, "DataType", read=bits_of),
    ]
    return tuple(claim for some in found for claim in some)


def _counts(answer: Answer) -> Iterator[tuple[Claim, ...]]:
    for number, axis in enumerate("xyz"):
        first, last, block = (
            finite(answer.at("Extended", name, number))
            for name in ("MinPoint", "MaxPoint", "BlockSize")
        )
        field, path = _COUNTS[axis], ("Extended", "MaxPoint", number)
        if first is None or last is None:
            told = answer.tells(field, *path)
            yield doubted(told, "the first and the last voxel are not both told")
            continue
        count = tidy_number(last - first + 1)
        words = (
            "last voxel; whole blocks" if block and not count % block else "last voxel"
        )
        yield answer.says(field, count, f"{answer.place(*path)} ({words})")


def _sizes(answer: Answer) -> Iterator[tuple[Claim, ...]]:
    for number, axis in enumerate("xyz"):
        unit = answer.text("Extended", "VoxelUnits", number)
        path = ("Extended", "VoxelSize", number)
        yield answer.tells(f"voxel_size_{axis}", *path, unit=unit)

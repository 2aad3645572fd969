"""The JSON API of an OMERO server: ``/api/v0/m/images/{id}/``.

Sizes are inside ``Pixels``, each length with a unit of its own; copies of such answers
have been seen that put them one floor higher. Owners and experimenters, who have names
and addresses, are not looked at.
"""

from __future__ import annotations

from emcatalog.errors import FormatError
from emcatalog.harvest.answer import Answer, Step
from emcatalog.harvest.documents import refuse_failure
from emcatalog.harvest.values import bits_of, day_of_clock
from emcatalog.record import Claim

_SIZES = {"depth": "SizeZ", "height": "SizeY", "width": "SizeX"}
_DISTANCES = {f"voxel_size_{axis}": f"PhysicalSize{axis.upper()}" for axis in "zyx"}


def claims(document: object, url: str) -> tuple[Claim, ...]:
    """What the server says of an image, in the shape of its JSON API.

    Raises FormatError for a document that describes no image.

    >>> size = {"Value": 0.02, "Unit": "MICROMETER", "Symbol": "um"}
    >>> image = {"data": {"Pixels": {"SizeX": 1121, "PhysicalSizeX": size}}}
    >>> [(c.field, c.value) for c in claims(image, "")]
    [('width', 1121), ('voxel_size_x', 20.0)]
    """
    refuse_failure(document, url)
    answer = Answer(document, url, "server")
    image: tuple[Step, ...] = ("data",) if answer.at("data") is not None else ()
    pixels = (*image, "Pixels")
    if not isinstance(answer.at(*pixels), dict):
        pixels = image
    if all(answer.at(*pixels, name) is None for name in _SIZES.values()):
        raise FormatError(
            entry=url,
            got="JSON without SizeX, SizeY and SizeZ of an image",
            expected='{"data": {"Pixels": {"SizeX": ...}}}',
            hint="the address is https://<server>/api/v0/m/images/<image>/",
        )
    found = [
        answer.tells("title", *image, "Name"),
        answer.tells("description", *image, "Description"),
        answer.tells("acquired", *image, "AcquisitionDate", read=day_of_clock),
        *(answer.tells(field, *pixels, name) for field, name in _SIZES.items()),
        *(_distance(answer, f, (*pixels, n)) for f, n in _DISTANCES.items()),
        answer.tells("pixel_type", *pixels, "Type", "value"),
        answer.tells("bits", *pixels, "Type", "value", read=bits_of),
    ]
    return tuple(claim for some in found for claim in some)


def _distance(answer: Answer, field: str, path: tuple[Step, ...]) -> tuple[Claim, ...]:
    """A length by its unit, which has a name and a symbol; a bare number has none."""
    if not isinstance(answer.at(*path), dict):
        return answer.tells(field, *path)
    unit = answer.text(*path, "Unit") or answer.text(*path, "Symbol")
    return answer.tells(field, *path, "Value", unit=unit)

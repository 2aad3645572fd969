"""Images of the Image Data Resource (IDR) and other OMERO servers, by their number.

Two routes to the voxels: the original file by byte ranges, where it is public, or the
planes as the server renders them. Which one was taken stands in the attributes.
"""

from __future__ import annotations

import dataclasses

from emcatalog.driver import VolumeSource, backend, open_pyramid_with
from emcatalog.errors import FormatError, OptionError, suggest
from emcatalog.geometry import Grid
from emcatalog.paged import PagedVolume
from emcatalog.record import Claim, Record, declared_voxel_size, voxel_size
from emcatalog.transport import Transport
from emcatalog.volume import Pyramid
from emcatalog_idr.original import public_url
from emcatalog_idr.rendered import TOLERANCE, ensure_identity, planes
from emcatalog_idr.server import ServerImage, describe

__all__ = ["IdrBackend", "IdrSource", "open_pyramid"]

SERVER = "https://idr.openmicroscopy.org"
ROUTES = ("file", "rendered")
Sizes = list[float | None] | float | None


@dataclasses.dataclass(frozen=True)
class _Request:
    """What is asked for, after checking."""

    base: str
    image: ServerImage
    channel: int
    time: int
    voxel_size_nm: Sizes


def open_pyramid(  # noqa: PLR0913 - options of a catalog entry
    urlpath: str | None = SERVER,
    *,
    transport: Transport,
    image_id: int,
    route: str = "file",
    file_url: str | None = None,
    file_driver: str = "tiff",
    channel: int = 0,
    time: int = 0,
    image_format: str = "png",
    voxel_size_nm: Sizes = None,
) -> Pyramid:
    """Image ``image_id`` of an OMERO server as a pyramid of one level.

    Args:
        urlpath: Address of the server; the IDR if it is left out.
        transport: How bytes are had.
        image_id: The image's number, as in its web address.
        route: ``file`` reads the original file by byte ranges, any pixel type;
            ``rendered`` reads 8-bit planes that the server renders, uint8 only.
        file_url: Where the original file is public; the IDR is asked for it if it is
            left out.
        file_driver: The driver that reads the original file.
        channel: Which channel, from 0.
        time: Which time point, from 0.
        image_format: ``png``, or ``jpeg`` to accept the lossy planes of a stock
            OMERO server.
        voxel_size_nm: [z, y, x] in nanometres, for axes of which neither the file nor
            the server says anything.

    Raises FormatError where the file is not what the server describes, and other
    EmcatalogErrors that name the address.
    """
    _one_of("route", route, ROUTES)
    _one_of("image_format", image_format, tuple(TOLERANCE))
    base = (urlpath or SERVER).rstrip("/")
    # the picture service wants a session, which this page of the server gives
    visiting = dataclasses.replace(
        transport, session_url=f"{base}/webclient/?experimenter=-1"
    )
    image = describe(base, image_id, visiting)
    _in_range("channel", channel, image.channels)
    _in_range("time", time, image.times)
    request = _Request(base, image, channel, time, voxel_size_nm)
    if route == "rendered":
        return _rendered(request, image_format, visiting)
    url = file_url or public_url(base, image, visiting)
    return _original(request, url, file_driver, transport)


def _rendered(request: _Request, image_format: str, transport: Transport) -> Pyramid:
    image = request.image
    ensure_identity(image)
    layout, pages = planes(
        request.base, image, request.channel, request.time, image_format
    )
    facts = {"rendered": 1, "lossy": int(image_format == "jpeg")}
    record = Record(
        (
            *image.claims(request.channel),
            *declared_voxel_size(request.voxel_size_nm),
            Claim("route", "rendered", "default", "route"),
            Claim("format", "OMERO rendering", "default", "render_image"),
            Claim("compression", image_format, "default", "render_image"),
            *(Claim(name, fact, "default", "route") for name, fact in facts.items()),
        )
    )
    grid = Grid(image.shape, _sizes(record, image.url))
    volume = PagedVolume(grid, layout, pages, transport)
    return Pyramid((volume,), record, {"imgData": image.answer})


def _original(
    request: _Request, url: str, driver: str, transport: Transport
) -> Pyramid:
    """The original file, by another driver; what it says goes before the server."""
    image = request.image
    said = Record(image.claims(request.channel)).with_claims(
        declared_voxel_size(request.voxel_size_nm)
    )
    known = [said.value(f"voxel_size_{axis}") for axis in "zyx"]
    options: dict[str, object] = {"voxel_size_nm": known} if any(known) else {}
    options |= {"channel": request.channel} if image.channels > 1 else {}
    options |= {"time": request.time} if image.times > 1 else {}
    pyramid = open_pyramid_with(driver, url, transport, **options)
    volume = pyramid.level(0)
    found = volume.grid.shape, str(volume.dtype)
    if found != (image.shape, str(image.dtype)):
        raise FormatError(
            entry=url,
            got=f"a file of {found[0]} {found[1]} (z, y, x)",
            expected=f"{image.shape} {image.dtype}, as {image.url} says",
            hint="check that file_url is the file of this image, and the channel; "
            "or use route='rendered'",
        )
    # what the driver took for the catalog's word came from here
    own = (c for c in pyramid.record.claims if c.locator != "voxel_size_nm")
    route = Claim("route", "file", "default", "route")
    raw = {"imgData": image.answer, "file": pyramid.raw}
    return Pyramid(pyramid.levels, Record((*own, *said.claims, route)), raw)


def _sizes(record: Record, entry: str) -> tuple[float, float, float]:
    try:
        return voxel_size(record)
    except FormatError as error:
        error.about(entry)
        raise


def _one_of(option: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise OptionError(
            got=f"{option}={value!r}",
            expected=f"one of {', '.join(known)}",
            hint=suggest(value, known),
        )


def _in_range(option: str, value: int, count: int) -> None:
    if not 0 <= value < count:
        raise OptionError(
            got=f"{option}={value}",
            expected=f"0 to {count - 1}" if count > 1 else f"0, the only {option}",
        )


class IdrSource(VolumeSource):
    """Images of the Image Data Resource and other OMERO servers, by their number."""

    name = "idr"
    open_pyramid = staticmethod(open_pyramid)


IdrBackend = backend(IdrSource)

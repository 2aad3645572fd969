"""Pictures as a volume: PNG, JPEG, PGM, PPM, PBM, BMP and WebP, a file a section.

Values are those that the file stores: indices of a palette stay indices, and values
of fewer bits or with another largest value are not spread. Pixels are in the order of
the file, whatever orientation a camera has noted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

import numpy as np

from emcatalog.driver import VolumeSource, backend
from emcatalog.errors import EmcatalogError, FormatError, OptionError, public
from emcatalog.geometry import Grid
from emcatalog.paged import Layout, Page, PagedVolume
from emcatalog.record import Claim, Record, declared_voxel_size, voxel_size
from emcatalog.series import absent, each, ensure_alike, expand
from emcatalog.transport import Transport
from emcatalog.units import DISPLAY_NM
from emcatalog.volume import Pyramid
from emcatalog_images.codec import BLOCK, PictureCodec, read_picture
from emcatalog_images.picture import Picture
from emcatalog_images.pnm import RAW, ensure_length, stored_bytes

__all__ = ["ImagesBackend", "ImagesSource", "open_pyramid"]

SUFFIXES = (
    ".png", ".jpg", ".jpeg", ".jpe", ".pgm", ".ppm", ".pbm", ".pnm", ".bmp", ".webp",
)  # fmt: skip
_SAMPLES = {
    1: "grey",
    2: "grey, alpha",
    3: "red, green, blue",
    4: "red, green, blue, alpha",
}
_DISPLAY = f"pixels of {DISPLAY_NM:g} nm or more are a setting of a display or printer"
_TEXT = 4
"""Plain pictures are text, which is up to so many times longer than the engine
expects of an encoding."""


def open_pyramid(
    urlpath: str | list[str],
    transport: Transport,
    *,
    channel: int | None = None,
    gaps: str = "error",
    voxel_size_nm: list[float | None] | float | None = None,
) -> Pyramid:
    """Pictures, one for each section, as a pyramid of one level; reads headers only.

    Args:
        urlpath: Sections as a folder, a pattern (``*``), a numeric range
            (``{0000..0015}``) or a list, or one picture. See `emcatalog.series.expand`.
        transport: How bytes are had.
        channel: Which sample of a pixel, from 0; needed if there are several.
        gaps: ``error`` or ``absent``: what a missing number in a series means.
        voxel_size_nm: [z, y, x] in nanometres, for axes of which the files say
            nothing.

    Raises FormatError for files that are no such pictures, are damaged or differ from
    the first, TruncatedError for one that is cut short, and OptionError for a channel
    that the pictures do not have.
    """
    places = expand(urlpath, transport, SUFFIXES, gaps)
    sections = each(lambda url: _section(url, transport), places, transport)
    _ensure_one_volume(sections)
    first = sections[0].picture
    record = Record((*_claims(sections[0]), *absent(places)))
    record = record.with_claims(declared_voxel_size(voxel_size_nm))
    try:
        sizes = voxel_size(record)
    except FormatError as error:
        error.about(sections[0].url)
        raise
    layout = _layout(first, _sample(sections[0], channel))
    found = {section.url: section.page for section in sections}
    pages = tuple(found[url] if url else None for url in places)
    grid = Grid((len(pages), *first.shape), sizes)
    volume = PagedVolume(grid, layout, pages, transport)
    return Pyramid((volume,), record, _raw(sections))


class ImagesSource(VolumeSource):
    """PNG, JPEG, PGM, PPM, PBM, BMP and WebP pictures, one for each section."""

    name = "images"
    open_pyramid = staticmethod(open_pyramid)


ImagesBackend = backend(ImagesSource)


@dataclass(frozen=True)
class _Section:
    """One file and what its header says."""

    url: str
    picture: Picture

    @property
    def page(self) -> Page:
        """The file as a whole, or the rows of a raw picture."""
        if self.picture.kind in RAW:
            length = stored_bytes(self.picture)
            return Page(self.url, (self.picture.start,), (length,))
        return Page(self.url, (0,), (-1,))


def _section(url: str, transport: Transport) -> _Section:
    reader = transport.reader(url, BLOCK)
    try:
        picture = read_picture(reader)
        if picture.kind in (*RAW, "pbm"):
            ensure_length(picture, reader, transport.size(url))
    except EmcatalogError as error:
        error.about(url)
        raise
    return _Section(url, picture)


def _raw(sections: Sequence[_Section]) -> Mapping[str, object]:
    """What the header of the first picture says, and what the others are called."""
    first, *others = sections
    picture = first.picture
    raw: dict[str, object] = {
        "kind": picture.kind, "rows": picture.shape[0], "columns": picture.shape[1],
        "samples": picture.samples, "largest_value": picture.highest,
        "palette": bool(picture.colours), "lossy": picture.lossy,
        "pixel_size_nm": list(picture.pixel_nm), "orientation": picture.orientation,
    }  # fmt: skip
    names = [public(section.url).rpartition("/")[2] for section in others]
    return {"header": raw, "other_files": names} if names else {"header": raw}


def _ensure_one_volume(sections: Sequence[_Section]) -> None:
    """Raise FormatError that names the first file which does not fit the others."""
    ensure_alike((s.url, s.picture.facts) for s in sections)
    ensure_alike(
        (s.url, {"pixel size in nm (y, x)": s.picture.voxel_nm}) for s in sections
    )
    for section in sections:
        ours, others = section.picture.colours, sections[0].picture.colours
        shared = min(len(ours), len(others))
        if ours[:shared] != others[:shared]:
            raise FormatError(
                entry=section.url,
                got="another palette, in which an index means another colour",
                expected=f"the palette of {sections[0].url}",
                hint="convert the pictures to grey, or open each by itself",
            )


def _sample(section: _Section, channel: int | None) -> int:
    """The sample to take; FormatError if none was named and there are several."""
    samples = section.picture.samples
    if channel is None and samples > 1:
        raise FormatError(
            entry=section.url,
            got=f"{samples} samples in a pixel ({_SAMPLES[samples]})",
            expected="one: a volume has no channel axis",
            hint=f"choose one with channel=0 to channel={samples - 1}",
        )
    if not 0 <= (channel or 0) < samples:
        raise OptionError(
            entry=section.url,
            got=f"channel={channel}",
            expected=f"0 to {samples - 1} ({_SAMPLES[samples]})",
        )
    return channel or 0


def _layout(picture: Picture, sample: int) -> Layout:
    if picture.kind in RAW:
        stored = picture.dtype.newbyteorder(">")
        shape, samples = picture.shape, picture.samples
        return Layout(shape, stored, shape, samples=samples, sample=sample)
    longer = _TEXT if picture.kind.startswith("plain") else 1
    return Layout(
        picture.shape,
        picture.dtype,
        picture.shape,
        PictureCodec(picture),
        picture.samples * longer,
        sample,
    )


def _claims(section: _Section) -> Iterator[Claim]:
    picture = section.picture
    indices = "indices of a palette" if picture.colours else "header"
    name = picture.kind.rpartition(" ")[2].upper()
    yield Claim("format", name, "file", "first bytes")
    yield Claim("compression", picture.kind, "file", "first bytes")
    yield Claim("pixel_type", np.dtype(picture.dtype).name, "file", indices)
    yield Claim("bits", picture.highest.bit_length(), "file", "header")
    yield Claim("rendered", 0, "default", "the stored values")
    yield Claim("lossy", picture.lossy, "file", "header")
    yield Claim(
        "title",
        unquote(public(section.url).rpartition("/")[2]),
        "default",
        "file name",
    )
    for axis, size in zip("yx", picture.pixel_nm, strict=True):
        if size:
            doubt = _DISPLAY if size >= DISPLAY_NM else ""
            claim = Claim(
                f"voxel_size_{axis}", size, "file", "resolution", "nm", doubt=doubt
            )
            yield claim.examined()
    if picture.orientation > 1:
        yield Claim(
            "orientation", picture.orientation, "file", "EXIF; pixels as stored"
        )

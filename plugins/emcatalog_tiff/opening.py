"""One TIFF file -> its sections: header in few ranges, no pixels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from tifffile import TiffFile, TiffPage

from emcatalog.errors import EmcatalogError, FormatError, NotFoundError, OptionError
from emcatalog.paged import Layout, Page, kept_header
from emcatalog.record import Claim
from emcatalog.transport import Transport
from emcatalog_tiff.calibration import size_claims, unbelieved
from emcatalog_tiff.chain import read_pages
from emcatalog_tiff.codec import STREAMS
from emcatalog_tiff.damage import imagej_metadata, mapping
from emcatalog_tiff.header import BLOCK, HeaderFile
from emcatalog_tiff.hyperstack import Hyperstack, imagej, plain, shaped
from emcatalog_tiff.layout import page_table
from emcatalog_tiff.ome import Origin, check_size, companion, ome
from emcatalog_tiff.pictures import PICTURES
from emcatalog_tiff.raw import raw_tags
from emcatalog_tiff.reduced import Level, reduced_levels
from emcatalog_tiff.sets import gathered, opened, sibling
from emcatalog_tiff.texts import text_claims

UNKNOWN = 1 << 62
"""Stands for the length of a file that was not asked for."""

_ORDERS = {"<": "little", ">": "big"}
_LOSSY = {"jpeg": 1, "pixarlog": 1, "png": 0}


@dataclass(frozen=True)
class Choice:
    """What to take of a file that has more than one stack; see `open_pyramid`."""

    channel: int | None = None
    time: int | None = None
    series: int | None = None


@dataclass(frozen=True)
class Sections:
    """What was found in one file; ``raw`` are the tags of its first page.

    They are kept of a file that is read alone, and of the first one of a series.
    """

    url: str
    layout: Layout
    pages: tuple[Page, ...]
    claims: tuple[Claim, ...]
    levels: tuple[Level, ...] = ()
    raw: Mapping[str, object] = field(default_factory=dict, repr=False)

    @property
    def facts(self) -> Mapping[str, object]:
        """What the sections of a series share."""
        said = [c for c in self.claims if c.field.startswith("voxel") and not c.doubt]
        sizes = {c.field: c.value for c in reversed(said)}  # the first is believed
        layout = self.layout
        compression = next(c.value for c in self.claims if c.field == "compression")
        return {
            "shape": layout.shape,
            "type": str(layout.dtype),
            "strips or tiles": layout.segment,
            "compression": compression,
            "samples": layout.samples,
            "encoding": layout.codec,
            **sizes,
        }


def read_sections(
    url: str,
    transport: Transport,
    choice: Choice,
    *,
    alone: bool = True,
    whole: bool = True,
) -> Sections:
    """The sections of the file at ``url``.

    ``whole`` is False for all but the first file of a series: of them there are just
    the claims about their voxels, and no raw tags.

    ``alone`` is False for one file of a series: its length is not asked for, and
    nothing is fetched ahead, because the files themselves are read in parallel. The
    header of a remote file alone is kept for the next opening.
    Raises FormatError or TruncatedError that names the file.
    """
    try:
        if not alone:
            file = HeaderFile(transport.reader(url, BLOCK), UNKNOWN)
            return _sections(file, None, choice, whole=whole)
        with kept_header(url, transport, BLOCK) as reader:
            file = HeaderFile(reader, transport.size(url))
            return _sections(file, transport, choice, whole=whole)
    except EmcatalogError as error:
        error.about(url)
        raise


def _sections(
    file: HeaderFile, ahead: Transport | None, choice: Choice, *, whole: bool
) -> Sections:
    _ensure_tiff(file)
    with opened(file, _name(file.name)) as tiff:
        pages = read_pages(tiff, file, ahead)
        _ensure_plain(pages[0])
        stack = _hyperstack(tiff, pages, (file, ahead), choice)
        chosen, sample = stack.choose(choice.channel, choice.time)
        planes = gathered(chosen, file.name, ahead)
        if "pixels" in stack.facts:
            check_size(stack.facts["pixels"], planes[0].page)
        layout, table = page_table(planes, sample, file)
        levels, note = (
            ((), "")
            if ahead is None
            else reduced_levels(tiff, pages, planes, sample, (file, ahead))
        )
        page = planes[0].page
        said = size_claims(tiff, stack, page) + _encoding(tiff, stack, layout, page)
        tags: Mapping[str, object] = {}
        if whole:
            said += _words(stack, page, said, note)
            tags = raw_tags(tiff, pages[0], file)
    return Sections(file.name, layout, table, said, levels, tags)


def _name(url: str) -> str:
    return unquote(url.rpartition("/")[2])


def _ensure_tiff(file: HeaderFile) -> None:
    """Say what a file is that is no TIFF."""
    head = file.reader.peek(0, 16)
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return
    known = {
        b"\x1f\x8b": "a gzip archive: unpack it first",
        b"\x00\x00\x00\x03": "a DM3 file: use the driver dm3",
        b"\x00\x00\x00\x04": "a DM4 file: use the driver dm3",
        b"\x89PNG": "a PNG picture",
        b"\x89HDF": "an HDF5 file",
        b"\xff\xd8": "a JPEG picture",
        b"PK": "a zip archive: unpack it first",
    }
    what = next((text for magic, text in known.items() if head.startswith(magic)), "")
    if head.lstrip()[:1] == b"<":
        what = "an HTML or XML page: open the URL in a browser"
    raise FormatError(
        got=f"a file that begins with {head[:8]!r}" if head else "an empty file",
        expected="a TIFF, which begins with II or MM",
        hint=f"it looks like {what}" if what else "check that the URL is right",
    )


def _ensure_plain(page: TiffPage) -> None:
    """Refuse the kinds of TIFF whose pages are more than their directories say."""
    for kind in ("stk", "lsm", "fluoview", "scanimage", "ndpi"):
        if getattr(page, f"is_{kind}", False):
            raise FormatError(
                got=f"a TIFF of the kind {kind.upper()}",
                expected="plain pages, or the description of ImageJ, OME or tifffile",
                hint="convert it, for instance to OME-TIFF with Bio-Formats",
            )


def _described(
    xml: str, pages: list[TiffPage], url: str, transport: Transport | None
) -> tuple[str, Origin]:
    """The OME-XML that tells of ``pages``, perhaps from another file of the set."""
    place, origin = companion(xml), Origin(_name(url), "", pages)
    if place is None or transport is None:
        return xml, origin
    name, uuid = place
    try:
        text = transport.read(sibling(url, name)).decode("utf-8", "replace")
    except NotFoundError:
        return xml, origin
    return text, Origin(_name(url), uuid, pages)


def _hyperstack(
    tiff: TiffFile,
    pages: list[TiffPage],
    source: tuple[HeaderFile, Transport | None],
    choice: Choice,
) -> Hyperstack:
    """The stack by the description that the file has, else plain pages."""
    first, series = pages[0], choice.series or 0
    size = source[0].size
    if first.is_ome and tiff.ome_metadata:
        xml, origin = _described(tiff.ome_metadata, pages, source[0].name, source[1])
        found = ome(xml, origin, series)
        if found:
            return found
    own = [page for page in pages if not page.is_reduced]
    if first.is_imagej and own:
        if series:
            raise _only_one(series)
        return imagej(imagej_metadata(tiff), own, size)
    if first.is_shaped and own:
        texts = {n: p.shaped_description for n, p in enumerate(own)}
        told = {n: t for n, t in texts.items() if t}
        # tifffile describes each page of a stack that was written page by page
        if len(told) == 1 or len(told) < len(own):
            return shaped(told, own, choice.series, size)
    return plain(pages, choice.series)


def _only_one(series: int) -> OptionError:
    return OptionError(
        got=f"series={series} of an ImageJ file",
        expected="0, the only series",
        hint="leave series out",
    )


def _words(
    stack: Hyperstack, page: TiffPage, sizes: tuple[Claim, ...], note: str
) -> tuple[Claim, ...]:
    """What else the file says, as claims of the source ``file``.

    What was not believed of its resolution, and why, is the claim ``note``, after the
    given one.
    """
    text = "; ".join(filter(None, (note, unbelieved(sizes))))
    told = (Claim("note", text, "file", "tags"),) if text else ()
    return (*text_claims(stack, page), *told)


def _encoding(
    tiff: TiffFile, stack: Hyperstack, layout: Layout, page: TiffPage
) -> tuple[Claim, ...]:
    code = int(page.compression)
    name = (STREAMS | PICTURES)[code]
    said = [
        Claim("format", ("Big" if tiff.is_bigtiff else "") + stack.kind, "file"),
        Claim("compression", name, "file", "tag Compression"),
        Claim("pixel_type", str(layout.dtype.newbyteorder("=")), "file", "tags"),
        Claim("bits", int(page.bitspersample), "file", "tag BitsPerSample"),
        Claim("byte_order", _ORDERS[tiff.byteorder], "file", "first bytes"),
        Claim("rendered", 0, "default", "the stored values"),
    ]
    if kind := mapping(stack.facts.get("pixels")).get("Type"):
        claim = Claim("pixel_type", str(kind), "file", "OME-XML Pixels/Type")
        said.append(claim.examined())
    if name in _LOSSY or code in STREAMS:
        said.append(Claim("lossy", _LOSSY.get(name, 0), "file", "tag Compression"))
    return tuple(said)

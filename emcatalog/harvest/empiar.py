"""The entry API of EMPIAR, the archive of electron microscopy images, and its XML.

Pixel sizes are in angstrom, which neither of the two says: 80.0 is 8 nm. Widths and
heights are texts in the API. An entry may have several sets of images, each in a folder
of its own: the fragment of the URL chooses the one whose folder holds the data, as in
``.../entry/EMPIAR-10988/#data/tomograms``.

Of persons only the list of authors is read, for the citation. EMPIAR names no licence,
no organism, and no size along z.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from emcatalog.errors import FormatError
from emcatalog.harvest.answer import Answer, Step, chosen, doubted
from emcatalog.harvest.details import facts
from emcatalog.harvest.documents import refuse_failure
from emcatalog.harvest.values import bits_of, doi, link
from emcatalog.record import Claim

FOLDER = "https://ftp.ebi.ac.uk/empiar/world_availability"
"""Where EMPIAR lays out the files of an entry, by its number."""

MOST_SETS = 20
"""Sets of images that are told of where it is not settled which is meant."""

_ACCESSION = re.compile(r"EMPIAR-\w{1,40}")
_NO_IMAGING = "it tells where maps of the entry are archived, not how it was imaged"

Path = tuple[Step, ...]


@dataclass(frozen=True)
class _Fact:
    """Where a field stands in the answer of the API, and where in the XML."""

    field: str
    api: Path
    xml: Path
    read: Callable[[object], object] | None = None
    unit: str = ""


_ENTRY = (
    _Fact("title", ("title",), ("admin", "title")),
    _Fact("data_doi", ("entry_doi",), ("admin", "entryDOI"), doi),
    _Fact("released", ("release_date",), ("admin", "keyDates", "releaseDate")),
)
_PIXEL = ("dimensions", "pixelWidth"), ("dimensions", "pixelHeight")
_SET = (
    _Fact("width", ("image_width",), ("dimensions", "imageWidth")),
    _Fact("height", ("image_height",), ("dimensions", "imageHeight")),
    _Fact("voxel_size_x", ("pixel_width",), _PIXEL[0], None, "angstrom"),
    _Fact("voxel_size_y", ("pixel_height",), _PIXEL[1], None, "angstrom"),
    _Fact("pixel_type", ("voxel_type",), ("voxelType",)),
    _Fact("bits", ("voxel_type",), ("voxelType",), bits_of),
    _Fact("format", ("data_format",), ("dataFormat",)),
    _Fact("description", ("details",), ("details",)),
)
_MODALITY = _Fact("modality", ("experiment_type",), ("admin", "experimentType"))


@dataclass(frozen=True)
class _Entry:
    """An entry, in the shape of the API or in that of the XML."""

    answer: Answer
    accession: str
    root: Path
    is_xml: bool

    def path(self, api: Path, xml: Path) -> Path:
        """Where a member of the entry stands."""
        return self.root + (xml if self.is_xml else api)

    def tells(self, fact: _Fact, within: Path = ()) -> tuple[Claim, ...]:
        """The claim of a fact, if the entry, or the set ``within``, has it."""
        path = (*within, *(fact.xml if self.is_xml else fact.api))
        read, unit = fact.read, fact.unit
        return self.answer.tells(fact.field, *path, read=read, unit=unit)

    @property
    def sets(self) -> tuple[Path, ...]:
        """Paths of the sets of images."""
        path = self.path(("imagesets",), ("imageSet",))
        if self.is_xml and isinstance(self.answer.at(*path), dict):
            return (path,)  # one element is no list
        return tuple(self.answer.rows(*path))


def claims(document: object, url: str) -> tuple[Claim, ...]:
    """What an entry of EMPIAR says; ``document`` is parsed JSON or XML.

    Where the fragment of ``url`` does not settle which of several sets of images is
    meant, the claims of each are there with a doubt. Raises FormatError for a document
    that is no entry.

    >>> entry = {"EMPIAR-1": {"title": "Retina", "imagesets": [{"pixel_width": 80.0}]}}
    >>> [(c.field, c.value, c.unit) for c in claims(entry, "")][3:]
    [('voxel_size_x', 8.0, 'nm')]
    """
    refuse_failure(document, url)
    entry = _entry(Answer(document, url))
    answer, root = entry.answer, entry.answer.place(*entry.root)
    found = [
        answer.says("accession", entry.accession, root),
        *(entry.tells(fact, entry.root) for fact in _ENTRY),
        _modality(entry),
        answer.says("source", "EMPIAR", root),
        *_publications(entry),
        _citation(entry),
        *_of_sets(entry),
    ]
    return tuple(claim for some in found for claim in some)


def _entry(answer: Answer) -> _Entry:
    accession = answer.at("entry", "@accessionCode")
    if isinstance(accession, str) and _ACCESSION.fullmatch(accession):
        return _Entry(answer, accession, ("entry",), is_xml=True)
    found = [
        step
        for (step,) in answer.rows()
        if isinstance(step, str) and _ACCESSION.fullmatch(step)
    ]
    if len(found) == 1:
        return _Entry(answer, found[0], (found[0],), is_xml=False)
    raise FormatError(
        entry=answer.url,
        got=f"JSON or XML that holds {len(found)} entries of EMPIAR",
        expected='one: {"EMPIAR-<number>": {...}}, or its XML',
        hint="the address is https://www.ebi.ac.uk/empiar/api/entry/EMPIAR-<number>/",
    )


def _modality(entry: _Entry) -> tuple[Claim, ...]:
    found = entry.tells(_MODALITY, entry.root)
    return doubted(found, _NO_IMAGING) if found and found[0].value == "EMDB" else found


def _publications(entry: _Entry) -> Iterator[tuple[Claim, ...]]:
    """DOIs of papers; an entry without a paper cites itself, without one."""
    rows = () if entry.is_xml else tuple(entry.answer.rows(*entry.root, "citation"))
    named = [row for row in rows if doi(entry.answer.at(*row, "doi"))]
    for number_of, row in enumerate(named):
        doubt = f"one more of the {len(named)} papers that the entry names"
        both = entry.answer.tells("doi", *row, "doi", read=doi)
        both += entry.answer.tells("publication_url", *row, "doi", read=link)
        yield doubted(both, doubt) if number_of else both


def _citation(entry: _Entry) -> tuple[Claim, ...]:
    """Authors, title, archive, year and DOI, as far as they are told."""
    answer = entry.answer
    path = entry.path(("authors",), ("admin", "authorsList", "author"))
    within = ("#text",) if entry.is_xml else ("author", "name")
    authors = [answer.text(*row, *within) for row in answer.rows(*path)]
    authors += answer.texts(*path)
    names = ", ".join(name for name in authors if name)
    told = {
        claim.field: str(claim.value)
        for fact in _ENTRY
        for claim in entry.tells(fact, entry.root)
        if not claim.doubt
    }
    if not names or "title" not in told:
        return ()
    parts = [names, told["title"].rstrip("."), f"EMPIAR, {entry.accession}"]
    parts += [told["released"][:4]] if "released" in told else []
    parts += [f"https://doi.org/{told['data_doi']}"] if "data_doi" in told else []
    return answer.says("citation", ". ".join(parts), answer.place(*path))


def _of_sets(entry: _Entry) -> Iterator[tuple[Claim, ...]]:
    chosen_sets, doubt = _chosen(entry)
    for path in chosen_sets:
        for some in _of_set(entry, path):
            yield doubted(some, doubt) if doubt else some


def _chosen(entry: _Entry) -> tuple[tuple[Path, ...], str]:
    """The sets that the URL means, and a doubt where it does not settle them."""
    folder = chosen(entry.answer.url)
    folders = {path: entry.answer.text(*path, "directory") for path in entry.sets}
    depths = {path: _depth(name, folder) for path, name in folders.items()}
    deepest = max(depths.values(), default=0)
    if deepest and folder:
        folders = {p: name for p, name in folders.items() if depths[p] == deepest}
    sets = tuple(folders)[:MOST_SETS]
    if len(folders) == 1 and (deepest or not folder or not folders[sets[0]]):
        return sets, ""
    if folder and not deepest:
        return sets, "no set of images of the entry is in the folder of the data"
    return sets, f"which of the {len(folders)} sets of images is meant is not told"


def _depth(directory: str, folder: str) -> int:
    """How many folders of the path ``folder`` the directory names; 0 if it is another.

    >>> _depth("/data", "data/a/b"), _depth("data/a", "data/a/b"), _depth("x", "data")
    (1, 2, 0)
    """
    parts, whole = (p.strip("/").split("/") for p in (directory, folder))
    return len(parts) if whole[: len(parts)] == parts else 0


def _of_set(entry: _Entry, path: Path) -> Iterator[tuple[Claim, ...]]:
    answer = entry.answer
    for fact in _SET:
        yield entry.tells(fact, path)
    if category := answer.text(*path, "category"):
        words = f"EMPIAR's category is {category!r:.200}"
        yield answer.says("note", words, answer.place(*path, "category"))
    if directory := answer.text(*path, "directory").strip("/ "):
        number = entry.accession.partition("-")[2]
        where = f"{FOLDER}/{number}/{directory}/"
        layout = replace(answer, source="default")  # EMPIAR's, not said by the entry
        yield layout.says("download", where, answer.place(*path, "directory"))
    for fact_of in facts(answer.text(*path, "details")):
        words = f"{answer.place(*path, 'details')} (free text: {fact_of.words!r})"
        told = answer.says(fact_of.field, fact_of.value, words, fact_of.unit)
        yield doubted(told, fact_of.doubt) if fact_of.doubt else told

"""What submitters told the Image Data Resource (IDR) of an image or a study.

The same facts stand in three places: in map annotations of the OMERO server, in the
table with a row for each image, and in the description of the study. They are
statements to an archive, so their source is ``api``, also where a data server hands
them out.

Of persons only the list of authors of the publication is read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from emcatalog.errors import FormatError
from emcatalog.harvest.answer import Answer, chosen
from emcatalog.harvest.documents import refuse_failure, table
from emcatalog.harvest.values import doi, link, tidy
from emcatalog.record import Claim
from emcatalog.record.terms import MODALITIES

Read = Callable[[str], str | int | None]

_TAXON = re.compile(r"NCBITaxon[_:](\d{1,9})")
_EXPERIMENT = "Comment[IDR Experiment Name]"


def _words(text: str) -> str:
    """Without the address that IDR writes behind a word.

    >>> _words("CC BY 4.0 https://creativecommons.org/licenses/by/4.0/")
    'CC BY 4.0'
    """
    return re.split(r"\s+https?://", text, maxsplit=1)[0]


def _modality(text: str) -> str:
    """The term among the words before and in brackets, else all words.

    >>> _modality("focused ion beam scanning electron microscopy (FIB-SEM)")
    'FIB-SEM'
    """
    parts = [text, *re.split(r"[()]", text)]
    return next((term for p in parts if (term := MODALITIES.term(p))), text)


def _named_modality(text: str) -> str | None:
    """The first term in a comment, which is a list of words.

    >>> _named_modality("FIB-SEM, Focused Ion Beam Scanning Electron Microscopy")
    'FIB-SEM'
    """
    return next((t for p in text.split(",") if (t := MODALITIES.term(p))), None)


def _taxon(text: str) -> int | None:
    found = _TAXON.search(text)
    return int(found[1]) if found else None


_KEYS: Mapping[str, tuple[tuple[str, Read], ...]] = {
    "organism": (("organism", _words),),
    "cell line": (("cell", _words),),
    "cell type": (("cell", _words),),
    "organism part": (("tissue", _words),),
    "tissue": (("tissue", _words),),
    "imaging method": (("modality", _modality),),
    "comments": (("modality", _named_modality),),
    "image description": (("description", str),),
    "data doi": (("data_doi", doi),),
    "publication doi": (("doi", doi), ("publication_url", link)),
    "doi": (("doi", doi), ("publication_url", link)),
    "license": (("licence", _words),),
    "licence": (("licence", _words),),
    "release date": (("released", str),),
    "public release date": (("released", str),),
}
"""Fields that the value of a key tells, and how it is read."""


def _told(answer: Answer, key: str, value: object, place: str) -> Iterator[Claim]:
    """Claims of one key with its value."""
    if not isinstance(value, str) or not value.strip():
        return
    for field, read in _KEYS.get(key.strip().casefold(), ()):
        found = read(value.strip())
        words = "" if str(found) in value else f": {value.strip()!r:.200}"
        yield from answer.says(field, found, place + words)


def claims(document: object, url: str) -> tuple[Claim, ...]:
    """What map annotations say, in the shape of ``/webclient/api/annotations/``.

    Raises FormatError for a document without annotations.

    >>> told = {"annotations": [{"values": [["Organism", "Homo sapiens"]]}]}
    >>> [(c.field, c.value) for c in claims(told, "")]
    [('organism', 'Homo sapiens')]
    """
    refuse_failure(document, url)
    answer = Answer(document, url)
    if not isinstance(answer.at("annotations"), list):
        raise FormatError(
            entry=url,
            got="JSON without a list of annotations",
            expected='{"annotations": [{"values": [[key, value], ...]}]}',
            hint="the address is https://<server>/webclient/api/annotations/"
            "?type=map&image=<image>",
        )
    pairs: list[tuple[str, str, str]] = []
    for path in answer.rows("annotations"):
        values = answer.at(*path, "values")
        for number, pair in enumerate(values if isinstance(values, list) else []):
            if _is_pair(pair):
                place = answer.place(*path, "values", number)
                pairs.append((pair[0], pair[1], f"{place} ({pair[0].strip():.80})"))
    return _all(answer, pairs)


def _is_pair(pair: object) -> bool:
    return (
        isinstance(pair, list)
        and len(pair) == 2
        and all(isinstance(part, str) for part in pair)
    )


def _all(answer: Answer, pairs: Sequence[tuple[str, str, str]]) -> tuple[Claim, ...]:
    found = [c for key, value, place in pairs for c in _told(answer, key, value, place)]
    told = {key.strip().casefold(): (value, place) for key, value, place in pairs}
    return (*found, *_citation(answer, told))


def _citation(answer: Answer, told: Mapping[str, tuple[str, str]]) -> tuple[Claim, ...]:
    """Authors, title and DOI of the publication, if all three are told."""
    names = told.get("publication authors") or told.get("author list")
    title, paper = told.get("publication title"), told.get("publication doi")
    address = link((paper or told.get("doi") or ("", ""))[0])
    if not (names and title and address and names[0].strip() and title[0].strip()):
        return ()
    whole = f"{names[0].strip()}. {title[0].strip().rstrip('.')}. {address}"
    return answer.says("citation", whole, names[1])


def table_claims(text: str, url: str) -> tuple[Claim, ...]:
    r"""What the table of a submission says, a row for each image, values with commas.

    The fragment of ``url`` is the name of the image. Without it, that is claimed in
    which all rows agree. Raises FormatError for a table without names of images, and
    for an image that it does not name.

    >>> text = "Image Name,Characteristics [Organism]\na.tif,Homo sapiens\n"
    >>> [(c.field, c.value) for c in table_claims(text, "https://b.org/t.csv#a.tif")]
    [('title', 'a.tif'), ('organism', 'Homo sapiens')]
    """
    rows, image = table(text, url), chosen(url)
    if image:
        rows = [row for row in rows if row.get("Image Name") == image]
    if not rows or "Image Name" not in rows[0]:
        raise FormatError(
            entry=url,
            got=f"a table without a row for {image!r}" if image else "no such table",
            expected="a table of IDR, with a column Image Name",
            hint="name the image after #, as the table spells it",
        )
    answer = Answer(rows, url)
    found: list[Claim] = []
    for column in rows[0]:
        values = {row.get(column, "") for row in rows}
        if len(values) == 1:
            place = answer.place(*([image] if image else []), column)
            found += _of_column(answer, column, values.pop(), place)
    return tuple(found)


def _of_column(answer: Answer, column: str, value: str, place: str) -> Iterator[Claim]:
    if column == "Image Name":
        yield from answer.says("title", value, place)
    elif column.endswith("Accession"):
        yield from answer.says("taxon_id", _taxon(value), place)
    key = re.fullmatch(r"(?:Characteristics|Comment) ?\[(.{1,80})\]", column.strip())
    if key:
        yield from _told(answer, key[1], value, place)


def study_claims(text: str, url: str) -> tuple[Claim, ...]:
    r"""What the description of a study says: a key, then values, between tabulators.

    The fragment of ``url`` is the name of one experiment of it, as
    ``idr0086-miron-micrographs/experimentD``; what the others say is left out. Keys
    with several values, such as those of a study of two species, are left out as well.
    Raises FormatError for a text that is no such description.

    >>> text = "Study Title\tChromatin\nStudy License\tCC BY 4.0\t\n"
    >>> [(c.field, c.value) for c in study_claims(text, "")]
    [('licence', 'CC-BY-4.0')]
    """
    answer, pairs, experiment = Answer(text, url), [], ""
    for line in text.splitlines():
        key, *values = (part.strip() for part in line.split("\t"))
        told = [value for value in values if value]
        if key == _EXPERIMENT:
            experiment = told[0] if told else ""
        is_study = key.startswith("Study ")
        is_ours = bool(experiment) and experiment == chosen(url)
        if len(told) == 1 and (is_study or is_ours):
            name = key.removeprefix("Study ").removeprefix("Experiment ")
            pairs.append((name, told[0], answer.place(experiment * is_ours, key)))
    # IDR's list of methods ends at SEM; the comment says which, and so is read first
    pairs.sort(key=lambda pair: pair[0] != "Comments")
    if not pairs:
        raise FormatError(
            entry=url,
            got=f"text that describes no study: {tidy(text)!r:.80}",
            expected="lines such as Study Title, with values between tabulators",
            hint="IDR keeps it as <study>-study.txt",
        )
    return _all(answer, pairs)

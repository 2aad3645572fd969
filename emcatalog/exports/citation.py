"""How to cite a record: as a sentence, as BibTeX, and as the text of a CITATION.cff.

Nothing is completed. Authors are not among the fields of a record, so a citation names
them only where the keeper's own words of how to cite do.
"""

from __future__ import annotations

import re
from typing import Literal

import yaml

from emcatalog.errors import OptionError, suggest
from emcatalog.exports.files import landing
from emcatalog.exports.told import (
    Json,
    description,
    identifier,
    keywords,
    publication,
    rights,
    text,
    title,
)
from emcatalog.record import Record

Form = Literal["text", "bibtex", "cff"]

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_CFF_VERSION = "1.2.0"
_TEX = {
    "\\": r"\textbackslash{}", "{": r"\textbraceleft{}", "}": r"\textbraceright{}",
    "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
}  # fmt: skip
"""What means something to TeX. BibTeX counts braces, those behind backslashes too."""


def citation(record: Record, form: Form = "text") -> str:
    """How to cite ``record``: a sentence, BibTeX, or the text of a CITATION.cff.

    Raises OptionError for another form.

    >>> from emcatalog.record import Claim
    >>> print(citation(Record((
    ...     Claim("title", "Developing retina", "api"),
    ...     Claim("data_doi", "10.6019/EMPIAR-11759", "api"),
    ...     Claim("licence", "CC0", "page")))))
    Developing retina. Data: https://doi.org/10.6019/EMPIAR-11759. Licence: CC0-1.0.
    """
    forms = {"text": _sentence, "bibtex": bibtex, "cff": _cff}
    if form not in forms:
        raise OptionError(
            got=f"the form {form!r} of a citation",
            expected=", ".join(forms),
            hint=suggest(form, forms),
        )
    return forms[form](record)


def _sentence(record: Record) -> str:
    found = rights(record)
    accession = text(record, "accession")
    called = title(record).rstrip(".")
    parts = (
        called + (f" ({accession})" if accession not in ("", called) else ""),
        f"Data: {place}" if (place := landing(record)) else "",
        f"Released {day}" if (day := text(record, "released")) else "",
        f"Licence: {found.name}" if found else "",
        f"Cite: {work}" if (work := _cited(record)) else "",
    )
    return " ".join(f"{part.rstrip('.')}." for part in parts if part)


def _cited(record: Record) -> str:
    """The keeper's words of how to cite, and the publication if they lack it."""
    said, paper = text(record, "citation").rstrip("."), publication(record)
    has_it = (text(record, "doi") or paper).casefold() in said.casefold()
    return ". ".join(part for part in (said, "" if has_it else paper) if part)


def bibtex(record: Record) -> str:
    """An entry ``@misc`` of the data; what to cite with it stands in its note."""
    found = rights(record)
    notes = (_cited(record), f"Licence: {found.name}" if found else "")
    fields = {
        "title": _tex(title(record)),
        "year": text(record, "released")[:4],
        "doi": text(record, "data_doi"),
        "url": landing(record),
        "note": _tex(". ".join(note for note in notes if note)),
    }
    lines = (f"  {key} = {{{value}}}" for key, value in fields.items() if value)
    key = re.sub(r"[^\w-]+", "-", identifier(record))
    return f"@misc{{{key},\n" + ",\n".join(lines) + "\n}"


def _tex(text: str) -> str:
    return "".join(_TEX.get(letter, letter) for letter in text)


def _cff(record: Record) -> str:
    found, day = rights(record), _DAY.match(text(record, "released"))
    told = _cited(record)
    unsure = found.told if found and not found.url else ""
    message = "Please cite this data set" + (f", and: {told}." if told else ".")
    document: Json = {
        "cff-version": _CFF_VERSION,
        "message": message + (f" Licence: {unsure}." if unsure else ""),
        "type": "dataset",
        "title": title(record),
        # what the format's guide says for authors who are not known by name
        "authors": [{"name": f"The authors of {title(record)}"}],
        "abstract": description(record),
        "doi": text(record, "data_doi"),
        "url": _web(landing(record)),
        "date-released": day[0] if day else "",
        "license": found.spdx if found else "",
        "license-url": found.url if found and not found.spdx else "",
        "keywords": keywords(record),
    }
    kept = {key: value for key, value in document.items() if value not in ("", [])}
    return yaml.safe_dump(kept, sort_keys=False, allow_unicode=True, width=88)


def _web(place: str) -> str:
    """``place`` if it is an address of the web; the format takes no s3:// or gs://."""
    return place if place.startswith(("https://", "http://", "ftp://")) else ""

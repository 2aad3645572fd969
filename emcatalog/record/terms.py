"""Controlled terms: what authors, archives and files call one and the same thing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


@dataclass(frozen=True)
class Terms:
    """Terms with the other words that are used for each.

    Words are compared without regard to case, spaces, hyphens and dots. ``limited``
    terms are all that there are: another word is no value of the field. ``within``
    tells of a term the broader ones that it is a kind of.
    """

    words: Mapping[str, tuple[str, ...]]
    limited: bool = False
    within: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    _known: Mapping[str, str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        known = {
            _key(word): term
            for term, others in self.words.items()
            for word in (term, *others)
        }
        object.__setattr__(self, "_known", MappingProxyType(known))

    def term(self, text: str) -> str | None:
        """The term that ``text`` is a word for; None if it is none.

        >>> MODALITIES.term("serial block face SEM"), MODALITIES.term("crayon")
        ('SBF-SEM', None)
        """
        return self._known.get(_key(text))

    def is_kind(self, narrow: object, broad: object) -> bool:
        """Whether one term is a narrower one than another.

        >>> MODALITIES.is_kind("FIB-SEM", "SEM"), MODALITIES.is_kind("SEM", "FIB-SEM")
        (True, False)
        """
        return any(term == broad for term in self._broader(narrow))

    def _broader(self, term: object) -> Iterator[str]:
        for broad in self.within.get(str(term), ()):
            yield broad
            yield from self._broader(broad)

    @property
    def names(self) -> tuple[str, ...]:
        """The terms themselves."""
        return tuple(self.words)


def _key(text: str) -> str:
    return re.sub(r"[\s.,;:_/()-]+", "", text.casefold())


MODALITIES = Terms(
    {
        "FIB-SEM": (
            "focused ion beam scanning electron microscopy", "focused ion beam SEM",
            "focussed ion beam SEM", "ion beam scanning electron microscopy", "IB-SEM",
            "eFIB-SEM", "enhanced FIB-SEM", "FIB SEM tomography",
        ),
        "SBF-SEM": (
            "SBEM", "serial block face SEM", "serial block face", "3View",
            "Gatan 3View", "3VBSED", "block-face SEM",
            "serial block-face scanning electron microscopy",
            "serial blockface scanning electron microscopy",
        ),
        "ssTEM": (
            "serial section TEM", "serial section transmission electron microscopy",
            "TEMCA", "serial section TEM imaging",
        ),
        "ssSEM": (
            "serial section SEM", "serial section scanning electron microscopy",
            "multi-beam SEM", "mSEM", "array tomography SEM",
        ),
        "ATUM-SEM": (
            "ATUM", "automated tape-collecting ultramicrotome SEM", "ATUMSEM",
        ),
        "TEM": ("transmission electron microscopy", "transmission EM"),
        "SEM": ("scanning electron microscopy", "scanning EM"),
        "STEM": ("scanning transmission electron microscopy",),
        "EM": ("electron microscopy", "volume EM", "vEM", "volume electron microscopy"),
        "tomography": (),
        "electron tomography": ("ET", "electron tomography (ET)", "ssET"),
        "cryo-ET": ("cryo electron tomography", "cryo-electron tomography", "cryoET"),
        "cryo-EM": ("cryo electron microscopy",),
        "SXT": ("soft X-ray tomography", "cryo soft X-ray tomography"),
        "X-ray tomography": ("micro-CT", "uCT", "XRM", "X-ray microtomography",
                             "X-ray holographic nano-tomography", "XNH"),
        "light microscopy": (
            "light", "fluorescence microscopy", "confocal", "confocal microscopy",
            "light sheet", "SIM", "structured illumination microscopy",
        ),
    },
    within={
        "FIB-SEM": ("SEM",), "SBF-SEM": ("SEM",), "ssSEM": ("SEM",),
        "ATUM-SEM": ("ssSEM",), "ssTEM": ("TEM",), "SEM": ("EM",), "TEM": ("EM",),
        "STEM": ("EM",), "cryo-EM": ("EM",),
        "electron tomography": ("EM", "tomography"),
        "cryo-ET": ("electron tomography", "cryo-EM"),
        "SXT": ("X-ray tomography",), "X-ray tomography": ("tomography",),
    },
)  # fmt: skip
"""Kinds of microscopy."""

TAXA: Mapping[str, tuple[int, tuple[str, ...]]] = MappingProxyType(
    {
        "Homo sapiens": (9606, ("human", "man", "H. sapiens")),
        "Mus musculus": (10090, ("mouse", "house mouse", "mice", "M. musculus")),
        "Rattus norvegicus": (10116, ("rat", "Norway rat", "brown rat",
                                      "R. norvegicus")),
        "Danio rerio": (7955, ("zebrafish", "zebra fish", "D. rerio")),
        "Drosophila melanogaster": (
            7227, ("fruit fly", "fly", "drosophila", "D. melanogaster", "vinegar fly")),
        "Caenorhabditis elegans": (6239, ("C. elegans", "nematode", "worm")),
        "Platynereis dumerilii": (6359, ("platynereis", "P. dumerilii")),
        "Hydra vulgaris": (6087, ("hydra", "H. vulgaris", "swiftwater hydra")),
        "Taeniopygia guttata": (59729, ("zebra finch", "T. guttata")),
        "Gallus gallus": (9031, ("chicken", "G. gallus")),
        "Macaca mulatta": (9544, ("rhesus macaque", "rhesus monkey", "M. mulatta")),
        "Oryctolagus cuniculus": (9986, ("rabbit", "O. cuniculus")),
        "Sus scrofa": (9823, ("pig", "S. scrofa")),
        "Bos taurus": (9913, ("cow", "cattle", "B. taurus")),
        "Chlorocebus aethiops": (9534, ("African green monkey", "grivet",
                                        "C. aethiops")),
        "Chlorocebus sabaeus": (60711, ("green monkey", "C. sabaeus")),
        "Cricetulus griseus": (10029, ("Chinese hamster", "C. griseus")),
        "Xenopus laevis": (8355, ("African clawed frog", "X. laevis")),
        "Saccharomyces cerevisiae": (
            4932, ("yeast", "baker's yeast", "budding yeast", "S. cerevisiae")),
        "Schizosaccharomyces pombe": (4896, ("fission yeast", "S. pombe")),
        "Escherichia coli": (562, ("E. coli",)),
        "Arabidopsis thaliana": (3702, ("arabidopsis", "thale cress", "A. thaliana")),
        "Chlamydomonas reinhardtii": (3055, ("chlamydomonas", "C. reinhardtii")),
        "Plasmodium falciparum": (5833, ("P. falciparum", "malaria parasite")),
        "Toxoplasma gondii": (5811, ("T. gondii",)),
        "Trypanosoma brucei": (5691, ("T. brucei",)),
    }
)  # fmt: skip
"""Species with the number of each in the NCBI taxonomy, and what it is called."""

ORGANISMS = Terms({name: words for name, (_, words) in TAXA.items()})

LICENCES = Terms(
    {
        "CC0-1.0": (
            "CC0", "CC 0", "CC0 1.0", "CC0 1.0 Universal", "Creative Commons Zero",
            "https://creativecommons.org/publicdomain/zero/1.0/", "CC0 public domain",
            "http://creativecommons.org/publicdomain/zero/1.0/", "CC-0",
            "https://creativecommons.org/publicdomain/zero/1.0/legalcode",
        ),
        "CC-BY-4.0": (
            "CC BY 4.0", "CCBY4", "CC BY 4", "Creative Commons Attribution 4.0",
            "Creative Commons Attribution 4.0 International",
            "https://creativecommons.org/licenses/by/4.0/",
            "http://creativecommons.org/licenses/by/4.0/",
            "https://creativecommons.org/licenses/by/4.0/legalcode",
            "CC BY 4.0 Attribution", "Creative Commons Attribution 4.0 License",
        ),
        "CC-BY-NC-4.0": (
            "CC BY NC 4.0", "https://creativecommons.org/licenses/by-nc/4.0/",
        ),
        "CC-BY-SA-4.0": (
            "CC BY SA 4.0", "https://creativecommons.org/licenses/by-sa/4.0/",
        ),
        "CC-BY-NC-SA-4.0": (
            "CC BY NC SA 4.0", "https://creativecommons.org/licenses/by-nc-sa/4.0/",
        ),
    }
)  # fmt: skip
"""Licences by their SPDX identifiers. ``CC BY`` alone names no version: it stays."""

PIXEL_TYPES = Terms(
    {
        "bool": ("bit",),
        "uint8": ("unsigned byte", "unsigned 8 bit integer", "byte"),
        "int8": ("signed byte", "signed 8 bit integer"),
        "uint16": ("unsigned 16 bit integer",),
        "int16": ("signed 16 bit integer",),
        "uint32": ("unsigned 32 bit integer",),
        "int32": ("signed 32 bit integer",),
        "uint64": ("unsigned 64 bit integer",),
        "int64": ("signed 64 bit integer",),
        "float32": ("32 bit float", "float"),
        "float64": ("64 bit float", "double"),
    }
)
"""Types of voxels by NumPy's names, and as EMPIAR and OMERO spell them."""

KINDS = Terms({"image": (), "segmentation": ("labels",)}, limited=True)
BYTE_ORDERS = Terms(
    {"little": ("little-endian", "<", "II"), "big": ("big-endian", ">", "MM")},
    limited=True,
)

TERMS: Mapping[str, Terms] = MappingProxyType(
    {
        "modality": MODALITIES,
        "organism": ORGANISMS,
        "licence": LICENCES,
        "pixel_type": PIXEL_TYPES,
        "kind": KINDS,
        "byte_order": BYTE_ORDERS,
    }
)
"""Terms of the fields that have them."""


def taxon_id(organism: str) -> int | None:
    """Number of an organism in the NCBI taxonomy; None for one that is not known.

    >>> taxon_id("Mouse"), taxon_id("Mus musculus"), taxon_id("unicorn")
    (10090, 10090, None)
    """
    name = ORGANISMS.term(organism)
    return TAXA[name][0] if name else None

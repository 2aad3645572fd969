"""Licences by their SPDX identifiers, with the address of each.

Written from the list of SPDX (https://spdx.org/licenses) and the addresses of Creative
Commons. A name that leaves something open, such as ``CC BY`` without its version, is
not completed: it stays text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_OTHERS = (
    "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "MIT", "ODC-By-1.0", "ODbL-1.0",
    "PDDL-1.0",
)  # fmt: skip
_BY_SPELLING = {spdx.casefold(): spdx for spdx in _OTHERS}
_CC0 = "https://creativecommons.org/publicdomain/zero/1.0/"
_CC = re.compile(
    r"(?:cc-?|https?://(?:www\.)?creativecommons\.org/licenses/)"
    r"(by|by-nc|by-nc-nd|by-nc-sa|by-nd|by-sa)[-/](1\.0|2\.0|2\.5|3\.0|4\.0)"
    r"(?:/|/legalcode|/deed|-international)?(?:\.[a-z-]+)?"
)
_CC_ZERO = re.compile(
    r"cc-?0(?:-1\.0)?(?:-universal)?"
    r"|https?://(?:www\.)?creativecommons\.org/publicdomain/zero/1\.0/?"
)


@dataclass(frozen=True)
class Licence:
    """A licence as it was ``told``; ``spdx`` and ``url`` are empty where not known."""

    told: str
    spdx: str = ""
    url: str = ""

    @property
    def name(self) -> str:
        """The SPDX identifier, or the words in which the licence was told."""
        return self.spdx or self.told


def licence(told: str) -> Licence:
    """The licence that ``told`` names: a name, an SPDX identifier or an address.

    >>> licence("CC BY 4.0")
    Licence(told='CC BY 4.0', spdx='CC-BY-4.0',
            url='https://creativecommons.org/licenses/by/4.0/')
    >>> licence("CC0").spdx, licence("CC BY").spdx, licence("ask the authors").spdx
    ('CC0-1.0', '', '')
    """
    told = told.strip()
    name = re.sub(r"[\s_-]+", "-", told.casefold())
    name = re.sub(r"^https?://(www\.)?spdx\.org/licenses/(\S+?)(\.html)?$", r"\2", name)
    if spdx := _BY_SPELLING.get(name):
        return Licence(told, spdx, f"https://spdx.org/licenses/{spdx}.html")
    if _CC_ZERO.fullmatch(name):
        return Licence(told, "CC0-1.0", _CC0)
    if found := _CC.fullmatch(name):
        kind, version = found[1], found[2]
        url = f"https://creativecommons.org/licenses/{kind}/{version}/"
        return Licence(told, f"CC-{kind}-{version}".upper(), url)
    return Licence(told, "", told if re.fullmatch(r"https?://\S+", told) else "")

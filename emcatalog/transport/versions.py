"""Whether a file that is read in pieces is still the same file."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from emcatalog.errors import ContentError
from emcatalog.recheck import RECHECK_SECONDS


@dataclass(frozen=True)
class Version:
    """What a server tells of a file's content; None is what it does not tell.

    ``tag`` is a strong ETag, ``modified`` a Last-Modified date and ``size`` the length
    of the whole file in bytes.
    """

    tag: str | None = None
    modified: str | None = None
    size: int | None = None

    @property
    def name(self) -> str:
        """A text that other contents do not share; "" where too little is told.

        >>> Version('"a"', "Mon", 5).name, Version(None, "Mon", 5).name, Version().name
        ('"a"', 'Mon 5', '')
        """
        dated = f"{self.modified} {self.size}" if self.modified else ""
        return self.tag or (dated if self.size is not None else "")

    def differs(self, other: Version) -> bool:
        """Whether the two cannot be of the same content.

        An ETag is worth more than a date, which servers behind one name may disagree
        on (RFC 9110, section 8.8).

        >>> Version('"a"', "Mon", 5).differs(Version('"a"', "Tue", 5))
        False
        >>> Version(None, "Mon", 5).differs(Version('"a"', "Tue", None))
        True
        """
        if None not in (self.size, other.size) and self.size != other.size:
            return True
        if self.tag and other.tag:
            return self.tag != other.tag
        return bool(
            self.modified and other.modified and self.modified != other.modified
        )


@dataclass(frozen=True)
class Versions:
    """The version of each file as it was first seen, by URL.

    It travels with the `Transport` of an opened volume, also to other processes, so
    that the header of one version is never used for the voxels of another.
    """

    seen: dict[str, Version] = field(default_factory=dict)
    _told: dict[str, float] = field(default_factory=dict, repr=False, compare=False)

    def __dask_tokenize__(self) -> str:
        """The same for all: what was seen so far makes no other volume."""
        return type(self).__name__

    def check(self, url: str, version: Version) -> None:
        """Remember ``version``, or raise ContentError if it is not what was seen."""
        first = self.seen.setdefault(url, version)
        self._told[url] = time.time()
        if first.differs(version):
            raise ContentError(
                got=f"another version of the file ({_words(version)})",
                expected=f"the one that was opened ({_words(first)})",
                hint="the file was changed while it was being read: open it again",
            )

    def recent(self, url: str) -> Version | None:
        """The version of ``url``, if a server told it not long ago."""
        age = time.time() - self._told.get(url, 0.0)
        return self.seen.get(url) if 0 <= age < RECHECK_SECONDS else None


def _words(version: Version) -> str:
    told = {
        "ETag": version.tag,
        "Last-Modified": version.modified,
        "bytes": version.size,
    }
    return ", ".join(f"{name} {value}" for name, value in told.items() if value)

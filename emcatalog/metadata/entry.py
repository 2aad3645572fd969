"""What an entry of a catalog says by itself, before anything is opened."""

from __future__ import annotations

from collections.abc import Iterator

from emcatalog.driver import VolumeSource
from emcatalog.driver.options import known
from emcatalog.errors import EmcatalogError
from emcatalog.record import Claim, authored, declared_voxel_size


def place(source: VolumeSource) -> str:
    """Where the data lies: the first place, or the driver's own."""
    own = known(type(source).open_pyramid)["urlpath"].default
    told = source.options.get("urlpath", own)
    return str(told[0] if isinstance(told, list) else told)


def is_local(source: VolumeSource) -> bool:
    """Whether the data lies on this machine."""
    return "://" not in place(source).removeprefix("file://")


def author_claims(name: str, source: VolumeSource) -> Iterator[Claim]:
    """What the author of the entry called ``name`` declares, and where it points.

    Raises OptionError for a declaration that cannot be.
    """
    yield Claim("name", name, "catalog", "name of the entry")
    yield from authored(source.metadata, place(source))
    yield from declared_voxel_size(source.options.get("voxel_size_nm"))


def named(error: EmcatalogError, name: str) -> EmcatalogError:
    """The error with the dotted ``name`` of its entry.

    >>> error = EmcatalogError(entry="fafb: gs://a/info", got="no answer")
    >>> str(named(error, "more.fafb"))
    'more.fafb: gs://a/info: got no answer'
    """
    catalog, dot, last = name.rpartition(".")
    if error.entry.startswith(last):
        error.entry = f"{catalog}{dot}{error.entry}"
    return error.about(name)

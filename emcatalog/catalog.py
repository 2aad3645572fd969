"""Names -> drivers: opening the catalog that is shipped, and catalogs of your own.

The shipped file is ``catalog.yaml``. These three give the same catalog::

    intake.open_catalog("catalog.yaml")   # in a checkout
    emcatalog.open_catalog()              # anywhere
    intake.cat.emcatalog                  # anywhere
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from intake.catalog import Catalog
from intake.catalog.local import LocalCatalogEntry, YAMLFileCatalog

from emcatalog.driver import VolumeSource, driver, option_names
from emcatalog.driver.options import checked, ensure_unfolded
from emcatalog.driver.parameters import user_parameters
from emcatalog.errors import (
    EmcatalogError,
    FormatError,
    NotFoundError,
    OptionError,
    UnknownNameError,
    suggest,
)
from emcatalog.record import declared

CATALOG_DRIVER = "yaml_file_cat"


class AnsweringCatalog(Catalog):  # type: ignore[misc]  # intake has no types
    """An Intake catalog that answers typos with a suggestion.

    What is wrong with an entry is told by an error that names it. Searching and
    filtering give catalogs that answer alike.
    """

    def __getitem__(self, key: Any) -> Any:
        try:
            return super().__getitem__(key)
        except UnknownNameError:
            raise
        except KeyError:
            raise self._unknown(str(key)) from None

    def __getattr__(self, item: str) -> Any:
        if item.startswith("_") or item == "entry":
            return super().__getattr__(item)
        return self[item]

    def items(self) -> Iterator[tuple[str, Any]]:
        """Names and sources."""
        return ((name, self[name]) for name in self)

    def values(self) -> Iterator[Any]:
        """Sources."""
        return (source for _, source in self.items())

    def search(self, text: str, depth: int = 2) -> AnsweringCatalog:
        """The entries, nested ones included, in whose description a word occurs."""
        return _answering(super().search(text, depth))

    def filter(self, func: Callable[[Any], bool]) -> AnsweringCatalog:
        """The entries for which ``func(entry)`` is true."""
        return _answering(super().filter(func))

    def _get_entry(self, name: str) -> Any:
        entry = self._entries.get(name)
        with user_parameters(name):
            if isinstance(entry, LocalCatalogEntry):
                _check_driver(entry)
            return super()._get_entry(name)

    def _unknown(self, name: str) -> UnknownNameError:
        return UnknownNameError(
            entry=f"catalog {vars(self).get('name')}",
            got=f"the name {name!r}",
            expected="an entry of the catalog",
            hint=suggest(name, self),
        )


def _answering(found: Catalog) -> AnsweringCatalog:
    catalog = AnsweringCatalog(name=found.name or "found")
    for name in found:
        catalog[name] = found._entries[name]  # noqa: SLF001 - indexing would open it
    return catalog


class VolumeCatalog(AnsweringCatalog, YAMLFileCatalog):  # type: ignore[misc]  # no types
    """An Intake catalog of one YAML file that answers typos with a suggestion.

    It takes the place of Intake's own class for YAML files while emcatalog is
    installed; any catalog that Intake reads, it reads. Opening raises NotFoundError if
    there is no such file and FormatError if it is not a catalog.
    """

    name = CATALOG_DRIVER

    def parse(self, text: str) -> None:
        """Make the entries of a text; FormatError through `_load` if it is none."""
        ensure_unfolded(text)
        _ensure_distinct(text, str(self.path))
        super().parse(text)

    def _load(self, reload: bool = False) -> None:
        try:
            super()._load(reload)
        except FileNotFoundError:
            raise NotFoundError(
                got=f"no file at {self.path}",
                expected="a catalog in YAML",
                hint="emcatalog.open_catalog() without a path opens the shipped one",
            ) from None
        except EmcatalogError:
            raise
        except Exception as error:  # intake and YAML raise whatever they like
            raise FormatError(
                entry=str(self.path),
                got=" ".join(str(error).split()) or type(error).__name__,
                expected="a catalog: 'sources:' with a driver and args for each name",
                hint="compare it with the shipped catalog.yaml",
            ) from error


def _ensure_distinct(text: str, path: str) -> None:
    """Raise FormatError for a name that stands twice in one mapping.

    Intake refuses it, too, but not while another thread reads a catalog.
    """
    for mapping in _mappings(text):
        lines: dict[tuple[str, str], int] = {}
        for key, _ in mapping.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            line, name = key.start_mark.line + 1, (key.tag, key.value)
            if name in lines:
                raise FormatError(
                    entry=path,
                    got=f"the name {key.value!r} twice, in lines {lines[name]} and "
                    f"{line}",
                    expected="each name once: the second would hide the first",
                    hint="rename or remove one of them",
                )
            lines[name] = line


def _mappings(text: str) -> Iterator[yaml.MappingNode]:
    """All mappings of a YAML text, each once, however often aliases stand for it."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    nodes, known = [yaml.compose(text, loader)], set()
    while nodes:
        node = nodes.pop()
        if id(node) in known or not isinstance(node, yaml.CollectionNode):
            continue
        known.add(id(node))
        if isinstance(node, yaml.MappingNode):
            yield node
            nodes += [part for pair in node.value for part in pair]
        else:
            nodes += node.value


def catalog_path() -> Path:
    """Where the shipped ``catalog.yaml`` lies: in the package, or in the checkout."""
    package = Path(__file__).resolve().parent
    places = [package / "catalog.yaml", package.parent / "catalog.yaml"]
    for place in places:
        if place.is_file():
            return place
    raise NotFoundError(
        got="an installation without catalog.yaml",
        expected=f"it at {places[0]}",
        hint="install emcatalog again",
    )


def open_catalog(path: str | os.PathLike[str] | None = None) -> VolumeCatalog:
    """Open the shipped catalog, or the YAML file at ``path`` (a path or URL).

    Raises NotFoundError if there is no such file and FormatError if it is not a
    catalog.

    >>> open_catalog().dataset4.describe()["driver"]  # doctest: +SKIP
    ['ngff']
    """
    return VolumeCatalog(os.fspath(path) if path is not None else str(catalog_path()))


def entries(catalog: VolumeCatalog, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """All entries with their dotted names, those of nested catalogs included.

    Nothing is opened but the YAML of nested catalogs.
    """
    catalog.reload()
    for name, entry in catalog._entries.items():  # noqa: SLF001 - no public way
        if entry.describe()["container"] == "catalog":
            with user_parameters(f"{prefix}{name}"):
                nested = entry()
            yield from entries(nested, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", entry


def problems(catalog: VolumeCatalog) -> list[str]:
    """What is wrong with the entries of a catalog, found without any network.

    Checks that each driver exists, that arguments and metadata fit, and that each
    parameter is templated in the arguments (Intake ignores those that are not).
    """
    found: list[str] = []
    for name, entry in entries(catalog):
        facts = entry.describe()
        try:
            _check_driver(entry)
            _check_arguments(facts)
            _check_metadata(facts)
        except EmcatalogError as error:
            found.append(str(error.about(name)))
    return found


def _check_driver(entry: LocalCatalogEntry) -> None:
    """Raise UnknownNameError for a driver that is not installed."""
    if not entry.describe()["driver"]:
        name = entry._driver  # noqa: SLF001 - describe() leaves unknown ones out
        driver(str(name))


def _check_arguments(facts: Mapping[str, Any]) -> None:
    kind = driver(str(facts["driver"][0]))
    arguments = facts["args"]
    _check_names(kind, arguments)
    # repr, for keys may be dates
    templates = re.findall(r"\{[{%].*?[%}]\}", repr(arguments))
    for parameter in facts["user_parameters"]:
        name = parameter["name"]
        if not any(re.search(rf"\b{re.escape(name)}\b", t) for t in templates):
            raise OptionError(
                got=f"the parameter {name!r}, which no argument uses",
                expected=f'"{{{{ {name} }}}}" in the args',
                hint="intake ignores a parameter that is not templated",
            )
    if not any("{{" in str(value) for value in arguments.values()):
        given = {k: v for k, v in arguments.items() if k not in ("level", "voxel_nm")}
        given.pop("storage_options", None)
        checked(kind.name, kind.open_pyramid, given)


def _check_metadata(facts: Mapping[str, Any]) -> None:
    """Raise OptionError for metadata that cannot be; templates are not known yet."""
    told = facts["metadata"] or {}
    declared({k: v for k, v in told.items() if not re.search(r"\{[{%]", str(v))})


def _check_names(kind: type[VolumeSource], arguments: Mapping[str, Any]) -> None:
    known = option_names(kind)
    for name in arguments:
        if name not in known:
            raise UnknownNameError(
                got=f"the argument {name!r}",
                expected=f"an option of driver {kind.name}",
                hint=suggest(name, known),
            )


def __getattr__(name: str) -> Any:
    # loaded by intake.cat on request; a module attribute would open it on import
    if name == "builtin":
        return open_catalog()
    raise AttributeError(name)

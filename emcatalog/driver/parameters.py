"""Intake's user parameters, without its warnings and with errors of ours."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from jinja2 import TemplateError

from emcatalog.driver.options import coerce
from emcatalog.errors import EmcatalogError, OptionError

_NUMBERS = {"int": int, "float": float, "bool": bool}


@contextmanager
def user_parameters(entry: str) -> Iterator[None]:
    """Within it Intake fills in parameters; what does not fit is an OptionError.

    Intake warns twice that no shell command was run for each text parameter, although
    there is none to run.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Shell command not executed")
        try:
            yield
        except EmcatalogError as error:
            error.about(entry)
            raise
        except TemplateError as error:
            raise OptionError(
                entry=entry,
                got=f"arguments that are no template: {error}",
                expected="each {{ name }} closed, and names of parameters inside",
                hint="quote the argument in the YAML, and close its braces",
            ) from error
        except (ValueError, TypeError, SyntaxError) as error:
            raise OptionError(
                entry=entry,
                got=f"a parameter that does not fit: {error}",
                expected="a value of the parameter's type, one of those allowed",
                hint=f"emcatalog show {entry} lists the parameters",
            ) from error


def typed(given: Mapping[str, Any], entry: Any) -> dict[str, Any]:
    """``given`` with numbers of the types that the parameters of ``entry`` declare.

    Intake would turn the level 1.9 into 1. Raises OptionError instead.
    """
    rows = entry.describe()["user_parameters"] if entry is not None else ()
    kinds = {row["name"]: _NUMBERS.get(row["type"]) for row in rows}
    return {
        name: coerce("", name, value, kinds[name]) if kinds.get(name) else value
        for name, value in given.items()
    }

"""Intake's user parameters, without its warnings and with errors of ours."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from emcatalog.errors import EmcatalogError, OptionError


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
        except (ValueError, TypeError) as error:
            raise OptionError(
                entry=entry,
                got=f"a parameter that does not fit: {error}",
                expected="a value of the parameter's type, one of those allowed",
                hint=f"emcatalog show {entry} lists the parameters",
            ) from error

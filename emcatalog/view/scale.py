"""Scale bars: round lengths, and lengths as people read them."""

from __future__ import annotations

import math

from emcatalog.errors import GeometryError


def bar_length(available: float) -> float:
    """The longest of 1, 2, 5, 10, 20, ... nm that is at most ``available`` nm.

    Raises GeometryError unless ``available`` is a positive, finite length.

    >>> bar_length(400.0), bar_length(60.0)
    (200.0, 50.0)
    """
    if not (math.isfinite(available) and available > 0):
        raise GeometryError(
            got=f"a scale bar of at most {available} nm", expected="a positive length"
        )
    power = 10.0 ** math.floor(math.log10(available) + 1e-9)
    return max(step * power for step in (1, 2, 5) if step * power <= available * 1.001)


def length_text(nm: float) -> str:
    """A length in the unit in which it is short.

    >>> length_text(200.0), length_text(1500.0), length_text(2e6)
    ('200 nm', '1.5 µm', '2 mm')
    """
    for unit, size in (("mm", 1e6), ("µm", 1e3)):
        if abs(nm) >= size:
            return f"{nm / size:.4g} {unit}"
    return f"{nm:.4g} nm"

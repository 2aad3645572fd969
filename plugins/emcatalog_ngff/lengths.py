"""Units of length as OME-NGFF and N5 spell them, in nanometres.

OME-NGFF 0.4 and 0.5 recommend the names of UDUNITS-2; N5 uses symbols such as "nm".
"""

from __future__ import annotations

_METRES = {
    "attometer": 1e-18, "femtometer": 1e-15, "picometer": 1e-12, "angstrom": 1e-10,
    "nanometer": 1e-9, "micrometer": 1e-6, "millimeter": 1e-3, "centimeter": 1e-2,
    "decimeter": 1e-1, "meter": 1.0, "inch": 0.0254, "kilometer": 1e3,
    "pm": 1e-12, "nm": 1e-9, "um": 1e-6, "µm": 1e-6, "μm": 1e-6, "mm": 1e-3,
    "cm": 1e-2, "m": 1.0, "å": 1e-10, "micron": 1e-6, "in": 0.0254,
    "âµm": 1e-6,  # UTF-8 that was read as Latin-1
}  # fmt: skip


def nanometres(unit: object) -> float | None:
    """Nanometres in one ``unit``; None for no unit and for one that is no length.

    >>> nanometres("micrometer"), nanometres("Nanometers"), nanometres("pixel")
    (1000.0, 1.0, None)
    """
    if not isinstance(unit, str):
        return None
    name = unit.strip().lower()
    for spelling in (name, name.replace("metre", "meter"), name.removesuffix("s")):
        metres = _METRES.get(spelling.replace("metre", "meter"))
        if metres is not None:
            return round(metres * 1e9, 12)
    return None

"""What a phantom is made of, and what a picture of it holds: frozen values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emcatalog.sample.noise import Floats

CLASSES = (
    "extracellular space",
    "membrane",
    "cytoplasm",
    "mitochondrion",
    "vesicle",
    "endoplasmic reticulum",
    "nucleus",
    "synaptic density",
)
"""Names of the semantic labels 0 to 7."""

(
    OUTSIDE,
    MEMBRANE,
    CYTOPLASM,
    MITOCHONDRION,
    VESICLE,
    RETICULUM,
    NUCLEUS,
    DENSITY,
) = range(len(CLASSES))


@dataclass(frozen=True)
class Nucleus:
    """A nucleus in its cell body. Positions are z, y, x; lengths in nm."""

    centre: tuple[float, float, float]
    radius: float
    soma: float
    """Thickness of the cytoplasm around it."""
    nucleolus: tuple[float, float, float] | None = None
    """Centre of the dense body inside, if the picture shows one."""


@dataclass(frozen=True)
class Tissue:
    """The recipe of one phantom. Lengths in nm, brightness from 0 to 1."""

    seed: int
    extent: tuple[float, float, float]
    """Physical size z, y, x of the part that is looked at."""
    sharpness: float
    """In-plane side of the finest voxel: lines are drawn at least this wide."""
    cell: float = 330.0
    """Distance of neighbouring cells."""
    thickness: float = 1.2
    """How much thicker the thickest cells are, in units of ``cell``."""
    mitochondria: float = 550.0
    """Least distance of two mitochondria; 0 for none."""
    synapses: float = 420.0
    """Least distance of two synapses; 0 for none."""
    vesicle: float = 19.0
    """Radius of a vesicle."""
    wave: float = 60.0
    """How far membranes swing."""
    tube: float = 18.0
    """Radius of the tubes of the endoplasmic reticulum."""
    mesh: float = 126.0
    """How far these tubes lie apart, about."""
    nucleus: Nucleus | None = None
    cytoplasm: float = 0.68
    """Brightness of the cytoplasm."""
    variety: float = 0.10
    """How much the cytoplasm of cells differs."""


@dataclass(frozen=True, eq=False)
class Picture:
    """Brightness and labels on one grid; arrays z, y, x."""

    brightness: Floats
    """0 is black, 1 is white."""
    semantic: NDArray[np.uint8]
    """Index into `CLASSES`."""
    instance: NDArray[np.uint32]
    """Number of the cell, from 1; 0 between cells."""

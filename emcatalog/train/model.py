"""Model: a network that has learnt, what it learnt from, and files of both."""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emcatalog.beside import beside
from emcatalog.errors import FormatError, OptionError
from emcatalog.train.course import Course
from emcatalog.train.pytorch import torch
from emcatalog.train.unet import LAYOUT, UNet

Floats = NDArray[np.float32]

VERSION = 1
"""Number of the layout of a file."""

LARGEST = 2**28
"""Bytes of a file that is opened, at most."""

WIDEST = 64
"""Channels of a network that is made, at most."""


@dataclass(frozen=True, eq=False)
class Model:
    """A `UNet` that has learnt by ``course``; a function of blocks of voxels."""

    network: UNet
    course: Course

    def __call__(self, blocks: NDArray[Any]) -> Floats:
        """How likely each voxel is what was learnt: 0 to 1, in the shape of ``blocks``.

        ``blocks`` are (n, z, y, x), on the scale of `Parts.scale`, or of a plan's
        ``normalize="zscore"``, in voxels of ``course.voxel_size``.
        """
        self.network.eval()
        with torch.inference_mode():
            likely = torch.sigmoid(self.network(on(self.device, blocks)))
        answer: Floats = likely[:, 0].cpu().numpy()
        return answer

    @property
    def device(self) -> torch.device:
        """Where its numbers are."""
        return next(self.network.parameters()).device

    @property
    def label(self) -> str:
        """A name that no other model has: by the network's numbers."""
        digest = hashlib.sha256()
        for name, numbers in self.network.state_dict().items():
            digest.update(name.encode() + numbers.cpu().numpy().tobytes())
        return f"unet {digest.hexdigest()[:16]}"

    def save(self, path: Path) -> None:
        """Write it beside ``path``, read it back, and move it there in one step.

        The file holds numbers and texts alone; `load` opens it.
        """
        document = {
            "emcatalog model": VERSION,
            "course": dataclasses.asdict(self.course),
            "weights": {k: v.cpu() for k, v in self.network.state_dict().items()},
        }
        with beside(path) as fresh:
            torch.save(document, fresh)
            load(fresh)


def load(path: str | Path, device: str = "cpu") -> Model:
    """The model in a file that `Model.save` wrote, on ``device`` (see `chosen`).

    No code of the file is run. Raises FormatError for any other file.
    """
    place = Path(path)
    if place.stat().st_size > LARGEST:
        raise _foreign(place, f"{place.stat().st_size} bytes")
    try:
        found = torch.load(place, map_location="cpu", weights_only=True)
        model = _made(found, place)
    except (FormatError, OSError):
        raise
    except Exception as error:  # a foreign file may fail in any way
        raise _foreign(place, f"no model: {type(error).__name__}") from error
    return Model(model.network.to(chosen(device)), model.course)


def _made(found: Any, place: Path) -> Model:
    """The model that a file tells of; whatever is raised, it is none."""
    if found["emcatalog model"] != VERSION:
        raise _foreign(place, f"version {found['emcatalog model']!r:.20}")
    told = found["course"]
    course = Course(**{**told, "size": tuple(told["size"])})
    if course.width > WIDEST:
        raise _foreign(place, f"a network of {course.width} channels")
    network = UNet(course.width)
    network.load_state_dict(found["weights"])
    return Model(network, course)


def _foreign(place: Path, what: str) -> FormatError:
    return FormatError(
        entry=str(place),
        got=what,
        expected=f"a model of emcatalog, version {VERSION}",
        hint="emcatalog train writes one",
    )


def chosen(device: str = "auto") -> torch.device:
    """The device of that name; of "auto" the GPU, where there is one, else the CPU.

    Raises OptionError for one that is not there.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        # whether it is there is known only once it is used
        return torch.zeros(1, device=device).device
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise OptionError(
            got=f"the device {device!r:.60}",
            expected="one that PyTorch finds here",
            hint="auto, cpu, or cuda with a PyTorch that was built for it",
        ) from error


def on(device: torch.device, blocks: NDArray[Any]) -> torch.Tensor:
    """Blocks (n, z, y, x) as a tensor (n, 1, z, y, x) of float32 on ``device``."""
    whole = np.ascontiguousarray(blocks, np.float32)
    return torch.from_numpy(whole)[:, None].to(device, memory_format=LAYOUT)

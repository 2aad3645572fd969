"""What the harness hands to its contestants, whichever Python they run in.

Nothing is imported here but the standard library: contestants live in environments of
their own, and what they are told goes to them as JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple

Order = Literal["anywhere", "tiles"]
Start = Sequence[int]


@dataclass(frozen=True)
class Task:
    """Blocks of one stored volume.

    ``array`` is the path of a Zarr array (z, y, x), the last part of which is its name
    in its group; ``voxel_size`` its nanometres. ``count`` blocks of ``block`` voxels
    are an epoch and come ``batch`` at a time, from ``anywhere`` or as ``tiles`` that
    do not overlap, shuffled. ``truth`` is the ``.npy`` file of all voxels; empty where
    blocks are only planned.
    """

    name: str
    array: str
    shape: tuple[int, int, int]
    block: tuple[int, int, int]
    count: int
    batch: int = 4
    order: Order = "anywhere"
    seed: int = 0
    voxel_size: float = 8.0
    truth: str = ""

    @property
    def group(self) -> str:
        """The path of the array's group."""
        return self.array.rpartition("/")[0]

    @property
    def key(self) -> str:
        """The array's name in its group."""
        return self.array.rpartition("/")[2]

    def told(self) -> dict[str, Any]:
        """As JSON has it; `Task.of` makes it a task again."""
        return asdict(self)

    @classmethod
    def of(cls, told: dict[str, Any]) -> Task:
        """The task that `told` describes."""
        triples = {name: tuple(told[name]) for name in ("shape", "block")}
        return cls(**{**told, **triples})


class Batch(NamedTuple):
    """Blocks as they come: ``voxels`` are batch, z, y, x (NumPy, any type).

    ``starts`` are their first voxels, if the contestant says where they lie.
    """

    voxels: Any
    starts: Sequence[Start] | None


Epoch = Callable[[int, Sequence[Start]], Iterator[Batch]]
"""An opened task: the batches of an epoch, by its number. ``starts`` are the places
that those read who can be told where to read."""

Planner = Callable[[], int]
"""Plans all blocks of a task, draws the first place, and gives their number."""


@dataclass(frozen=True)
class Contestant:
    """A way to have blocks.

    ``module`` has ``opened(task, way, workers)``, which gives an `Epoch`, and
    ``planner(task, way)``, which opens the array and gives a `Planner`. ``environment``
    names the Python environment that it runs in; empty for this one. It takes part
    where blocks lie in one of ``orders``; ``plans`` says that its plan is measured.
    """

    name: str
    module: str
    way: str = ""
    workers: int = 0
    environment: str = ""
    orders: tuple[Order, ...] = ("anywhere", "tiles")
    plans: bool = False

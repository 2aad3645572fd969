"""PyTorch: a plan as a dataset, and a DataLoader that gives each block once.

A plan needs no ``worker_init_fn`` and no generator to be seeded: which block has which
index is no random state but a pure function, so it is the same in every worker::

    from emcatalog.blocks.torch import loader

    for epoch in range(10):
        for batch in (batches := loader(plan, batch_size=8, workers=4)):
            train(batch["image"], batch["mask"])

A process that has read through TensorStore cannot be forked and read on: give a plain
DataLoader ``multiprocessing_context="forkserver"``, as `loader` does.
"""

from __future__ import annotations

import multiprocessing
import operator
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from emcatalog.blocks.batching import Sample, ensure_alike, sample
from emcatalog.blocks.counter import whole
from emcatalog.blocks.planning import Plan
from emcatalog.blocks.turns import Batches, Turn
from emcatalog.errors import ExtraError, OptionError, UnknownNameError, suggest

try:
    import torch
    from torch.utils.data import (
        DataLoader,
        Dataset,
        default_collate,
        get_worker_info,
    )
except ImportError as error:
    raise ExtraError(
        got="emcatalog.blocks.torch without PyTorch",
        expected="torch",
        hint="pip install 'emcatalog[torch]'; emcatalog.blocks.batching needs NumPy "
        "alone",
    ) from error

OF_WORKERS = (
    "multiprocessing_context",
    "persistent_workers",
    "prefetch_factor",
    "timeout",
    "worker_init_fn",
)
"""Arguments of a DataLoader that mean nothing where it has no workers."""

OPTIONS = (*OF_WORKERS, "collate_fn", "generator", "pin_memory")
"""Arguments of a DataLoader that `loader` hands on; the others are its own matter."""


def dataset(plan: Plan) -> PlanDataset:
    """``plan`` for a plain ``torch.utils.data.DataLoader``, with any number of workers.

    Each block is a mapping: ``image``, ``mask`` and each rider are tensors of channel
    (1), z, y, x; ``box`` holds the first and the last face along z, y, x in nm (2, 3);
    ``dataset`` is its name; ``epoch`` and ``index`` say which block of the whole plan
    it is. Voxels keep their type.
    """
    return PlanDataset(plan)


class PlanDataset(Dataset[Sample]):
    """The map-style dataset that `dataset` makes.

    An index is a number, in the epoch that was last told by `set_epoch`, or a `Turn`.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._epoch = torch.tensor(plan.number).share_memory_()

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._epoch.share_memory_()

    def __len__(self) -> int:
        return len(self.plan)

    def set_epoch(self, number: int) -> None:
        """The epoch of the blocks that are asked for from now on.

        Workers that are running see it, too. Call it between epochs: what workers are
        reading ahead at that moment may be of the one or the other.
        """
        self._epoch.fill_(whole(number, "epoch"))

    def __getitem__(self, index: int | Turn) -> Sample:
        """One block. IndexError beyond the end."""
        epoch, number = self._turn(index)
        plan = self.plan.epoch(epoch)
        return tensors(sample(plan, number, plan[number]))

    def __getitems__(self, indices: Sequence[int | Turn]) -> list[Sample]:
        """The blocks of a batch, read together; DataLoaders ask for them."""
        turns = [self._turn(index) for index in indices]
        found: dict[Turn, list[Sample]] = {turn: [] for turn in turns}
        for epoch in {turn.epoch for turn in turns}:
            plan = self.plan.epoch(epoch)
            wanted = [turn.number for turn in turns if turn.epoch == epoch]
            for number, block in plan.read_many(wanted):
                one = tensors(sample(plan, number, block))
                found[Turn(epoch, number)].append(one)
        return [found[turn].pop() for turn in turns]

    def _turn(self, index: int | Turn) -> Turn:
        if isinstance(index, Turn):
            return index
        return Turn(int(self._epoch), operator.index(index))


def tensors(one: Mapping[str, Any]) -> Sample:
    """A sample whose arrays are tensors; those of z, y, x with an axis for channels."""
    return {
        name: _tensor(value) if isinstance(value, np.ndarray) else value
        for name, value in one.items()
    }


def _tensor(array: np.ndarray[Any, Any]) -> torch.Tensor:
    # of what a step may have made of a block: flipped, or in another byte order
    plain = np.require(array, array.dtype.newbyteorder("="), ["C", "W"])
    tensor = torch.from_numpy(plain)
    return tensor[None] if tensor.ndim == 3 else tensor


def collate(samples: Sequence[Sample]) -> Any:
    """Samples as one batch. OptionError that says why, if they cannot be stacked."""
    ensure_alike(samples)
    return {name: _stacked([one[name] for one in samples]) for name in samples[0]}


def _stacked(values: list[Any]) -> Any:
    # workers stack right into the memory that they share
    if get_worker_info() or not isinstance(values[0], torch.Tensor):
        return default_collate(values)
    # with threads of its own, PyTorch took 40 times as long where others compute too
    return torch.from_numpy(np.stack([value.numpy() for value in values]))


def loader(
    plan: Plan,
    batch_size: int = 1,
    *,
    workers: int = 0,
    rank: int = 0,
    world: int = 1,
    drop_last: bool = False,
    **options: Any,
) -> Loader:
    """A DataLoader of ``plan``: each pass over it is the plan's next epoch.

    - ``workers`` processes are started afresh ("forkserver" or "spawn") and kept from
      epoch to epoch. How many there are changes nothing but the speed.
    - ``rank`` of ``world``: every ``world``-th block, as `Plan.shard` has it.
    - ``drop_last``: only whole batches, and as many for each rank, as training in step
      with other ranks needs; else no block is left out.
    - ``options``: further arguments of a DataLoader, as in `OPTIONS`.

    Raises OptionError for arguments that cannot be.
    """
    for name in options:
        if name not in OPTIONS:
            raise _unknown(name)
    whole(workers, "workers")
    if whole(rank, "rank") >= whole(world, "world", least=1):
        raise OptionError(got=f"rank {rank} of {world}", expected="a rank below it")
    order = Batches(len(plan), batch_size, rank, world, drop_last, plan.number)
    started = {"persistent_workers": True, "multiprocessing_context": _start()}
    given = {"collate_fn": collate, **started, **options}
    if not workers:
        given = {name: v for name, v in given.items() if name not in OF_WORKERS}
    return Loader(plan, order, num_workers=workers, **given)


def _unknown(name: str) -> UnknownNameError:
    ours = name in {"sampler", "batch_sampler", "shuffle", "in_order"}
    return UnknownNameError(
        got=f"the argument {name!r}",
        expected="those of loader, or of a DataLoader",
        hint="the plan has an order, and the loader its batches"
        if ours
        else suggest(name, OPTIONS),
    )


def _start() -> str:
    """How workers are started so that they can read, whatever was read before."""
    known = multiprocessing.get_all_start_methods()
    return "forkserver" if "forkserver" in known else "spawn"


class Loader(DataLoader[Any]):
    """The DataLoader that `loader` makes. It knows where it stands, and goes on there.

    A pass that is left early begins anew; one that has ended is followed by the next
    epoch. `state_dict` counts the batches that were handed out, not those that workers
    have read ahead.
    """

    def __init__(self, plan: Plan, order: Batches, **options: Any) -> None:
        self._order = order
        self._seed = plan.seed
        self._epoch, self._done, self._resumed = order.epoch, 0, 0
        super().__init__(PlanDataset(plan), batch_sampler=order, **options)

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        order = self._order
        order.epoch, order.begun = self._epoch, self._resumed
        self._done, self._resumed = self._resumed, 0
        for batch in super().__iter__():
            self._done = min(self._done + order.step, order.length)
            yield batch
        self._epoch, self._done = self._epoch + 1, 0

    def set_epoch(self, number: int) -> None:
        """The epoch of the next pass; nothing changes if it is that one already."""
        if whole(number, "epoch") != self._epoch:
            self._epoch, self._done, self._resumed = number, 0, 0

    def state_dict(self) -> dict[str, int]:
        """Where it stands, as whole numbers: put it beside the model's.

        It counts the blocks of all ranks, so one rank's is that of all, and another
        batch size or number of ranks can go on from there.
        """
        return {
            "epoch": self._epoch,
            "blocks": self._done,
            "length": self._order.length,
            "seed": self._seed,
        }

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Let the next pass go on where `state_dict` was called.

        Raises OptionError for the state of a plan with another seed or length.
        """
        told = {name: whole(state.get(name), name) for name in self.state_dict()}
        for name, ours in (("length", self._order.length), ("seed", self._seed)):
            if told[name] != ours:
                raise OptionError(
                    got=f"the state of a plan whose {name} is {told[name]}",
                    expected=f"{ours}, as this plan's",
                    hint="make the plan as it was made when the state was kept",
                )
        self._epoch, self._resumed = told["epoch"], told["blocks"]
        self._done = self._resumed

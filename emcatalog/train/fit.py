"""fit: a network learns from a plan's blocks, which are read while it learns."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Any

from emcatalog.blocks import Plan
from emcatalog.blocks.batching import batches
from emcatalog.errors import CorruptError
from emcatalog.train.course import LABELS, Course
from emcatalog.train.model import Model, chosen, on
from emcatalog.train.pytorch import nn, torch
from emcatalog.train.unet import UNet

Watch = Callable[[int, float], object]
"""Told after each step how many were made, and the step's loss."""


def fit(
    blocks: Plan, course: Course, device: str = "auto", watch: Watch | None = None
) -> Model:
    """Let a new network learn from ``blocks``, in their order, once.

    Threads of this process read ahead while it learns. Which blocks, and the numbers
    with which the network begins, follow from the seeds of plan and course; so on one
    CPU, with one number of threads, the model is the same each time. Raises OptionError
    for a device that is not there, CorruptError if learning fails, and what reading
    raises.
    """
    place = chosen(device)
    network = begun(course).to(place).train()
    rule = torch.optim.AdamW(network.parameters(), course.rate)
    total = -(-len(blocks) // course.batch)
    pace = torch.optim.lr_scheduler.OneCycleLR(rule, course.rate, total)
    with closing(batches(blocks, course.batch)) as read:
        for step, batch in enumerate(read, start=1):
            wrong = _loss(network, batch, course, place)
            rule.zero_grad()
            wrong.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            rule.step()
            pace.step()
            told = wrong.item()
            if not told < float("inf"):
                raise _lost(step, told)
            if watch is not None:
                watch(step, told)
    return Model(network.eval(), course)


def begun(course: Course) -> UNet:
    """A network that has learnt nothing; PyTorch's own random state stays as it is."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(course.seed)
        return UNet(course.width)


def _loss(
    network: UNet, batch: dict[str, Any], course: Course, place: torch.device
) -> torch.Tensor:
    """How wrong it is: cross entropy plus what is missing of the overlap (Dice).

    What is padded does not count.
    """
    truth = on(place, batch[LABELS] == course.wanted)
    real = on(place, batch["mask"])
    scores = network(on(place, batch["image"]))
    entropy = nn.functional.binary_cross_entropy_with_logits(
        scores, truth, weight=real, reduction="sum"
    )
    likely = torch.sigmoid(scores) * real
    both = 2 * (likely * truth).sum() + 1
    overlap = both / (likely.sum() + (truth * real).sum() + 1)
    return entropy / real.sum() + 1 - overlap


def _lost(step: int, told: float) -> CorruptError:
    return CorruptError(
        got=f"a loss of {told} at step {step}",
        expected="a number",
        hint="a lower rate; blocks whose values are numbers, on one scale",
    )

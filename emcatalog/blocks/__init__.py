"""Blocks for training: which block is which, apart from reading it.

A `Plan` is a sequence of blocks of one size out of any mix of datasets. It knows its
length, takes no memory, and ``plan[i]`` is the same block everywhere::

    from emcatalog.blocks import Random, plan

    blocks = plan({"a": cat.dataset1, "b": cat.dataset4}, 128, Random(10_000))
    blocks[0].data, blocks[0].mask, blocks[0].box

- `datasets`, `members`, `riders`: any array or source as a dataset of a plan, with
  labels and channels that ride along; `resample` brings them to one voxel size;
- `places`: where blocks may lie, in voxels and in nanometres;
- `samplers`, `tiles`, `stratified`: the places that are taken;
- `mixing`: how often each dataset is met; `splits`: parts that lie apart;
- `padding`, `missing`: what stands where there are no voxels;
- `counter`, `shuffle`: numbers and orders that need no state.
"""

from emcatalog.blocks.block import Block
from emcatalog.blocks.counter import Counter, Draws
from emcatalog.blocks.datasets import members
from emcatalog.blocks.members import Channel, Member
from emcatalog.blocks.mixing import Temperature
from emcatalog.blocks.places import Place, Space
from emcatalog.blocks.planning import Plan, Step, plan
from emcatalog.blocks.samplers import Points, Random, Sampler, Way
from emcatalog.blocks.shuffle import Permutation
from emcatalog.blocks.splits import split
from emcatalog.blocks.stratified import Stratified
from emcatalog.blocks.tiles import Tiles

__all__ = [
    "Block",
    "Channel",
    "Counter",
    "Draws",
    "Member",
    "Permutation",
    "Place",
    "Plan",
    "Points",
    "Random",
    "Sampler",
    "Space",
    "Step",
    "Stratified",
    "Temperature",
    "Tiles",
    "Way",
    "members",
    "plan",
    "split",
]

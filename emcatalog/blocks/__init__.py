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
- `foreground`, `balanced`, `weighted`: where something is to be seen; `enough`: blocks
  that show too little are left out;
- `mixing`: how often each dataset is met; `splits`: parts that lie apart;
- `padding`, `missing`: what stands where there are no voxels;
- `statistics`, `normalize`, `contrast`: values on one scale; `augment`: values and
  places changed at random, by transforms of other libraries, too (`foreign`);
- `counter`, `shuffle`: numbers and orders that need no state; `locality`: orders that
  read each chunk once;
- `prefetch`, `batching`: blocks read ahead by threads, and stacked; `torch`: datasets
  and loaders of PyTorch, which nothing else here needs.
"""

from emcatalog.blocks.augment import Intensity, Mirror, Noise, Rotate
from emcatalog.blocks.balanced import Balanced
from emcatalog.blocks.batching import batches
from emcatalog.blocks.block import Block
from emcatalog.blocks.contrast import LocalContrast
from emcatalog.blocks.counter import Counter, Draws
from emcatalog.blocks.datasets import members
from emcatalog.blocks.enough import Enough
from emcatalog.blocks.foreground import Foreground
from emcatalog.blocks.foreign import Transform
from emcatalog.blocks.locality import Visits
from emcatalog.blocks.members import Channel, Member
from emcatalog.blocks.mixing import Temperature
from emcatalog.blocks.normalize import Normalize
from emcatalog.blocks.places import Place, Space
from emcatalog.blocks.planning import Plan, Step, plan
from emcatalog.blocks.samplers import Points, Random, Sampler, Way
from emcatalog.blocks.shuffle import Permutation
from emcatalog.blocks.splits import split
from emcatalog.blocks.statistics import (
    Statistics,
    measure,
    read_statistics,
    write_statistics,
)
from emcatalog.blocks.stratified import Stratified
from emcatalog.blocks.tiles import Tiles
from emcatalog.blocks.weighted import Weighted

__all__ = [
    "Balanced",
    "Block",
    "Channel",
    "Counter",
    "Draws",
    "Enough",
    "Foreground",
    "Intensity",
    "LocalContrast",
    "Member",
    "Mirror",
    "Noise",
    "Normalize",
    "Permutation",
    "Place",
    "Plan",
    "Points",
    "Random",
    "Rotate",
    "Sampler",
    "Space",
    "Statistics",
    "Step",
    "Stratified",
    "Temperature",
    "Tiles",
    "Transform",
    "Visits",
    "Way",
    "Weighted",
    "batches",
    "measure",
    "members",
    "plan",
    "read_statistics",
    "split",
    "write_statistics",
]

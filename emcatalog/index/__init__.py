"""What ``.sel`` means on an axis of voxels, in nanometres.

Labels are the centres of voxels, but a voxel is an interval: the voxel with centre
``c`` holds the positions ``c - step / 2 <= p < c + step / 2``. Therefore

- a scalar or an array of labels selects the voxels that contain them; a label outside
  the volume is a `LabelError`, and so is one on its last face, which belongs to the
  voxel that would follow;
- a slice is half-open over centres: the start is included and the stop is not, in the
  direction in which the slice travels. Slices that share an end share no voxel. As in
  pandas, a slice that sticks out is cut, one that runs against its direction is empty,
  and its step counts voxels. One that lies outside altogether is a `LabelError`, since
  it is a typo or in another unit;
- quantities and texts with a unit (``"1.2 um"``) are converted, see `nanometres`.

Everything is rounded to 1e-6 nm first, so that ``3 * 2.96`` finds the voxel at 8.88.
"""

from emcatalog.index.coords import relabel, voxel_coords
from emcatalog.index.lengths import nanometres
from emcatalog.index.voxels import VoxelIndex

__all__ = ["VoxelIndex", "nanometres", "relabel", "voxel_coords"]

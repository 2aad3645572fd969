"""UNet: a small network that sees fine things and where they lie among coarse ones."""

from __future__ import annotations

from emcatalog.train.pytorch import nn, torch

DEPTH = 2
"""How often the resolution is halved on the way down."""

MULTIPLE = 2**DEPTH


LAYOUT = torch.channels_last_3d
"""How voxels lie in memory: channel by channel for each of them."""


class UNet(nn.Module):
    """A 3-D U-Net of three levels: one channel in, one score for each voxel out.

    Source: Çiçek et al. 2016, arXiv:1606.06650, with group normalisation, which does
    not depend on what else is in a batch. ``width`` is the number of channels of the
    first level; each coarser one has twice as many. With the default it has 89
    thousand parameters.
    """

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        sizes = [width * 2**level for level in range(DEPTH + 1)]
        ups = list(zip(sizes[1:], sizes, strict=False))
        self.down = nn.ModuleList(
            _double(a, b) for a, b in zip([1, *sizes], sizes, strict=False)
        )
        self.up = nn.ModuleList(_double(a + b, b) for a, b in reversed(ups))
        self.head = nn.Conv3d(width, 1, 1)
        # as blocks are laid out: so a step on a CPU takes two thirds of the time
        self.to(memory_format=LAYOUT)  # type: ignore[call-overload]

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Scores (batch, 1, z, y, x) of images of that shape; above 0 means yes.

        Sides that two halvings do not divide are continued by their last voxel.
        """
        shape = image.shape[2:]
        more = [-n % MULTIPLE for n in shape]
        pads = [0, more[2], 0, more[1], 0, more[0]]
        seen = nn.functional.pad(image, pads, mode="replicate") if any(more) else image
        kept: list[torch.Tensor] = []
        for level, double in enumerate(self.down):
            seen = double(nn.functional.max_pool3d(seen, 2) if level else seen)
            kept.append(seen)
        kept.pop()
        for double in self.up:
            wide = nn.functional.interpolate(seen, scale_factor=2.0)
            seen = double(torch.cat([wide, kept.pop()], 1))
        z, y, x = shape
        scores: torch.Tensor = self.head(seen)[..., :z, :y, :x]
        return scores


def _double(before: int, after: int) -> nn.Module:
    return nn.Sequential(*_layer(before, after), *_layer(after, after))


def _layer(before: int, after: int) -> tuple[nn.Module, ...]:
    convolution = nn.Conv3d(before, after, 3, padding=1)
    return convolution, nn.GroupNorm(1, after), nn.ReLU(inplace=True)

"""Who takes part."""

from __future__ import annotations

from benchmarks.blocks.task import Contestant

_OURS, _HAND, _PEERS = (f"benchmarks.blocks.{m}" for m in ("ours", "by_hand", "peers"))

AHEAD = Contestant("emcatalog, read ahead", _OURS, "ahead", plans=True)
LOADER = Contestant("emcatalog, DataLoader", _OURS, "loader")
LOADER_2 = Contestant("emcatalog, DataLoader, 2 workers", _OURS, "loader", 2)
HAND_AHEAD = Contestant("TensorStore by hand, read ahead", _HAND, "ahead")
HAND = Contestant("TensorStore by hand, DataLoader", _HAND, "tensorstore", plans=True)
HAND_2 = Contestant(
    "TensorStore by hand, DataLoader, 2 workers", _HAND, "tensorstore", 2
)

OURS = (
    AHEAD,
    LOADER,
    LOADER_2,
    Contestant("emcatalog, plan[i]", _OURS, "one by one"),
)
BY_HAND = (
    HAND_AHEAD,
    HAND,
    HAND_2,
    Contestant("zarr-python by hand, DataLoader", _HAND, "zarr"),
    Contestant("zarr-python by hand, DataLoader, 2 workers", _HAND, "zarr", 2),
)


def _both(name: str, *orders: str) -> tuple[Contestant, Contestant]:
    """A library with a DataLoader without workers, and with two."""
    return (
        Contestant(name, _PEERS, name, 0, name, orders, plans=True),  # type: ignore[arg-type]
        Contestant(f"{name}, 2 workers", _PEERS, name, 2, name, orders),  # type: ignore[arg-type]
    )


PEERS = (
    *_both("xbatcher", "tiles"),
    *_both("zarrdataset", "tiles"),
    *_both("torch-em", "anywhere"),
    *_both("cellmap", "anywhere"),
)
CONTESTANTS = (*OURS, *BY_HAND, *PEERS)

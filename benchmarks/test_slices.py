"""The benchmark of slices runs, and ours reads what was asked for and no more."""

from benchmarks.slices import SIDE, TAKES, VOLUME, measure, ways


def test_slices() -> None:
    """Each take of each way; times are for people to look at."""
    ours = ways()["to_dask()"]
    assert ours.data.npartitions < 100_000
    for name, take in TAKES.items():
        _, read = measure(ours, take, rounds=1)
        assert 0 < read <= SIDE**3, name
    assert VOLUME.given

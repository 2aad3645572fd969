"""JSON with one member dropped or replaced, for tests of parsers."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import strategies as st

mutations = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5),
    st.just([]), st.just({}), st.just([[]]), st.just({"name": "x"}),
    st.just(2**70), st.just("zstd"), st.just(["z", "y", "x"]),
)  # fmt: skip


def paths_in(value: Any) -> list[tuple[Any, ...]]:
    """The place of each member inside a JSON value."""
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
    else:
        return []
    found = [(key,) for key, _ in items]
    return found + [(key, *rest) for key, inner in items for rest in paths_in(inner)]


def mutated(value: Any, data: st.DataObject) -> Any:
    """A copy with one member dropped or replaced."""
    value = copy.deepcopy(value)
    *above, last = data.draw(st.sampled_from(paths_in(value)))
    inside = value
    for key in above:
        inside = inside[key]
    if data.draw(st.booleans()):
        del inside[last]
    else:
        inside[last] = data.draw(mutations)
    return value

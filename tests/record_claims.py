"""Claims of every kind, as hypothesis draws them."""

from __future__ import annotations

from hypothesis import strategies as st

from emcatalog.record import FIELDS, MEASURED, Claim

SIZE = "voxel_size_x"


@st.composite
def claims(draw: st.DrawFn) -> Claim:
    """Claims of all fields and sources but the catalog's, sensible and absurd."""
    field = draw(st.sampled_from([*FIELDS, SIZE, "organism", "depth"]))
    one = st.one_of(
        st.text(max_size=8),
        st.floats(),
        st.integers(),
        st.integers(-1, 50),
        st.sampled_from(["mouse", "Mus musculus", "8 nm", "2018-06-11", "10.1/a"]),
    )
    value = draw(st.one_of(one, st.lists(one, max_size=3).map(tuple)))
    source = draw(st.sampled_from([s for s in MEASURED if s != "catalog"]))
    unit = draw(st.sampled_from(["", "nm", "um", "V", "kV", "s", "parsnip"]))
    time = draw(st.sampled_from(["", "2025-06-11"]))
    doubt = draw(st.sampled_from(["", "", "", "it was mended"]))
    return Claim(field, value, source, draw(st.text(max_size=3)), unit, time, doubt)


lists = st.lists(claims(), max_size=12).map(tuple)

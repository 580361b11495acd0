"""What a namespace sees of policies, after each change."""

import hypothesis.strategies as st
from hypothesis import given

from services.policy.core.catalogue import Catalogue

NAMESPACES = ["", "a", "b"]


@given(st.lists(st.tuples(st.sampled_from(NAMESPACES), st.sampled_from("xy"), st.none() | st.integers())))
def test_a_namespace_sees_its_own_and_the_cluster_wide_ones(history: list[tuple[str, str, int | None]]) -> None:
    catalogue, there = Catalogue[int](), dict[tuple[str, str], int]()
    for namespace, name, item in history:
        catalogue.put(namespace, name, item)
        there.pop((namespace, name), None)
        if item is not None:
            there[namespace, name] = item
        assert catalogue.names() == there.keys()
        for viewer in NAMESPACES:
            seen = [item for (where, _), item in there.items() if where in ("", viewer)]
            assert sorted(catalogue.visible(viewer)) == sorted(seen)

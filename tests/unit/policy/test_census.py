"""Counts over bindings agree with a look at each of them."""

import hypothesis.strategies as st
import msgspec
from hypothesis import given

from libs.common.api import wellknown
from libs.common.api.work import ResourceBinding
from libs.common.messages import Order
from services.policy.core import binding as bindings
from services.policy.core import leaving, render, staleness
from services.policy.core.census import Census, kind_of
from services.policy.core.leaving import Leaving

CLUSTERS = ["m1", "m2", "m3"]
KINDS = {"Deployment": "apps/v1", "ConfigMap": "v1"}


def left_of(binding: ResourceBinding) -> dict[str, Leaving]:
    return leaving.parse((binding.metadata.annotations or {}).get(wellknown.LEAVING_ANNOTATION))


@st.composite
def some_binding(draw: st.DrawFn, name: str) -> ResourceBinding:
    kind = draw(st.sampled_from(sorted(KINDS)))
    targets = draw(st.lists(st.sampled_from(CLUSTERS), unique=True))
    left = leaving.render({c: Leaving(uid="u", order=Order()) for c in draw(st.sets(st.sampled_from(CLUSTERS)))})
    note = msgspec.json.encode(bindings.ScheduledNote(time="", failure=draw(st.sampled_from(["", "NoClusterFit"]))))
    annotations = {wellknown.SCHEDULED_ANNOTATION: note.decode()}
    if left is not None:
        annotations[wellknown.LEAVING_ANNOTATION] = left
    deleted = draw(st.booleans())
    body = {
        "metadata": {
            "namespace": "default",
            "name": name,
            "annotations": annotations,
            "deletionTimestamp": "2026-01-01T00:00:00Z" if deleted else None,
        },
        "spec": {
            "resource": {"apiVersion": KINDS[kind], "kind": kind, "name": name},
            "clusters": [{"name": c} for c in targets],
        },
    }
    return msgspec.convert(body, ResourceBinding)


histories = st.lists(
    st.sampled_from(["a", "b", "c"]).flatmap(lambda n: st.tuples(st.just(n), st.none() | some_binding(n)))
)


@given(histories)
def test_a_census_agrees_with_a_look_at_each(history: list[tuple[str, ResourceBinding | None]]) -> None:
    census, there = Census(), dict[str, ResourceBinding]()
    for name, new in history:
        census.put(there.get(name), new)
        there.pop(name, None)
        if new is not None:
            there[name] = new
    everyone = list(there.values())
    assert census.kinds() == {kind_of(b) for b in everyone}
    for kind in census.kinds():
        assert set(census.of_kind(kind)) == {bindings.key_of(b) for b in everyone if kind_of(b) == kind}
    assert set(census.failed()) == {bindings.key_of(b) for b in everyone if staleness.failed(b)}
    for cluster in CLUSTERS:
        named = [b for b in everyone if cluster in render.targets(b)]
        assert census.names(cluster, dead=False) == bool(named or [b for b in everyone if cluster in left_of(b)])
        assert census.names(cluster, dead=True) == any(b.metadata.deletion_timestamp is None for b in named)

"""Digests over all clusters that are kept cluster by cluster are those of the clusters there are."""

from typing import Any

import hypothesis.strategies as st
import msgspec
import pytest
from hypothesis import given

from libs.common.api import wellknown
from libs.common.api.cluster import Cluster
from services.policy.core import departures
from services.policy.core.roster import Moved, Roster

NAMES = ["m1", "m2", "m3"]
DEPLOYMENT = ("apps/v1", "Deployment")


def cluster(
    name: str = "m1",
    *,
    version: int = 1,
    labels: str = "",
    cpu: str = "4",
    kinds: tuple[str, ...] = (),
    uid: str = "u",
    leaves: str = "",
) -> Cluster:
    metadata: dict[str, Any] = {
        "name": name,
        "uid": uid,
        "resourceVersion": str(version),
        "labels": {"env": labels},
        "deletionTimestamp": "2026-01-01T00:00:00Z" if leaves else None,
        "annotations": {wellknown.ON_DELETE_ANNOTATION: leaves},
    }
    body: dict[str, Any] = {
        "metadata": metadata,
        "spec": {"syncMode": "Push"},
        "status": {
            "apiEnablements": [
                {"groupVersion": "apps/v1", "resources": [{"name": kind.lower(), "kind": kind} for kind in kinds]}
            ],
            "resourceSummary": {"allocatable": {"cpu": cpu}},
        },
    }
    return msgspec.convert(body, Cluster)


changes = st.lists(
    st.tuples(
        st.sampled_from(NAMES),
        st.none()
        | st.fixed_dictionaries(
            {
                "labels": st.sampled_from("ab"),
                "cpu": st.sampled_from(["4", "8"]),
                "kinds": st.sets(st.sampled_from("XYZ")).map(sorted),
                "uid": st.sampled_from("uv"),
                "leaves": st.sampled_from(["", "keep", wellknown.ON_DELETE_REMOVE]),
            }
        ),
    )
)


@given(changes)
def test_a_roster_looks_as_if_it_had_only_ever_seen_what_there_is(
    history: list[tuple[str, dict[str, Any] | None]],
) -> None:
    long, short, now = Roster(), Roster(), dict[str, Cluster | None]()
    for name, facts in history:
        now[name] = cluster(name, **facts) if facts is not None else None
        long.put(name, now[name])
    for name, last in now.items():
        short.put(name, last)
    assert (long.facts, long.capacity, long.served) == (short.facts, short.capacity, short.served)
    there = {name: last for name, last in now.items() if last is not None}
    leaving = {name for name, last in there.items() if last.metadata.deletion_timestamp is not None}
    assert long.clusters == there
    assert long.uids == {name: last.metadata.uid for name, last in there.items()}
    assert long.staying == {name: long.uids[name] for name in there.keys() - leaving}
    assert long.leaving == leaving
    assert long.kept == {n for n in leaving if (found := departures.departure(there[n])) is not None and found.keep}


def test_who_holds_the_clusters_of_one_moment_keeps_them() -> None:
    roster = Roster()
    roster.put("m1", cluster())
    clusters, uids, staying, served = roster.clusters, roster.uids, roster.staying, roster.served
    roster.put("m2", cluster("m2", kinds=("Deployment",)))
    assert clusters.keys() == uids.keys() == staying.keys() == {"m1"}
    assert not served


@pytest.mark.parametrize(
    ("then", "moved"),
    [
        (cluster(version=2), Moved()),
        (cluster(version=2, cpu="8"), Moved(capacity=True)),
        (cluster(version=2, labels="prod"), Moved(facts=True)),
        (cluster(version=2, uid="v"), Moved(facts=True)),
        (cluster(version=2, kinds=("Deployment",)), Moved(kinds=frozenset({DEPLOYMENT}))),
        (None, Moved(facts=True, capacity=True)),
    ],
)
def test_what_moved_is_told(then: Cluster | None, moved: Moved) -> None:
    roster = Roster()
    roster.put("m1", cluster())
    assert roster.put("m1", then) == moved


def test_a_revision_is_that_of_the_last_change_that_mattered() -> None:
    roster = Roster()
    roster.put("m1", cluster(version=5))
    roster.put("m2", cluster("m2", version=7))
    assert roster.revision == "7"
    roster.put("m1", cluster(version=9, cpu="8"))
    assert roster.revision == "7"
    roster.put("m1", cluster(version=11, kinds=("Deployment",)))
    assert roster.revision == "11"


def test_a_revision_does_not_lie_above_a_hub_that_was_put_back() -> None:
    roster = Roster()
    roster.put("m1", cluster(version=50))
    roster.put("m1", cluster(version=3))
    assert roster.revision == "3"


def test_who_serves_a_kind_differs_from_who_serves_another() -> None:
    roster = Roster()
    roster.put("m1", cluster(kinds=("Deployment", "StatefulSet")))
    roster.put("m2", cluster("m2", kinds=("Deployment",)))
    before = roster.served
    assert before["apps/v1", "Deployment"] != before["apps/v1", "StatefulSet"]
    roster.put("m2", cluster("m2", kinds=("StatefulSet",)))
    assert before["apps/v1", "Deployment"] != roster.served["apps/v1", "Deployment"] == before["apps/v1", "StatefulSet"]

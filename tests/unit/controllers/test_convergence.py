"""Whatever is done to a cluster, and in whatever order: in the end everything is as it was asked for."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from libs.sandbox import bootstrap, kinds
from libs.sandbox.controllers import simulation as simulated
from tests.unit.controllers import simulation
from tests.unit.controllers.simulation import Simulation

NAMES = ("a", "b")
SLOW = {simulated.START_AFTER: "3s"}

Step = tuple[str, str, Any]
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("replicas"), st.sampled_from(NAMES), st.integers(0, 12)),
        st.tuples(st.just("image"), st.sampled_from(NAMES), st.sampled_from(["nginx:1", "nginx:2", "does-not-exist"])),
        st.tuples(st.just("slow"), st.sampled_from(NAMES), st.just(None)),
        st.tuples(st.just("paused"), st.sampled_from(NAMES), st.booleans()),
        st.tuples(st.just("delete"), st.sampled_from(NAMES), st.sampled_from(["Background", "Foreground", "Orphan"])),
        st.tuples(st.just("kill"), st.sampled_from(NAMES), st.none()),
        st.tuples(st.just("wait"), st.none(), st.sampled_from([0.0, 1.0, 5.0])),
    ),
    max_size=12,
)


async def take(cluster: Simulation, step: Step) -> None:
    """Does one thing to the cluster, without waiting for what comes of it."""
    verb, name, what = step
    if verb == "wait":
        await cluster.after(what)
        return
    old = cluster.state.get(kinds.DEPLOYMENTS, simulation.NAMESPACE, name)
    if old is None:
        body = simulation.workload(name, replicas=2)
        body["metadata"]["namespace"] = simulation.NAMESPACE
        cluster.state.create(kinds.DEPLOYMENTS, body)
    elif verb == "delete":
        cluster.state.delete(kinds.DEPLOYMENTS, simulation.NAMESPACE, name, propagation=what)
    elif verb == "kill":
        for pod in cluster.pods():
            cluster.state.delete(kinds.PODS, simulation.NAMESPACE, pod["metadata"]["name"])
    else:
        change = {verb: what}
        if verb == "image":
            change = {"template": simulation.template(what, app=name)}
        elif verb == "slow":
            change = {"template": simulation.template(app=name, annotations=SLOW)}
        cluster.state.replace(kinds.DEPLOYMENTS, {**old, "spec": {**old["spec"], **change}})


async def healed(cluster: Simulation) -> None:
    """Everything that stands in the way is taken away, and there is time."""
    for name in NAMES:
        if cluster.has(kinds.DEPLOYMENTS, name):
            await cluster.edit(kinds.DEPLOYMENTS, name, paused=False, template=simulation.template("nginx:9", app=name))
    await cluster.after(120)


def check(cluster: Simulation) -> None:
    """What was asked for is there, and nothing else is."""
    living = {each["metadata"]["uid"] for each in cluster.state.list(kinds.DEPLOYMENTS)}
    sets = cluster.state.list(kinds.REPLICA_SETS)
    for each in cluster.state.list(kinds.DEPLOYMENTS):
        wanted = each["spec"]["replicas"]
        numbers = [each["status"].get(key, 0) for key in ("replicas", "updatedReplicas", "availableReplicas")]
        assert numbers == [wanted] * 3
        assert each["status"]["observedGeneration"] == each["metadata"]["generation"]
        assert simulation.condition(each, "Progressing")["reason"] == "NewReplicaSetAvailable"
    owned = [each for each in sets if each["metadata"].get("ownerReferences")]
    assert {each["metadata"]["ownerReferences"][0]["uid"] for each in owned} <= living
    by_uid = {each["metadata"]["uid"]: each["spec"]["replicas"] for each in sets}
    pods = [each["metadata"]["ownerReferences"][0]["uid"] for each in cluster.pods()]
    assert {uid: pods.count(uid) for uid in by_uid} == by_uid
    assert set(pods) <= set(by_uid)


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_deployments_converge(steps: list[Step]) -> None:
    @simulation.member(nodes=2, size=bootstrap.NodeSize(pods="40"))
    async def story(cluster: Simulation) -> None:
        for step in steps:
            await take(cluster, step)
        await cluster.settled()
        await healed(cluster)
        check(cluster)

    story()

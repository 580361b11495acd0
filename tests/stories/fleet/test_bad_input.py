"""Bad input is refused where it enters, or told where it fails, and blocks nothing else."""

import asyncio
from typing import Any

import pytest

from tests.worlds import Cluster, Failed, Sandbox, config_map, duplicated, policy, selector_of, until

NOTE = config_map("note", a="b")

INVALID: list[tuple[str, dict[str, Any], str]] = [
    ("no-selectors", {"resourceSelectors": []}, "spec.resourceSelectors"),
    ("odd-preemption", {"preemption": "Maybe"}, "spec.preemption"),
    (
        "two-affinities",
        {"placement": {"clusterAffinity": {}, "clusterAffinities": [{"affinityName": "a"}]}},
        "clusterAffinities cannot co-exist with clusterAffinity",
    ),
    (
        "min-over-max",
        {"placement": {"spreadConstraints": [{"spreadByField": "cluster", "minGroups": 3, "maxGroups": 2}]}},
        "maxGroups lower than minGroups is not allowed",
    ),
    (
        "weight-zero",
        {
            "placement": {
                "replicaScheduling": {
                    "replicaSchedulingType": "Divided",
                    "weightPreference": {"staticWeightList": [{"targetCluster": {}, "weight": 0}]},
                }
            }
        },
        "weight",
    ),
]


@pytest.mark.parametrize(("name", "spec", "field"), INVALID, ids=[name for name, _, _ in INVALID])
def test_an_invalid_policy_is_refused_with_the_field(
    hub: Cluster, ns: str, name: str, spec: dict[str, Any], field: str
) -> None:
    body = policy(name, selector_of(NOTE), placement=duplicated())
    body["spec"] = {**body["spec"], **spec}
    with pytest.raises(Failed, match=field):
        hub.apply(body, namespace=ns)


def test_what_no_member_takes_is_told_in_its_words_and_blocks_nothing(
    hub: Cluster, members: dict[str, Cluster], ns: str
) -> None:
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "bad"},
        "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}}},
    }
    broken = {
        "apiVersion": "policy.karmada.io/v1alpha1",
        "kind": "OverridePolicy",
        "metadata": {"name": "break"},
        "spec": {
            "resourceSelectors": [selector_of(job)],
            "overrideRules": [
                {"overriders": {"plaintext": [{"path": "/spec/parallelism", "operator": "add", "value": "many"}]}}
            ],
        },
    }
    hub.apply(broken, job, policy("bad", selector_of(job), placement=duplicated("member1")), namespace=ns)

    def refused() -> str:
        items = (hub.binding("bad-job", ns) or {})["status"]["aggregatedStatus"]
        return str(items[0].get("appliedMessage", ""))

    assert "parallelism" in until(refused, what="the member's words in the binding")
    until(lambda: "SyncFailed" in hub.kubectl("get", "events", namespace=ns), what="an event on the hub")

    hub.apply(NOTE, policy("note", selector_of(NOTE), placement=duplicated("member1")), namespace=ns)
    until(lambda: members["member1"].config_map("note", ns), what="another object passes meanwhile")
    hub.kubectl("delete", "op", "break", namespace=ns)
    until(lambda: members["member1"].object("jobs", "bad", ns, "batch/v1"), what="the Job, once it is mended")


def test_a_malformed_message_is_kept_aside_and_stops_nobody(
    sandbox: Sandbox, hub: Cluster, members: dict[str, Cluster], ns: str
) -> None:
    import nats

    async def poison() -> int:
        client = await nats.connect(sandbox.status["nats"]["url"])
        stream = client.jetstream()
        before = (await stream.stream_info("DEAD")).state.messages
        for subject in ("status.member1.a.b", "work.member1.a.b", "binding.request.a.b", "binding.placed.a.b"):
            await stream.publish(f"argosy.{subject}", b"{ not JSON")
        async with asyncio.timeout(30):
            while (await stream.stream_info("DEAD")).state.messages < before + 4:
                await asyncio.sleep(0.05)
        after = (await stream.stream_info("DEAD")).state.messages
        await client.close()
        return after - before

    assert asyncio.run(poison()) >= 4
    hub.apply(NOTE, policy("note", selector_of(NOTE), placement=duplicated()), namespace=ns)
    for member in members.values():
        until(lambda member=member: member.config_map("note", ns), what=f"the ConfigMap in {member.name}")


def test_protected_objects_cannot_be_deleted(hub: Cluster, ns: str) -> None:
    note = config_map("note", a="b")
    note["metadata"]["labels"] = {"resourcetemplate.karmada.io/deletion-protected": "Always"}
    hub.apply(note, namespace=ns)
    with pytest.raises(Failed, match="This resource is protected"):
        hub.kubectl("delete", "configmap", "note", namespace=ns)
    hub.kubectl("label", "configmap", "note", "resourcetemplate.karmada.io/deletion-protected-", namespace=ns)
    hub.kubectl("delete", "configmap", "note", namespace=ns)

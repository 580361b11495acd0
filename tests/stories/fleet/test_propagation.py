"""The main job: one `kubectl apply` on the hub reaches the members and comes back as status."""

from pathlib import Path

from tests.worlds import Cluster, until

SAMPLE = Path(__file__).parents[3] / "samples" / "nginx"


def test_the_sample_divides_two_replicas_over_two_members(hub: Cluster, members: dict[str, Cluster], ns: str) -> None:
    hub.kubectl("apply", "-f", str(SAMPLE), namespace=ns)

    for name in ("member1", "member2"):
        found = until(lambda name=name: members[name].deployment("nginx", ns), what=f"nginx in {name}")
        assert found["spec"]["replicas"] == 1
        members[name].kubectl("rollout", "status", "deploy/nginx", "--timeout=30s", namespace=ns)
    assert members["member3"].deployment("nginx", ns) is None

    hub.kubectl("rollout", "status", "deploy/nginx", "--timeout=30s", namespace=ns)
    assert "2/2" in hub.kubectl("get", "deploy", "nginx", namespace=ns)


def test_the_binding_tells_placement_conditions_and_status_per_cluster(hub: Cluster, ns: str) -> None:
    hub.kubectl("apply", "-f", str(SAMPLE), namespace=ns)
    hub.kubectl("wait", "rb/nginx-deployment", "--for=create", "--timeout=30s", namespace=ns)
    for condition in ("Scheduled", "FullyApplied"):
        hub.kubectl("wait", "rb/nginx-deployment", f"--for=condition={condition}", "--timeout=30s", namespace=ns)

    binding = hub.binding("nginx-deployment", ns)
    assert binding is not None
    assert [(c["name"], c["replicas"]) for c in binding["spec"]["clusters"]] == [("member1", 1), ("member2", 1)]
    conditions = {c["type"]: (c["reason"], c["message"]) for c in binding["status"]["conditions"]}
    assert conditions["Scheduled"] == ("Success", "Binding has been scheduled successfully.")
    assert conditions["FullyApplied"] == ("FullyAppliedSuccess", "All works have been successfully applied")

    def healthy() -> list[dict[str, object]] | None:
        items = (hub.binding("nginx-deployment", ns) or {})["status"]["aggregatedStatus"]
        return items if all(i.get("health") == "Healthy" for i in items) else None

    items = until(healthy, what="both clusters healthy in the binding")
    assert [i["clusterName"] for i in items] == ["member1", "member2"]
    assert all(i["applied"] for i in items)
    assert all(i["status"]["readyReplicas"] == 1 for i in items)

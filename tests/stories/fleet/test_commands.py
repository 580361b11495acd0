"""What the `argosy` command shows of a running fleet."""

import json
from pathlib import Path
from typing import Any

from tests.worlds import Cluster, Sandbox, deployment, policy, selector_of, until, weighted

SAMPLE = Path(__file__).parents[3] / "samples" / "nginx"


def start(hub: Cluster, ns: str) -> None:
    hub.kubectl("apply", "-f", str(SAMPLE), namespace=ns)
    hub.kubectl("rollout", "status", "deploy/nginx", "--timeout=30s", namespace=ns)


def test_status_is_a_stable_document(sandbox: Sandbox) -> None:
    status: dict[str, Any] = json.loads(sandbox.argosy("sandbox", "status", "-o", "json"))
    assert set(status) == {"hub", "members", "nats", "redis", "services"}
    assert set(status["hub"]) == {"name", "url", "kubeconfig"}
    assert [m["name"] for m in status["members"]] == ["member1", "member2", "member3"]
    assert {"url", "pid", "version"} <= set(status["nats"])
    assert {s["name"] for s in status["services"]} == {"policy", "scheduler", "agent", "status-aggregator"}


def test_get_lists_across_members_with_a_cluster_column(sandbox: Sandbox, hub: Cluster, ns: str) -> None:
    start(hub, ns)
    lines = sandbox.argosy("get", "deploy", "-n", ns).splitlines()
    assert lines[0].split()[:3] == ["CLUSTER", "NAME", "READY"]
    assert [line.split()[:3] for line in lines[1:]] == [["member1", "nginx", "1/1"], ["member2", "nginx", "1/1"]]
    everywhere = sandbox.argosy("get", "deploy", "-A")
    assert everywhere.splitlines()[0].split()[:2] == ["CLUSTER", "NAMESPACE"]


def test_get_gives_whole_objects_as_json(sandbox: Sandbox, hub: Cluster, ns: str) -> None:
    start(hub, ns)
    found = json.loads(sandbox.argosy("get", "deploy/nginx", "-n", ns, "-o", "json"))
    items = {c["cluster"]: [i["metadata"]["name"] for i in c["items"]] for c in found["clusters"]}
    assert items == {"member1": ["nginx"], "member2": ["nginx"], "member3": []}


def test_explain_says_why_each_cluster_was_chosen_or_not(sandbox: Sandbox, hub: Cluster, ns: str) -> None:
    start(hub, ns)
    found = json.loads(sandbox.argosy("explain", "deploy/nginx", "-n", ns, "-o", "json"))
    clusters = {c["cluster"]: c for c in found["clusters"]}
    assert clusters["member1"]["chosen"]
    assert clusters["member1"]["replicas"] == 1
    assert clusters["member1"]["work"] == "applied"
    assert not clusters["member3"]["chosen"]
    assert "did not match the placement cluster affinity constraint" in clusters["member3"]["reason"]
    text = sandbox.argosy("explain", "deploy/nginx", "-n", ns)
    assert "member3" in text


def test_explain_says_what_is_missing_when_no_policy_matches(sandbox: Sandbox, hub: Cluster, ns: str) -> None:
    hub.apply(deployment("alone"), namespace=ns)
    assert "no policy selects" in sandbox.argosy("explain", "deploy/alone", "-n", ns)


def test_trace_prints_the_id_that_anyone_can_compute(sandbox: Sandbox, hub: Cluster, ns: str) -> None:
    import hashlib

    start(hub, ns)
    metadata = (hub.deployment("nginx", ns) or {})["metadata"]
    computed = hashlib.sha256(f"{metadata['uid']}/{metadata['generation']}".encode()).hexdigest()[:32]
    assert sandbox.argosy("trace", "deploy/nginx", "-n", ns).strip() == computed
    assert json.loads(sandbox.argosy("trace", "deploy/nginx", "-n", ns, "-o", "json"))["traceId"] == computed


def test_an_unknown_kind_is_named(sandbox: Sandbox) -> None:
    assert "no kind 'gadget'" in sandbox.argosy("get", "gadget", ok=False)


def test_explain_tells_of_an_apply_that_failed(sandbox: Sandbox, hub: Cluster, ns: str) -> None:
    app = deployment("clash", replicas=2)
    sandbox.members["member1"].apply(app, namespace=ns)
    hub.apply(app, policy("clash", selector_of(app), placement=weighted(member1=1, member2=1)), namespace=ns)

    def failed() -> bool:
        found = json.loads(sandbox.argosy("explain", "deploy/clash", "-n", ns, "-o", "json"))
        clusters = {c["cluster"]: c for c in found["clusters"]}
        return clusters["member1"]["work"] == "failed" and "already exists" in clusters["member1"]["message"]

    until(failed, what="the failure in the explanation")


def test_explain_of_a_binding_is_that_of_its_template(sandbox: Sandbox, hub: Cluster, ns: str) -> None:
    start(hub, ns)
    found = json.loads(sandbox.argosy("explain", "rb/nginx-deployment", "-n", ns, "-o", "json"))
    assert (found["kind"], found["name"], found["binding"]) == ("Deployment", "nginx", "nginx-deployment")


def test_explain_of_a_namespace_tells_where_it_is(sandbox: Sandbox, ns: str) -> None:
    def everywhere() -> bool:
        found = json.loads(sandbox.argosy("explain", f"ns/{ns}", "-o", "json"))
        return {c["cluster"]: c["work"] for c in found["clusters"]} == dict.fromkeys(sandbox.members, "applied")

    until(everywhere, what="the Namespace applied in every member")


def test_get_of_a_cluster_that_is_not_joined_is_an_error(sandbox: Sandbox) -> None:
    assert "no cluster nowhere is joined" in sandbox.argosy("get", "deploy", "--cluster", "nowhere", ok=False)


def test_get_takes_several_kinds_and_prints_names(sandbox: Sandbox, hub: Cluster, ns: str) -> None:
    start(hub, ns)
    lines = sandbox.argosy("get", "deploy,cm", "-n", ns, "-o", "name").split()
    assert "member1/deployments.apps/nginx" in lines
    assert "member3/configmaps/kube-root-ca.crt" in lines


def test_a_bus_that_does_not_answer_is_told_in_one_line(sandbox: Sandbox, hub: Cluster, ns: str) -> None:
    start(hub, ns)
    said = sandbox.argosy("explain", "deploy/nginx", "-n", ns, "--nats", "nats://127.0.0.1:1", ok=False)
    assert said.startswith("Error: ")
    assert len(said.strip().splitlines()) == 1

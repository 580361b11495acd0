"""Workloads in a member, by plain kubectl."""

import json

import pytest

from tests import worlds


def deployment(name: str = "web", image: str = "nginx:1", replicas: int = 2) -> dict[str, object]:
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "main", "image": image}]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


def test_rollout_status(member: worlds.Cluster, ns: str) -> None:
    member.apply(deployment(), namespace=ns)
    said = member.kubectl("rollout", "status", "deployment/web", "--timeout=20s", namespace=ns)
    assert 'deployment "web" successfully rolled out' in said
    assert "2/2" in member.kubectl("get", "deployment", "web", namespace=ns)


def test_scale(member: worlds.Cluster, ns: str) -> None:
    member.apply(deployment(), namespace=ns)
    member.kubectl("scale", "deployment/web", "--replicas=5", namespace=ns)
    member.kubectl(
        "wait", "deployment/web", "--for=jsonpath={.status.availableReplicas}=5", "--timeout=20s", namespace=ns
    )


def test_wait_for_pods(member: worlds.Cluster, ns: str) -> None:
    member.apply(deployment(), namespace=ns)
    member.kubectl("wait", "deployment/web", "--for=condition=Available", "--timeout=20s", namespace=ns)
    member.kubectl("wait", "pod", "-l", "app=web", "--for=condition=Ready", "--timeout=20s", namespace=ns)


def test_image_change_and_undo(member: worlds.Cluster, ns: str) -> None:
    member.apply(deployment(), namespace=ns)
    member.kubectl("rollout", "status", "deployment/web", "--timeout=20s", namespace=ns)
    member.kubectl("set", "image", "deployment/web", "main=nginx:2", namespace=ns)
    member.kubectl("rollout", "status", "deployment/web", "--timeout=20s", namespace=ns)
    history = member.kubectl("rollout", "history", "deployment/web", namespace=ns)
    assert [line.split()[0] for line in history.splitlines()[2:] if line] == ["1", "2"]
    member.kubectl("rollout", "undo", "deployment/web", namespace=ns)
    member.kubectl("rollout", "status", "deployment/web", "--timeout=20s", namespace=ns)
    found = member.deployment("web", ns) or {}
    assert found["spec"]["template"]["spec"]["containers"][0]["image"] == "nginx:1"


def test_a_broken_image_shows(member: worlds.Cluster, ns: str) -> None:
    member.apply(deployment(image="example.com/does-not-exist"), namespace=ns)
    worlds.until(
        lambda: "ImagePullBackOff" in member.kubectl("get", "pods", namespace=ns), what="the pods' state in the table"
    )
    said = member.kubectl("rollout", "status", "deployment/web", "--timeout=1s", namespace=ns, ok=False)
    assert "timed out" in said


@pytest.mark.parametrize("cascade", ["background", "foreground", "orphan"])
def test_delete(member: worlds.Cluster, ns: str, cascade: str) -> None:
    member.apply(deployment(), namespace=ns)
    member.kubectl("rollout", "status", "deployment/web", "--timeout=20s", namespace=ns)
    member.kubectl("delete", "deployment", "web", f"--cascade={cascade}", "--timeout=20s", namespace=ns)

    def pods() -> int:
        return len(json.loads(member.kubectl("get", "pods", "-o", "json", namespace=ns))["items"])

    expected = 2 if cascade == "orphan" else 0
    worlds.until(lambda: pods() == expected, what=f"{expected} pods are left")


def test_stateful_set(member: worlds.Cluster, ns: str) -> None:
    body = deployment("db", replicas=3) | {"kind": "StatefulSet"}
    member.apply(body, namespace=ns)
    said = member.kubectl("rollout", "status", "statefulset/db", "--timeout=20s", namespace=ns)
    assert "3 new pods have been updated" in said
    member.kubectl("set", "image", "statefulset/db", "main=nginx:2", namespace=ns)
    said = member.kubectl("rollout", "status", "statefulset/db", "--timeout=20s", namespace=ns)
    assert "3 new pods have been updated" in said


def test_daemon_set(member: worlds.Cluster, ns: str) -> None:
    body = deployment("agent") | {"kind": "DaemonSet"}
    body["spec"] = {key: value for key, value in dict(body["spec"]).items() if key != "replicas"}  # type: ignore[call-overload]
    member.apply(body, namespace=ns)
    said = member.kubectl("rollout", "status", "daemonset/agent", "--timeout=20s", namespace=ns)
    assert "successfully rolled out" in said


def test_job(member: worlds.Cluster, ns: str) -> None:
    member.kubectl("create", "job", "task", "--image=busybox", namespace=ns)
    member.kubectl("wait", "job/task", "--for=condition=Complete", "--timeout=20s", namespace=ns)
    assert "Complete" in member.kubectl("get", "job", "task", namespace=ns)


def test_cron_job_by_hand(member: worlds.Cluster, ns: str) -> None:
    member.kubectl("create", "cronjob", "tick", "--image=busybox", "--schedule=@yearly", namespace=ns)
    member.kubectl("create", "job", "now", "--from=cronjob/tick", namespace=ns)
    member.kubectl("wait", "job/now", "--for=condition=Complete", "--timeout=20s", namespace=ns)


def test_expose(member: worlds.Cluster, ns: str) -> None:
    member.apply(deployment(), namespace=ns)
    member.kubectl("expose", "deployment", "web", "--port=80", namespace=ns)
    worlds.until(
        lambda: len((member.object("endpoints", "web", ns) or {})["subsets"][0]["addresses"]) == 2,
        what="both pods are behind the Service",
    )


def test_cordon_and_uncordon(member: worlds.Cluster, ns: str) -> None:
    nodes = [f"member1-node{number}" for number in (1, 2, 3)]
    member.kubectl("cordon", *nodes)
    try:
        member.kubectl("run", "alone", "--image=nginx", namespace=ns)
        worlds.until(
            lambda: "unschedulable" in member.kubectl("get", "pod", "alone", "-o", "yaml", namespace=ns),
            what="the pod says why it waits",
        )
    finally:
        member.kubectl("uncordon", *nodes)
    member.kubectl("wait", "pod/alone", "--for=condition=Ready", "--timeout=20s", namespace=ns)


def test_namespace_deletion(member: worlds.Cluster, ns: str) -> None:
    member.apply(deployment(), namespace=ns)
    member.kubectl("delete", "namespace", ns, "--timeout=20s")
    assert member.object("namespaces", ns) is None


def test_on_the_hub_nothing_runs(hub: worlds.Cluster) -> None:
    hub.apply(deployment("template"))
    assert not (hub.deployment("template", "default") or {})["status"]
    assert "No resources found" in hub.kubectl("get", "pods", ok=False)

"""What stories are told in: a sandbox started by the product's own command, and clusters spoken to with kubectl."""

import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import yaml

from libs.cli import kubectl

T = TypeVar("T")
PATIENCE = 30.0
"""Seconds within which anything that is promised must have happened, also on a busy machine."""


class Failed(AssertionError):
    """A command failed, or something did not happen in time; the message says what was seen instead."""


def until(see: Callable[[], T], *, what: str, patience: float = PATIENCE) -> T:
    """Waits until `see` returns something true, without an exception, and returns it."""
    deadline = time.monotonic() + patience
    last: object = None
    while True:
        try:
            seen = see()
            if seen:
                return seen
            last = seen
        except (Failed, KeyError, IndexError, TypeError) as failure:
            last = failure
        if time.monotonic() > deadline:
            raise Failed(f"not within {patience:.0f} s: {what}. Last seen: {last!r}")
        time.sleep(0.02)


class Cluster:
    """An API server, as users meet it: writes by kubectl, reads by its REST API."""

    def __init__(self, name: str, kubeconfig: str) -> None:
        self.name = name
        self.kubeconfig = kubeconfig
        config = yaml.safe_load(Path(kubeconfig).read_text())
        self.url = config["clusters"][0]["cluster"]["server"]
        self.token = config["users"][0]["user"].get("token", "")

    def kubectl(self, *words: str, stdin: str | None = None, namespace: str | None = None, ok: bool = True) -> str:
        """Runs kubectl; returns what it prints (with `ok=False` errors too)."""
        where = ["-n", namespace] if namespace else []
        argv = [str(kubectl.find()), "--kubeconfig", self.kubeconfig, *where, *words]
        done = subprocess.run(argv, input=stdin, capture_output=True, text=True, timeout=60, check=False)
        if ok and done.returncode:
            raise Failed(f"kubectl {' '.join(words)} on {self.name}: {done.stderr or done.stdout}")
        return done.stdout if ok else done.stdout + done.stderr

    def apply(self, *objects: dict[str, Any], namespace: str | None = None, server_side: bool = False) -> str:
        """`kubectl apply` of these objects."""
        flags = ["--server-side"] if server_side else []
        return self.kubectl("apply", *flags, "-f", "-", stdin=yaml.safe_dump_all(objects), namespace=namespace)

    def get(self, path: str) -> dict[str, Any] | None:
        """A GET of an API path; None when it is not there."""
        where = urlsplit(self.url)
        connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=20)
        try:
            connection.request("GET", where.path.rstrip("/") + path, headers={"Authorization": f"Bearer {self.token}"})
            answer = connection.getresponse()
            body = json.loads(answer.read())
        except (OSError, http.client.HTTPException) as error:
            raise Failed(f"GET {path} on {self.name}: {error}") from error
        finally:
            connection.close()
        if answer.status == 404:
            return None
        if answer.status >= 300:
            raise Failed(f"GET {path} on {self.name}: {body}")
        found: dict[str, Any] = body
        return found

    def object(self, plural: str, name: str, namespace: str = "", group: str = "v1") -> dict[str, Any] | None:
        """One object; `group` is its apiVersion."""
        root = f"/api/{group}" if "/" not in group else f"/apis/{group}"
        scope = f"/namespaces/{namespace}" if namespace else ""
        return self.get(f"{root}{scope}/{plural}/{name}")

    def deployment(self, name: str, namespace: str) -> dict[str, Any] | None:
        return self.object("deployments", name, namespace, "apps/v1")

    def config_map(self, name: str, namespace: str) -> dict[str, Any] | None:
        return self.object("configmaps", name, namespace)

    def binding(self, name: str, namespace: str = "") -> dict[str, Any] | None:
        plural = "resourcebindings" if namespace else "clusterresourcebindings"
        return self.object(plural, name, namespace, "work.karmada.io/v1alpha2")


class Command:
    """The `argosy` command, with a state directory of its own."""

    def __init__(self, state: Path, environment: dict[str, str] | None = None) -> None:
        self.environment = {**os.environ, "XDG_STATE_HOME": str(state), **(environment or {})}
        for stray in ("KUBECONFIG", "ARGOSY_NATS_URL"):
            self.environment.pop(stray, None)

    def __call__(self, *words: str, stdin: str | None = None, ok: bool = True) -> str:
        """Runs it; returns what it prints (with `ok=False` errors too)."""
        argv = [sys.executable, "-m", "libs.cli", *words]
        done = subprocess.run(
            argv, input=stdin, capture_output=True, text=True, timeout=120, env=self.environment, check=False
        )
        if ok and done.returncode:
            raise Failed(f"argosy {' '.join(words)}: {done.stderr or done.stdout}")
        return done.stdout if ok else done.stdout + done.stderr


class Sandbox:
    """A sandbox that runs, with its own state directory."""

    def __init__(
        self, state: Path, *, members: int = 3, nodes: int = 3, environment: dict[str, str] | None = None
    ) -> None:
        self.state = state
        self.argosy = Command(state, environment)
        self.argosy("sandbox", "up", "--detach", "--members", str(members), "--nodes", str(nodes))
        self.refresh()

    def refresh(self) -> None:
        """Reads the status anew."""
        self.status: dict[str, Any] = json.loads(self.argosy("sandbox", "status", "-o", "json"))
        self.hub = Cluster("hub", self.status["hub"]["kubeconfig"])
        self.members = {m["name"]: Cluster(m["name"], m["kubeconfig"]) for m in self.status["members"]}

    def pid(self, service: str) -> int:
        """Process id of a service, as the status says now."""
        self.refresh()
        found = {s["name"]: s["pid"] for s in self.status["services"]}
        return int(found[service])

    def logs(self) -> str:
        """The ends of all logs, for failure reports."""
        folder = self.state / "argosy" / "sandbox" / "logs"
        return "\n".join(f"==== {log.name}\n{log.read_text()[-2000:]}" for log in sorted(folder.glob("*.log")))

    def down(self) -> None:
        self.argosy("sandbox", "down")


# ---- objects that read as sentences ----------------------------------------------------------------------------------


def namespace(name: str, **labels: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def config_map(name: str, **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def deployment(name: str, replicas: int = 2, image: str = "nginx:1.27", cpu: str = "10m") -> dict[str, Any]:
    labels = {"app": name}
    container = {"name": "main", "image": image, "resources": {"requests": {"cpu": cpu, "memory": "16Mi"}}}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "labels": labels}, "spec": spec}


def selector_of(obj: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": obj["apiVersion"], "kind": obj["kind"], "name": obj["metadata"]["name"]}


def duplicated(*clusters: str) -> dict[str, Any]:
    """A placement: everything to each of these clusters (none named: to all)."""
    affinity = {"clusterAffinity": {"clusterNames": list(clusters)}} if clusters else {}
    return {**affinity, "replicaScheduling": {"replicaSchedulingType": "Duplicated"}}


def weighted(**weights: int) -> dict[str, Any]:
    """A placement: replicas divided over these clusters by weight."""
    rules = [{"targetCluster": {"clusterNames": [name]}, "weight": weight} for name, weight in weights.items()]
    return {
        "clusterAffinity": {"clusterNames": list(weights)},
        "replicaScheduling": {
            "replicaSchedulingType": "Divided",
            "replicaDivisionPreference": "Weighted",
            "weightPreference": {"staticWeightList": rules},
        },
    }


def policy(name: str, *selectors: dict[str, Any], placement: dict[str, Any], **spec: Any) -> dict[str, Any]:
    """A PropagationPolicy."""
    body = {"resourceSelectors": list(selectors), "placement": placement, **spec}
    return {
        "apiVersion": "policy.karmada.io/v1alpha1",
        "kind": "PropagationPolicy",
        "metadata": {"name": name},
        "spec": body,
    }


def cluster_policy(name: str, *selectors: dict[str, Any], placement: dict[str, Any], **spec: Any) -> dict[str, Any]:
    """A ClusterPropagationPolicy."""
    return {**policy(name, *selectors, placement=placement, **spec), "kind": "ClusterPropagationPolicy"}


def merged(body: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """The object with a change laid over it (merge patch, without deletions)."""
    result = dict(body)
    for key, value in change.items():
        inner = result.get(key)
        result[key] = merged(inner, value) if isinstance(inner, dict) and isinstance(value, dict) else value
    return result

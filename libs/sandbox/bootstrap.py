"""What a cluster of the fleet has from the first, besides its namespaces: nodes, classes, the API's Service."""

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from libs.sandbox import kinds
from libs.sandbox.cluster import Cluster
from libs.sandbox.kinds import Resource

VERSION: Final = "v1.36.0"
_REGIONS: Final = (
    ("eu-central", ("a", "b", "c")),
    ("us-east", ("a", "b", "c")),
    ("ap-south", ("a", "b", "c")),
    ("eu-north", ("a", "b", "c")),
    ("us-west", ("a", "b", "c")),
    ("sa-east", ("a", "b", "c")),
)
_HEALTH: Final = (
    ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
)


class NodeSize(msgspec.Struct, frozen=True, kw_only=True):
    """What a simulated node offers, as quantities."""

    cpu: str = "16"
    memory: str = "64Gi"
    pods: str = "250"


def hub(cluster: Cluster) -> None:
    """Makes what a hub lacks."""
    _ensure(cluster, _everywhere())


def member(cluster: Cluster, index: int, nodes: int, size: NodeSize) -> None:
    """Makes what a member lacks. `index` is its number, counted from 0: each lies in another region."""
    place, zones = _REGIONS[index % len(_REGIONS)]
    made = [
        (kinds.NODES, node(cluster, number, index, size, place, f"{place}-{zones[number % len(zones)]}"))
        for number in range(nodes)
    ]
    _ensure(cluster, (*_everywhere(), *_classes(), *made))


def _ensure(cluster: Cluster, wanted: Iterable[tuple[Resource, dict[str, Any]]]) -> None:
    for resource, body in wanted:
        metadata = body["metadata"]
        if cluster.get(resource, metadata.get("namespace", ""), metadata["name"]) is None:
            cluster.create(resource, body, namespace=metadata.get("namespace", ""))


def _everywhere() -> Iterable[tuple[Resource, dict[str, Any]]]:
    labels = {"component": "apiserver", "provider": "kubernetes"}
    spec = {
        "type": "ClusterIP",
        "clusterIP": "10.96.0.1",
        "clusterIPs": ["10.96.0.1"],
        "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": 6443}],
        "ipFamilies": ["IPv4"],
        "ipFamilyPolicy": "SingleStack",
        "sessionAffinity": "None",
        "internalTrafficPolicy": "Cluster",
    }
    metadata = {"namespace": "default", "name": "kubernetes", "labels": labels}
    yield kinds.SERVICES, {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}


def _classes() -> Iterable[tuple[Resource, dict[str, Any]]]:
    yield (
        kinds.STORAGE_CLASSES,
        {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {
                "name": "standard",
                "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
            },
            "provisioner": "sandbox.argosy.dev/volumes",
            "reclaimPolicy": "Delete",
            "volumeBindingMode": "Immediate",
        },
    )
    for name, value in (("system-cluster-critical", 2000000000), ("system-node-critical", 2000001000)):
        yield (
            kinds.PRIORITY_CLASSES,
            {
                "apiVersion": "scheduling.k8s.io/v1",
                "kind": "PriorityClass",
                "metadata": {"name": name},
                "value": value,
                "preemptionPolicy": "PreemptLowerPriority",
            },
        )


def node(cluster: Cluster, number: int, index: int, size: NodeSize, place: str, zone: str) -> dict[str, Any]:
    """A simulated node: healthy, and with all that people and schedulers look at."""
    name = f"{cluster.name}-node{number + 1}"
    stamp = cluster.clock().strftime("%Y-%m-%dT%H:%M:%SZ")
    offers = {
        "cpu": size.cpu,
        "memory": size.memory,
        "pods": size.pods,
        "ephemeral-storage": "200Gi",
    }
    health = [
        {
            "type": kind,
            "status": status,
            "lastHeartbeatTime": stamp,
            "lastTransitionTime": stamp,
            "reason": reason,
            "message": message,
        }
        for kind, status, reason, message in _HEALTH
    ]
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": "amd64",
                "node.kubernetes.io/instance-type": f"sandbox-{size.cpu}",
                "topology.kubernetes.io/region": place,
                "topology.kubernetes.io/zone": zone,
            },
        },
        "spec": {
            "podCIDR": f"10.{128 + index % 64}.{number % 256}.0/24",
            "providerID": f"sandbox://{cluster.name}/{name}",
        },
        "status": {
            "capacity": offers,
            "allocatable": offers,
            "conditions": health,
            "addresses": [
                {"type": "InternalIP", "address": f"10.{index % 64}.{number // 250}.{1 + number % 250}"},
                {"type": "Hostname", "address": name},
            ],
            "nodeInfo": {
                "architecture": "amd64",
                "operatingSystem": "linux",
                "osImage": "Argosy sandbox",
                "kernelVersion": "6.12.0",
                "containerRuntimeVersion": "sandbox://1.0.0",
                "kubeletVersion": VERSION,
                "kubeProxyVersion": "",
                "machineID": name,
                "systemUUID": name,
                "bootID": name,
            },
        },
    }

"""Objects that users write."""

from typing import Any

from libs.common import names
from libs.common.names import OriginKey


def config_map(name: str, namespace: str = "default", **data: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def deployment(name: str, replicas: int, namespace: str = "default") -> dict[str, Any]:
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "nginx:1"}]}},
        },
    }


def policy_for(name: str, kind: str, *, namespace: str = "default", selected: str = "", **spec: Any) -> dict[str, Any]:
    api_version = {"ConfigMap": "v1", "Deployment": "apps/v1", "Namespace": "v1"}[kind]
    selector = {"apiVersion": api_version, "kind": kind} | ({"name": selected} if selected else {})
    return {
        "apiVersion": "policy.karmada.io/v1alpha1",
        "kind": "PropagationPolicy" if namespace else "ClusterPropagationPolicy",
        "metadata": {"name": name} | ({"namespace": namespace} if namespace else {}),
        "spec": {"resourceSelectors": [selector], "placement": {}} | spec,
    }


def key_of(kind: str, name: str, namespace: str = "default") -> OriginKey:
    return OriginKey(namespace, names.binding_name(kind, name))

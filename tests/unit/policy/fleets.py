"""Builders of what the tables speak of."""

from typing import Any

import msgspec

from libs.common.api.cluster import Cluster, ClusterSpec
from libs.common.api.meta import ObjectMeta
from libs.common.api.policy import Placement, PropagationPolicy
from libs.common.api.work import BindingSpec, ObjectReference, ResourceBinding, TargetCluster
from libs.common.messages import Gone, Order, Origin, Removal, TemplateRef
from services.policy.core.dispatch import Published
from services.policy.core.matching import TemplateFacts


def cluster(name: str, **spec: Any) -> Cluster:
    return Cluster(metadata=ObjectMeta(name=name, uid=f"uid-{name}"), spec=ClusterSpec(sync_mode="Push", **spec))


def leaving_cluster(name: str, **annotations: str) -> Cluster:
    notes = {f"argosy.dev/{key.replace('_', '-')}": value for key, value in annotations.items()}
    metadata = ObjectMeta(name=name, uid=f"uid-{name}", deletion_timestamp="2026-01-01T00:00:00Z", annotations=notes)
    return Cluster(metadata=metadata, spec=ClusterSpec(sync_mode="Push"))


def policy(
    name: str = "p", *, namespace: str = "default", generation: int = 1, deleting: bool = False, **spec: Any
) -> PropagationPolicy:
    """A policy that takes all ConfigMaps unless `resourceSelectors` says otherwise."""
    body = {"resourceSelectors": [{"apiVersion": "v1", "kind": "ConfigMap"}]} | spec
    metadata = {"name": name, "namespace": namespace, "uid": f"uid-{namespace}-{name}", "generation": generation}
    if deleting:
        metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    return msgspec.convert({"metadata": metadata, "spec": body}, PropagationPolicy)


def facts(name: str = "a", *, namespace: str = "default", **metadata: Any) -> TemplateFacts:
    return TemplateFacts(
        api_version="v1", kind="ConfigMap", metadata=ObjectMeta(name=name, namespace=namespace, uid="t", **metadata)
    )


def binding(*clusters: str, replicas: int = 0, placement: Placement | None = None, **notes: str) -> ResourceBinding:
    return ResourceBinding(
        metadata=ObjectMeta(name="a-configmap", namespace="default", uid="b", annotations=notes or None),
        spec=BindingSpec(
            resource=ObjectReference(api_version="v1", kind="ConfigMap", namespace="default", name="a", uid="t"),
            replicas=replicas,
            placement=placement,
            clusters=[TargetCluster(name=c, replicas=replicas) for c in clusters] or None,
        ),
    )


def gone(name: str, order: Order, *removed: Removal, cluster_uid: str = "") -> Gone:
    return Gone(
        hub_uid="h",
        cluster=name,
        cluster_uid=cluster_uid or f"uid-{name}",
        origin=Origin(kind="ResourceBinding", namespace="default", name="a-configmap", uid="b"),
        order=order,
        removed=list(removed),
    )


def published(op: str, order: Order, *, uid: str = "uid-m1", template: str = "t", name: str = "a") -> Published:
    """What stands on a subject of the cluster m1."""
    return Published(
        seq=1,
        op=op,
        cluster_uid=uid,
        origin=Origin(kind="ResourceBinding", namespace="default", name="a-configmap", uid="b"),
        template=TemplateRef(api_version="v1", kind="ConfigMap", namespace="default", name="a", uid=template),
        order=order,
        digest="d",
        api_version="v1",
        kind="ConfigMap",
        namespace="default",
        name=name,
        removes=(),
        preserve=False,
    )

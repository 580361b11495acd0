"""What the server itself writes into objects of certain kinds, on creation and on updates.

Reference: the strategies of k8s.io/kubernetes pkg/registry and k8s.io/apiextensions-apiserver.
"""

import base64
from collections.abc import Mapping
from typing import Any, Final

from libs.sandbox.kinds import Resource
from libs.sandbox.store import Object

_EMPTY_STATUS: Final[dict[str, dict[str, Any]]] = {
    "persistentvolumes": {"phase": "Pending"},
    "persistentvolumeclaims": {"phase": "Pending"},
    "services": {"loadBalancer": {}},
    "namespaces": {"phase": "Active"},
}
_UNCONDITIONAL_REFUSED: Final = frozenset(
    {
        "leases.coordination.k8s.io",
        "customresourcedefinitions.apiextensions.k8s.io",
        "validatingadmissionpolicies.admissionregistration.k8s.io",
        "validatingadmissionpolicybindings.admissionregistration.k8s.io",
        "validatingwebhookconfigurations.admissionregistration.k8s.io",
        "mutatingwebhookconfigurations.admissionregistration.k8s.io",
        "poddisruptionbudgets.policy",
        "runtimeclasses.node.k8s.io",
        "csidrivers.storage.k8s.io",
        "csinodes.storage.k8s.io",
    }
)
_STATUS_KEEPS_METADATA: Final = frozenset({"pods", "nodes"})
"""Kinds whose status subresource also takes labels and annotations."""


def needs_version(resource: Resource) -> bool:
    """Whether an update without a resourceVersion is refused."""
    return resource.custom or resource.table in _UNCONDITIONAL_REFUSED


def foreign(resource: Resource, subresource: str) -> tuple[str, ...]:
    """The top-level fields that a client cannot write through a subresource ("" for the object itself)."""
    if subresource == "status":
        return ("spec",) if resource.table in _STATUS_KEEPS_METADATA else ("spec", "metadata")
    return ("status",) if "status" in resource.subresources else ()


def created(resource: Resource, obj: Object) -> Object:
    """The object as its kind's strategy begins it. `obj` has its metadata already."""
    table = resource.table
    if "status" in resource.subresources and table != "nodes":
        obj = {key: value for key, value in obj.items() if key != "status"}
        if not resource.custom:
            obj["status"] = dict(_EMPTY_STATUS.get(table, {}))
    match table:
        case "pods":
            obj = _new_pod(obj)
        case "namespaces":
            obj = _new_namespace(obj)
        case "jobs.batch":
            obj = _new_job(obj)
        case "secrets":
            obj = _plain_secret(obj)
    return obj


def updated(resource: Resource, new: Object, old: Object, subresource: str) -> Object:
    """The object that an update through `subresource` ("" for the object itself) makes of `old`.

    `new` has its metadata already. `*` writes everything, which no client may.
    """
    match subresource:
        case "status":
            made = _status_only(resource, new, old)
        case "finalize":
            spec = {**(old.get("spec") or {}), "finalizers": (new.get("spec") or {}).get("finalizers") or []}
            made = {**old, "spec": spec}
        case "approval":
            made = {**old, "status": new.get("status") or {}}
        case "":
            made = _all_but_status(resource, new, old)
        case _:
            made = new
    if _counts(resource, made, old):
        made = {**made, "metadata": {**made["metadata"], "generation": old["metadata"].get("generation", 0) + 1}}
    return made


def _status_only(resource: Resource, new: Object, old: Object) -> Object:
    made = {key: value for key, value in old.items() if key != "status"}
    if "status" in new:
        made["status"] = new["status"]
    if resource.table in _STATUS_KEEPS_METADATA:
        made["metadata"] = new["metadata"]
    return made


def _all_but_status(resource: Resource, new: Object, old: Object) -> Object:
    if "status" in resource.subresources:
        new = {key: value for key, value in new.items() if key != "status"}
        if "status" in old:
            new["status"] = old["status"]
    match resource.table:
        case "secrets":
            new = _plain_secret(new)
        case "namespaces":
            new = _named_namespace({**new, "spec": old.get("spec") or {}})
    return new


def _counts(resource: Resource, new: Object, old: Object) -> bool:
    if resource.custom:
        without = {"metadata", "status"} if "status" in resource.subresources else {"metadata"}
        return {k: v for k, v in new.items() if k not in without} != {k: v for k, v in old.items() if k not in without}
    if not resource.generation:
        return False
    without = {"metadata", "status", "kind", "apiVersion"}
    return any(new.get(key) != old.get(key) for key in {*new, *old} if key not in without)


def _new_pod(obj: Object) -> Object:
    spec = obj.get("spec") or {}
    if not spec.get("serviceAccountName"):
        spec = {**spec, "serviceAccountName": "default", "serviceAccount": "default"}
    return {**obj, "spec": spec, "status": {"phase": "Pending", "qosClass": _quality(spec)}}


def _quality(spec: Mapping[str, Any]) -> str:
    guaranteed, any_set = True, False
    for container in (*(spec.get("containers") or ()), *(spec.get("initContainers") or ())):
        resources = container.get("resources") or {}
        limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
        for each in ("cpu", "memory"):
            any_set |= each in limits or each in requests
            guaranteed &= each in limits and requests.get(each, limits[each]) == limits[each]
    return ("Guaranteed" if guaranteed else "Burstable") if any_set else "BestEffort"


def _new_namespace(obj: Object) -> Object:
    spec = obj.get("spec") or {}
    finalizers = list(spec.get("finalizers") or ())
    if "kubernetes" not in finalizers:
        finalizers.append("kubernetes")
    return _named_namespace({**obj, "spec": {**spec, "finalizers": finalizers}})


def _named_namespace(obj: Object) -> Object:
    meta = obj["metadata"]
    labels = {**(meta.get("labels") or {}), "kubernetes.io/metadata.name": meta["name"]}
    return {**obj, "metadata": {**meta, "labels": labels}}


def _new_job(obj: Object) -> Object:
    spec = obj.get("spec") or {}
    if spec.get("manualSelector"):
        return obj
    uid, name = obj["metadata"]["uid"], obj["metadata"]["name"]
    template = spec.get("template") or {}
    meta = template.get("metadata") or {}
    marks = {"controller-uid": uid, "job-name": name}
    marks |= {f"batch.kubernetes.io/{key}": value for key, value in tuple(marks.items())}
    meta = {**meta, "labels": {**(meta.get("labels") or {}), **marks}}
    selector = dict(spec.get("selector") or {})
    chosen = {**(selector.get("matchLabels") or {}), "batch.kubernetes.io/controller-uid": uid}
    spec = {**spec, "selector": {**selector, "matchLabels": chosen}, "template": {**template, "metadata": meta}}
    return {**obj, "spec": spec}


def _plain_secret(obj: Object) -> Object:
    texts = obj.get("stringData")
    if texts is None:
        return obj
    made = {key: value for key, value in obj.items() if key != "stringData"}
    coded = {key: base64.b64encode(str(value).encode()).decode() for key, value in texts.items()}
    if coded:
        made["data"] = {**(obj.get("data") or {}), **coded}
    return made

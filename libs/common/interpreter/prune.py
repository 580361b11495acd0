"""Takes from an object what an API server or its controllers wrote, so that only what the user wants is left.

Reference: Karmada's `pkg/resourceinterpreter/default/native/prune`. The kind alone decides, not the group, as there.
"""

from collections.abc import Callable
from typing import Any

from libs.common.api.meta import Template
from libs.common.interpreter import typed
from libs.common.interpreter.kinds.identities import TOKEN_TYPE

_SERVER_FIELDS = frozenset(
    (
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "generation",
        "managedFields",
        "resourceVersion",
        "selfLink",
        "uid",
        "ownerReferences",
        "finalizers",
    )
)
_JOB_SELECTOR_LABELS = ("controller-uid", "batch.kubernetes.io/controller-uid")
_JOB_POD_LABELS = (*_JOB_SELECTOR_LABELS, "job-name", "batch.kubernetes.io/job-name")


def prune(obj: Template) -> Template:
    """A copy of `obj` without metadata that the server fills, without status, and without its kind's own leftovers."""
    kept = {key: value for key, value in obj.items() if key != "status"}
    metadata = obj.get("metadata")
    if isinstance(metadata, dict):
        kept["metadata"] = {key: value for key, value in metadata.items() if key not in _SERVER_FIELDS}
    special = _SPECIAL.get(obj.get("kind", ""))
    return special(kept) if special is not None else kept


def _deployment(obj: Template) -> Template:
    return _without_annotations(obj, "deployment.kubernetes.io/revision", "deployment.kubernetes.io/revision-history")


def _job(obj: Template) -> Template:
    obj = typed.without(obj, "spec", "ttlSecondsAfterFinished")
    if typed.at(obj, "spec", "manualSelector", form=typed.anything) is True:
        return obj
    for label in _JOB_SELECTOR_LABELS:
        obj = typed.without(obj, "spec", "selector", "matchLabels", label)
    for label in _JOB_POD_LABELS:
        obj = typed.without(obj, "spec", "template", "metadata", "labels", label)
    return obj


def _secret(obj: Template) -> Template:
    if obj.get("type") != TOKEN_TYPE:
        return obj
    return typed.without(_without_annotations(obj, "kubernetes.io/service-account.uid"), "data")


def _service_account(obj: Template) -> Template:
    secrets = obj.get("secrets")
    if not isinstance(secrets, list):
        return obj
    prefix = f"{(obj.get('metadata') or {}).get('name', '')}-token-"
    return {**obj, "secrets": [s for s in secrets if not _named(s).startswith(prefix)]}


def _named(reference: Any) -> str:
    name = reference.get("name") if isinstance(reference, dict) else None
    return name if isinstance(name, str) else ""


def _service(obj: Template) -> Template:
    address = typed.at(obj, "spec", "clusterIP", form=typed.anything)
    if address is None or address == "None":
        return obj
    return typed.without(typed.without(obj, "spec", "clusterIP"), "spec", "clusterIPs")


def _claim(obj: Template) -> Template:
    return _without_annotations(obj, "volume.kubernetes.io/selected-node")


def _without_annotations(obj: Template, *keys: str) -> Template:
    for key in keys:
        obj = typed.without(obj, "metadata", "annotations", key)
    return obj


_SPECIAL: dict[str, Callable[[Template], Template]] = {
    "Deployment": _deployment,
    "Job": _job,
    "Secret": _secret,
    "ServiceAccount": _service_account,
    "Service": _service,
    "PersistentVolumeClaim": _claim,
}

"""What Argosy knows of resource kinds, one function per operation: built-in rules, and what holds for every kind.

Operations are named as in Karmada. No function changes what it is given; results may share parts with it.
"""

import re
from collections.abc import Collection
from typing import Any, Final

from libs.common.api.meta import LabelSelector, Template
from libs.common.api.work import Component, Health, ReplicaRequirements
from libs.common.interpreter import prune as pruning
from libs.common.interpreter.kinds import (
    autoscaling,
    daemonset,
    deployment,
    identities,
    job,
    loadbalancer,
    pod,
    replicaset,
    serviceimport,
    statefulset,
    volumes,
    workloads,
)
from libs.common.interpreter.rules import DependentObject, Items, Known, Operation, Rules
from libs.common.interpreter.typed import InterpretError

KINDS: Final[dict[tuple[str, str], Rules]] = {
    ("apps/v1", "DaemonSet"): daemonset.RULES,
    ("apps/v1", "Deployment"): deployment.RULES,
    ("apps/v1", "ReplicaSet"): replicaset.RULES,
    ("apps/v1", "StatefulSet"): statefulset.RULES,
    ("autoscaling/v2", "HorizontalPodAutoscaler"): autoscaling.HORIZONTAL_POD_AUTOSCALER,
    ("batch/v1", "CronJob"): job.CRON_RULES,
    ("batch/v1", "Job"): job.RULES,
    ("multicluster.x-k8s.io/v1alpha1", "ServiceImport"): serviceimport.RULES,
    ("networking.k8s.io/v1", "Ingress"): loadbalancer.INGRESS,
    ("policy/v1", "PodDisruptionBudget"): autoscaling.POD_DISRUPTION_BUDGET,
    ("v1", "PersistentVolume"): volumes.PERSISTENT_VOLUME,
    ("v1", "PersistentVolumeClaim"): volumes.PERSISTENT_VOLUME_CLAIM,
    ("v1", "Pod"): pod.RULES,
    ("v1", "Secret"): identities.SECRET,
    ("v1", "Service"): loadbalancer.SERVICE,
    ("v1", "ServiceAccount"): identities.SERVICE_ACCOUNT,
}
"""By exact API version and kind: another version of a kind has no rule."""

_NONE: Final = Rules()
_FIELDS: Final[dict[str, str]] = {
    "InterpretReplica": "replicas",
    "ReviseReplica": "revise",
    "Retain": "retain",
    "AggregateStatus": "aggregate",
    "InterpretHealth": "health",
    "InterpretDependency": "dependencies",
}
_LABEL_VALUE: Final = re.compile(r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")

prune = pruning.prune


def enabled(operation: Operation, api_version: str, kind: str) -> bool:
    """Whether there is a rule. Every kind has one for InterpretStatus."""
    if operation == "InterpretStatus":
        return True
    rules = KINDS.get((api_version, kind))
    return rules is not None and operation in _FIELDS and getattr(rules, _FIELDS[operation]) is not None


def replicas(template: Template) -> tuple[int, ReplicaRequirements | None]:
    """How many replicas the template asks for and what one needs; (0, None) for kinds without replicas."""
    rule = _rules(template).replicas
    return rule(template) if rule is not None else (0, None)


def components(template: Template) -> list[Component]:
    """The parts of a template that are placed together; no built-in kind has any."""
    return []


def revise_replica(template: Template, count: int) -> Template:
    """The template with another number of replicas; unchanged for kinds without replicas."""
    rule = _rules(template).revise
    return rule(template, count) if rule is not None else template


def retain(desired: Template, observed: Template) -> Template:
    """The desired object with those fields of the observed one that belong to the member."""
    rule = _rules(desired).retain
    return rule(desired, observed) if rule is not None else desired


def reflect_status(observed: Template) -> Any | None:
    """What to report of a member object's status: its kind's selection, or all of it.

    Raises:
        InterpretError: the status is no object, or a field of it has another type than its kind says.
    """
    rules = _rules(observed)
    if "status" not in observed or (rules is loadbalancer.SERVICE and not loadbalancer.is_load_balancer(observed)):
        return None
    if not isinstance(observed["status"], dict):
        raise InterpretError(f"status: expected an object, got {observed['status']!r}")
    return rules.reflect(observed) if rules.reflect is not None else observed["status"]


def aggregate_status(
    template: Template, items: Items, *, behind: Collection[str] | None = None, now: str | None = None
) -> dict[str, Any] | None:
    """The template's status as its members' statuses make it; None if it stays as it is.

    Args:
        behind: clusters whose controllers have not seen the object as it is (see `is_behind`), where that is known.
        now: RFC 3339 time for conditions that begin now.
    """
    rule = _rules(template).aggregate
    return rule(template, items, Known(behind=behind, now=now)) if rule is not None else None


def is_healthy(observed: Template) -> bool:
    """Whether a member object does its work; true for kinds without a rule."""
    rule = _rules(observed).health
    return rule is None or rule(observed)


def health(observed: Template) -> Health:
    """`is_healthy` in words; Unknown for an object that cannot be interpreted."""
    try:
        return "Healthy" if is_healthy(observed) else "Unhealthy"
    except InterpretError:
        return "Unknown"


def is_behind(observed: Template) -> bool:
    """Whether the member's controllers are known not to have seen the object as it is."""
    status = observed.get("status")
    seen = status.get("observedGeneration") if isinstance(status, dict) else None
    if seen is None:
        return observed.get("apiVersion") == "apps/v1" and _rules(observed) is not _NONE
    return isinstance(seen, int) and seen < workloads.generation(observed)


def dependencies(template: Template) -> list[DependentObject]:
    """What the template needs beside it; empty for kinds without a rule.

    Raises:
        InterpretError: the template names something that cannot be looked up.
    """
    rule = _rules(template).dependencies
    found = rule(template) if rule is not None else []
    for dependent in found:
        verify(dependent)
    return found


def verify(dependent: DependentObject) -> None:
    """Raises InterpretError for a dependency that cannot be looked up."""
    if not dependent.api_version:
        raise InterpretError("missing required apiVersion")
    if not dependent.kind:
        raise InterpretError("missing required kind")
    if not dependent.name and dependent.label_selector is None:
        raise InterpretError("dependency can not leave name and labelSelector all empty")
    _verify_selector(dependent.label_selector or LabelSelector())


def _verify_selector(selector: LabelSelector) -> None:
    for key, value in (selector.match_labels or {}).items():
        if _LABEL_VALUE.fullmatch(value) is None:
            raise InterpretError(f"labelSelector: {key}={value}: expected at most 63 letters, digits, '-', '_' or '.'")


def _rules(obj: Template) -> Rules:
    return KINDS.get((obj.get("apiVersion", ""), obj.get("kind", "")), _NONE)

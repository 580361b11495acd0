"""Kinds that make pods (pkg/apis/apps/validation, pkg/apis/batch/validation)."""

import re
from collections.abc import Iterator
from typing import Any, Final

from libs.common.kube.errors import Cause
from libs.sandbox.schema import faults
from libs.sandbox.schema.checks import pods, words
from libs.sandbox.schema.checks.words import Object

_MISMATCH: Final = "`selector` does not match template `labels`"
_STATEFUL_MUTABLE: Final = (
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
)
_STATEFUL_TEXT: Final = (
    "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', "
    "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
)
_RESTARTS_OF_JOBS: Final = ("OnFailure", "Never")
_PERCENT: Final = re.compile(r"\d+%")
_SCHEDULE: Final = re.compile(r"@(yearly|annually|monthly|weekly|daily|midnight|hourly|every \S+)|(\S+\s+){4}\S+")
_SUSPENDED_MUTABLE: Final = ("annotations", "labels")


def deployment(obj: Object, old: Object | None) -> Iterator[Cause]:
    """A Deployment."""
    spec = obj.get("spec") or {}
    counts = ("replicas", "minReadySeconds", "revisionHistoryLimit")
    yield from _selecting(spec, "deployment", counts)
    yield from _always_restarts(spec)
    strategy = spec.get("strategy") or {}
    yield from words.one_of(strategy.get("type"), ("Recreate", "RollingUpdate"), "spec.strategy.type")
    rolling = strategy.get("rollingUpdate")
    if strategy.get("type") == "Recreate" and rolling is not None:
        text = "may not be specified when strategy `type` is 'Recreate'"
        yield faults.forbidden("spec.strategy.rollingUpdate", text)
    elif rolling:
        yield from _rolling(rolling, "spec.strategy.rollingUpdate")
    deadline = spec.get("progressDeadlineSeconds")
    if deadline is not None and deadline <= spec.get("minReadySeconds", 0):
        yield faults.invalid("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds")
    if old is not None:
        yield from words.unchanged(spec, (old.get("spec") or {}), ("selector",), "spec")


def replica_set(obj: Object, old: Object | None) -> Iterator[Cause]:
    """A ReplicaSet."""
    spec = obj.get("spec") or {}
    yield from _selecting(spec, "deployment", ("replicas", "minReadySeconds"))
    yield from _always_restarts(spec)
    if old is not None:
        yield from words.unchanged(spec, (old.get("spec") or {}), ("selector",), "spec")


def daemon_set(obj: Object, old: Object | None) -> Iterator[Cause]:
    """A DaemonSet."""
    spec = obj.get("spec") or {}
    yield from _selecting(spec, "daemonset", ("minReadySeconds", "revisionHistoryLimit"))
    yield from _always_restarts(spec)
    kind = (spec.get("updateStrategy") or {}).get("type")
    yield from words.one_of(kind, ("RollingUpdate", "OnDelete"), "spec.updateStrategy.type")
    if old is not None:
        yield from words.unchanged(spec, (old.get("spec") or {}), ("selector",), "spec")


def stateful_set(obj: Object, old: Object | None) -> Iterator[Cause]:
    """A StatefulSet."""
    spec = obj.get("spec") or {}
    yield from _selecting(spec, "statefulset", ("replicas", "minReadySeconds", "revisionHistoryLimit"))
    yield from _always_restarts(spec)
    policies = ("OrderedReady", "Parallel")
    yield from words.one_of(spec.get("podManagementPolicy"), policies, "spec.podManagementPolicy")
    if old is not None and _without(spec, _STATEFUL_MUTABLE) != _without((old.get("spec") or {}), _STATEFUL_MUTABLE):
        yield faults.forbidden("spec", _STATEFUL_TEXT)


def job(obj: Object, old: Object | None) -> Iterator[Cause]:
    """A Job."""
    spec = obj.get("spec") or {}
    yield from _job_spec(spec, "spec")
    labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels")
    if (selector := spec.get("selector")) and not words.selected(selector, labels or {}):
        yield faults.invalid("spec.template.metadata.labels", labels, _MISMATCH)
    if old is None:
        return
    before = old.get("spec") or {}
    frozen = ["selector", "completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy"]
    if spec.get("completionMode") != "Indexed":
        frozen.append("completions")
    yield from words.unchanged(spec, before, frozen, "spec")
    if _job_template(spec, before) != before.get("template"):
        yield faults.invalid("spec.template", spec.get("template"), words.IMMUTABLE)


def _job_template(spec: Object, before: Object) -> Any:
    """The new template, but for what may change while a Job is suspended: scheduling directives and metadata."""
    new, old = spec.get("template") or {}, before.get("template") or {}
    if not before.get("suspend"):
        return spec.get("template")
    free = ("nodeSelector", "affinity", "tolerations", "schedulingGates")
    pod = {
        **(new.get("spec") or {}),
        **{name: (old.get("spec") or {})[name] for name in free if name in old.get("spec", {})},
    }
    pod = {name: value for name, value in pod.items() if name not in free or name in old.get("spec", {})}
    metadata = {name: value for name, value in (new.get("metadata") or {}).items() if name not in _SUSPENDED_MUTABLE}
    kept = {name: old["metadata"][name] for name in _SUSPENDED_MUTABLE if name in old.get("metadata", {})}
    made = {**new, "spec": pod}
    if "metadata" in old or metadata:
        made["metadata"] = {**metadata, **kept}
    return made


def cron_job(obj: Object, old: Object | None) -> Iterator[Cause]:
    """A CronJob."""
    spec = obj.get("spec") or {}
    schedule = spec.get("schedule") or ""
    if not schedule:
        yield faults.required("spec.schedule")
    elif not _SCHEDULE.fullmatch(schedule.strip()):
        found = len(schedule.split())
        yield faults.invalid("spec.schedule", schedule, f"expected exactly 5 fields, found {found}: [{schedule}]")
    yield from words.one_of(spec.get("concurrencyPolicy"), ("Allow", "Forbid", "Replace"), "spec.concurrencyPolicy")
    counts = ("startingDeadlineSeconds", "successfulJobsHistoryLimit", "failedJobsHistoryLimit")
    yield from words.not_negative(spec, counts, "spec")
    yield from _job_spec((spec.get("jobTemplate") or {}).get("spec") or {}, "spec.jobTemplate.spec")
    name = obj["metadata"].get("name", "")
    if old is None and len(name) > 52:
        yield faults.invalid("metadata.name", name, "must be no more than 52 characters")


def _job_spec(spec: Object, path: str) -> Iterator[Cause]:
    counts = ("parallelism", "completions", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished")
    yield from words.not_negative(spec, counts, path)
    template = spec.get("template") or {}
    yield from pods.template(template, f"{path}.template")
    at = f"{path}.template.spec.restartPolicy"
    match (template.get("spec") or {}).get("restartPolicy"):
        case "OnFailure" | "Never":
            pass
        case None | "" | "Always":
            yield faults.required(at, 'valid values: "OnFailure", "Never"')
        case other:
            yield faults.unsupported(at, other, _RESTARTS_OF_JOBS)


def _selecting(spec: Object, kind: str, counts: tuple[str, ...]) -> Iterator[Cause]:
    """What kinds with a selector and a template have in common. `kind` is the word in the message."""
    yield from words.not_negative(spec, counts, "spec")
    selector = spec.get("selector")
    template = spec.get("template") or {}
    labels = (template.get("metadata") or {}).get("labels")
    if selector is None:
        yield faults.required("spec.selector")
    else:
        yield from words.selector(selector, "spec.selector")
        if not selector.get("matchLabels") and not selector.get("matchExpressions"):
            yield faults.invalid("spec.selector", selector, f"empty selector is invalid for {kind}")
        elif not words.selected(selector, labels or {}):
            yield faults.invalid("spec.template.metadata.labels", labels, _MISMATCH)
    claims = [claim.get("metadata", {}).get("name") for claim in spec.get("volumeClaimTemplates") or ()]
    yield from pods.template(template, "spec.template", claims)


def _always_restarts(spec: Object) -> Iterator[Cause]:
    policy = ((spec.get("template") or {}).get("spec") or {}).get("restartPolicy")
    yield from words.one_of(policy, ("Always",), "spec.template.spec.restartPolicy")


def _rolling(rolling: Object, path: str) -> Iterator[Cause]:
    for name in ("maxUnavailable", "maxSurge"):
        value = rolling.get(name)
        if isinstance(value, int) and value < 0:
            yield faults.invalid(f"{path}.{name}", value, words.NOT_NEGATIVE)
        elif isinstance(value, str) and not _PERCENT.fullmatch(value):
            text = "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')"  # noqa: E501
            yield faults.invalid(f"{path}.{name}", value, text)
    if all(rolling.get(name) in (0, "0%") for name in ("maxUnavailable", "maxSurge")):
        text = "may not be 0 when `maxSurge` is 0"
        yield faults.invalid(f"{path}.maxUnavailable", rolling.get("maxUnavailable"), text)


def _without(spec: Object, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: value for name, value in spec.items() if name not in names}

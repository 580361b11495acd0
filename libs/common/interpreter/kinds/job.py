"""batch/v1 Job and CronJob."""

from typing import Any

from libs.common.api.meta import Template
from libs.common.api.work import ReplicaRequirements
from libs.common.interpreter import podtemplate, typed
from libs.common.interpreter.kinds import workloads
from libs.common.interpreter.rules import DependentObject, Items, Known, Rules

API_VERSION, KIND, CRON_KIND = "batch/v1", "Job", "CronJob"
_SUMMED = ("active", "succeeded", "failed")
_STATUS = typed.struct(
    {
        **workloads.counters(*_SUMMED),
        "conditions": typed.each(typed.CONDITION),
        "startTime": typed.time,
        "completionTime": typed.time,
    }
)
_FINISHED = ("Complete", "Failed")


def replicas(template: Template) -> tuple[int, ReplicaRequirements | None]:
    """As many pods as run at once, but no more than must complete."""
    parallelism = typed.at(template, "spec", "parallelism", form=typed.integer) or 0
    completions = typed.at(template, "spec", "completions", form=typed.integer)
    count = parallelism if completions is None else min(parallelism, completions)
    return count, podtemplate.requirements(workloads.pod_spec(template))


def revise(template: Template, count: int) -> Template:
    return workloads.revise_field(template, count, "spec", "parallelism")


def retain(desired: Template, observed: Template) -> Template:
    """Keeps the labels by which the member's Job finds its pods: the member made them."""
    for path in (("spec", "selector", "matchLabels"), ("spec", "template", "metadata", "labels")):
        labels = typed.raw(observed, *path, form=typed.mapping(typed.text))
        if labels is not None:
            desired = typed.replaced(desired, labels, *path)
    return desired


def reflect(observed: Template) -> dict[str, Any]:
    status: dict[str, Any] = _STATUS(observed["status"], "status")
    return status


def aggregate(template: Template, items: Items, known: Known) -> dict[str, Any] | None:
    """Sums, and Complete or Failed once the members' conditions say so."""
    present = workloads.present_status(template, _STATUS)
    if _finished(present):
        return None
    reported = workloads.statuses(items, _STATUS)
    statuses = [status for _, status in reported]
    ends = [_finished(status) for status in statuses]
    failed = [item.cluster_name for (item, _), end in zip(reported, ends, strict=True) if end == "Failed"]
    complete = ends.count("Complete") == len(items) > 0
    criteria = sum(_is_true(status, "SuccessCriteriaMet") for status in statuses) == len(items)
    started = [status["startTime"] for status in statuses if "startTime" in status]
    completed = [status["completionTime"] for status in statuses if "completionTime" in status]
    computed = {
        **workloads.sums(statuses, _SUMMED),
        "conditions": [{**c, **_times(known.now)} for c in _conditions(failed, complete, complete and criteria)],
        "startTime": present.get("startTime") or (min(started) if len(started) == len(items) > 0 else None),
        "completionTime": max(completed) if len(completed) == len(items) > 0 else None,
    }
    status: dict[str, Any] = _STATUS(computed, "status")
    return status if status != present else None


def _conditions(failed: list[str], complete: bool, criteria_met: bool) -> list[dict[str, str]]:
    conditions = []
    if failed:
        message = f"Job executed failed in member clusters {','.join(failed)}"
        conditions.append({"type": "Failed", "status": "True", "reason": "JobFailed", "message": message})
    if complete:
        conditions.append({"type": "Complete", "status": "True", "reason": "Completed", "message": "Job completed"})
    if criteria_met:
        message = "All member clusters have met success criteria"
        conditions.append(
            {"type": "SuccessCriteriaMet", "status": "True", "reason": "CompletionsReached", "message": message}
        )
    return conditions


def _times(now: str | None) -> dict[str, str]:
    return {"lastProbeTime": now, "lastTransitionTime": now} if now else {}


def _finished(status: dict[str, Any]) -> str:
    """`Complete` or `Failed`, whichever condition is true first; empty if none is."""
    for condition in status.get("conditions", ()):
        if condition["type"] in _FINISHED and condition["status"] == "True":
            return str(condition["type"])
    return ""


def _is_true(status: dict[str, Any], type_: str) -> bool:
    return any(c["type"] == type_ and c["status"] == "True" for c in status.get("conditions", ()))


RULES = Rules(
    replicas=replicas,
    revise=revise,
    retain=retain,
    reflect=reflect,
    aggregate=aggregate,
    dependencies=workloads.dependencies,
)

# ---- CronJob ---------------------------------------------------------------------------------------------------------

_REFERENCE = typed.struct(
    {name: typed.text for name in ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")}
)
_CRON_STATUS = typed.struct(
    {"active": typed.each(_REFERENCE), "lastScheduleTime": typed.time, "lastSuccessfulTime": typed.time}
)


def aggregate_cron(template: Template, items: Items, known: Known) -> dict[str, Any] | None:
    statuses = [status for _, status in workloads.statuses(items, _CRON_STATUS)]
    computed: dict[str, Any] = {"active": [job for status in statuses for job in status.get("active", ())]}
    for field in ("lastScheduleTime", "lastSuccessfulTime"):
        computed[field] = max((status[field] for status in statuses if field in status), default=None)
    status: dict[str, Any] = _CRON_STATUS(computed, "status")
    return status if status != workloads.present_status(template, _CRON_STATUS) else None


def cron_dependencies(template: Template) -> list[DependentObject]:
    spec = workloads.pod_spec(template, "spec", "jobTemplate", "spec", "template")
    return podtemplate.dependencies(spec, workloads.namespace(template))


CRON_RULES = Rules(aggregate=aggregate_cron, dependencies=cron_dependencies)

"""CronJobs: a Job whenever one is due (k8s.io/kubernetes pkg/controller/cronjob)."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from libs.sandbox import kinds
from libs.sandbox.controllers import controller, cron, jobs, objects
from libs.sandbox.controllers.actions import Action, Create, Decision, Delete, Replace
from libs.sandbox.controllers.controller import Controller
from libs.sandbox.controllers.objects import Object
from libs.sandbox.controllers.view import Key, View

_SCHEDULED_AT: Final = "batch.kubernetes.io/cronjob-scheduled-timestamp"


def look(view: View, key: Key) -> Decision:
    """Gathers a CronJob's Jobs and decides."""
    cron_job = view.get(kinds.CRON_JOBS, *key)
    return Decision() if cron_job is None else decide(cron_job, view.owned(cron_job, kinds.JOBS), view.now)


def decide(cron_job: Object, owned: Sequence[Object], now: datetime) -> Decision:
    """The Job that is due, the old ones that history does not keep, and the status."""
    if objects.terminating(cron_job):
        return Decision()
    actions = _forgotten(cron_job, owned)
    running = [each for each in owned if not jobs.ended(each)]
    status = _status(cron_job, owned, running)
    due, after = (None, None) if cron_job["spec"].get("suspend") else _due(cron_job, now)
    if due is not None:
        policy = cron_job["spec"].get("concurrencyPolicy", "Allow")
        if policy == "Replace":
            actions += [Delete(resource=kinds.JOBS, target=each, propagation="Background") for each in running]
        if policy != "Forbid" or not running:
            status["lastScheduleTime"] = objects.stamp(due)
            made = _job(cron_job, due)
            if made["metadata"]["name"] not in map(objects.name, owned):
                actions.append(Create(resource=kinds.JOBS, body=made))
    if status != objects.status(cron_job):
        body = objects.with_status(cron_job, status)
        actions.append(Replace(resource=kinds.CRON_JOBS, body=body, subresource="status"))
    return Decision(actions=tuple(actions), after=after)


def _due(cron_job: Object, now: datetime) -> tuple[datetime | None, float | None]:
    """The latest time that is due and not served yet, in UTC, and the seconds until the next."""
    spec = cron_job["spec"]
    zone = ZoneInfo(spec["timeZone"]) if spec.get("timeZone") else now.tzinfo
    schedule = cron.parse(spec["schedule"])
    local = now.astimezone(zone)
    upcoming = schedule.after(local)
    after = (upcoming - local).total_seconds() if upcoming else None
    served = objects.moment(
        objects.status(cron_job).get("lastScheduleTime") or cron_job["metadata"]["creationTimestamp"]
    )
    latest = schedule.until(local)
    if latest is None or latest <= served:
        return None, after
    limit = spec.get("startingDeadlineSeconds")
    if limit is not None and now - latest > timedelta(seconds=limit):
        return None, after
    return latest.astimezone(now.tzinfo), after


def _job(cron_job: Object, due: datetime) -> dict[str, Any]:
    template = cron_job["spec"]["jobTemplate"]
    marks = template.get("metadata") or {}
    metadata: dict[str, Any] = {
        "namespace": objects.namespace(cron_job),
        "name": f"{objects.name(cron_job)}-{int(due.timestamp()) // 60}",
        "annotations": {**(marks.get("annotations") or {}), _SCHEDULED_AT: objects.stamp(due)},
        "ownerReferences": [objects.owner_reference("batch/v1", "CronJob", cron_job)],
    }
    if marks.get("labels"):
        metadata["labels"] = marks["labels"]
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": template["spec"]}


def _status(cron_job: Object, owned: Sequence[Object], running: Sequence[Object]) -> dict[str, Any]:
    status = {key: value for key, value in objects.status(cron_job).items() if key != "active"}
    if running:
        status["active"] = [_reference(each) for each in sorted(running, key=objects.name)]
    ends = [objects.status(each)["completionTime"] for each in owned if jobs.ended(each) == "Complete"]
    if ends:
        status["lastSuccessfulTime"] = max(ends)
    return status


def _reference(job: Object) -> Mapping[str, Any]:
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "namespace": objects.namespace(job),
        "name": objects.name(job),
        "uid": objects.uid(job),
        "resourceVersion": job["metadata"]["resourceVersion"],
    }


def _forgotten(cron_job: Object, owned: Sequence[Object]) -> list[Action]:
    """Jobs that are over beyond what history keeps, the oldest first."""
    actions: list[Action] = []
    limits = (("Complete", "successfulJobsHistoryLimit", 3), ("Failed", "failedJobsHistoryLimit", 1))
    for verdict, field, default in limits:
        over = [each for each in owned if jobs.ended(each) == verdict and not objects.terminating(each)]
        over.sort(key=lambda each: (objects.status(each).get("startTime") or "", objects.name(each)))
        surplus = over[: max(0, len(over) - int(cron_job["spec"].get(field, default)))]
        actions += [Delete(resource=kinds.JOBS, target=each, propagation="Background") for each in surplus]
    return actions


CONTROLLER: Final = Controller(
    name="cronjobs",
    routes={kinds.CRON_JOBS.table: controller.itself, kinds.JOBS.table: controller.its_owner(kinds.CRON_JOBS)},
    look=look,
)

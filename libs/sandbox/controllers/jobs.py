"""Jobs: pods that run to completion, as many as asked for (k8s.io/kubernetes pkg/controller/job)."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from libs.sandbox import kinds
from libs.sandbox.controllers import conditions, controller, objects, pods
from libs.sandbox.controllers.actions import BATCH, Action, Create, Decision, Delete, Replace
from libs.sandbox.controllers.controller import Controller
from libs.sandbox.controllers.objects import Object
from libs.sandbox.controllers.view import Key, View

_MYSELF: Final = "kubernetes.io/job-controller"
_INDEX: Final = "batch.kubernetes.io/job-completion-index"


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """How far a Job is: its active pods, the completion indexes that are done, and counts that never fall."""

    active: Sequence[Object]
    done: Sequence[int]
    succeeded: int
    failed: int


def look(view: View, key: Key) -> Decision:
    """Gathers a Job's pods and decides."""
    job = view.get(kinds.JOBS, *key)
    return Decision() if job is None else decide(job, view.owned(job, kinds.PODS), view.now)


def ended(job: Object) -> str:
    """`Complete` or `Failed` if the Job is over, else nothing."""
    return next((kind for kind in ("Complete", "Failed") if objects.is_true(job, kind)), "")


def decide(job: Object, owned: Sequence[Object], now: datetime) -> Decision:
    """The next step of a Job: pods to make or delete, its verdict, or its end when its time has come."""
    if objects.terminating(job) or job["spec"].get("managedBy", _MYSELF) != _MYSELF:
        return Decision()
    if ended(job):
        return _expire(job, now)
    tally = _tally(job, owned)
    verdict = _verdict(job, tally, now)
    if verdict is not None:
        return _end(job, tally, verdict, now)
    if job["spec"].get("suspend"):
        idle = msgspec.structs.replace(tally, active=())
        return _report(job, idle, now, [pods.deletion(pod) for pod in tally.active])
    steps = _steps(job, tally)
    if steps and objects.status(job).get("startTime"):
        return Decision(actions=tuple(steps))
    return _report(job, tally, now, steps)


def _indexed(job: Object) -> bool:
    return bool(job["spec"].get("completionMode") == "Indexed")


def _tally(job: Object, owned: Sequence[Object]) -> Tally:
    old = objects.status(job)
    over = [pod for pod in owned if pods.phase(pod) == "Succeeded"]
    done = sorted({_index(pod) for pod in over} | set(indexes(old.get("completedIndexes") or "")))
    return Tally(
        active=[pod for pod in owned if pods.active(pod)],
        done=done if _indexed(job) else (),
        succeeded=len(done) if _indexed(job) else max(len(over), int(old.get("succeeded") or 0)),
        failed=max(sum(pods.phase(pod) == "Failed" for pod in owned), int(old.get("failed") or 0)),
    )


def _index(pod: Object) -> int:
    return int(objects.annotations(pod).get(_INDEX, "-1"))


def _verdict(job: Object, tally: Tally, now: datetime) -> tuple[str, str, str] | None:
    """The kind of the final condition with its reason and message; None while the Job goes on."""
    spec = job["spec"]
    completions = spec.get("completions")
    if tally.failed > int(spec.get("backoffLimit", 6)):
        return "Failed", "BackoffLimitExceeded", "Job has reached the specified backoff limit"
    if (left := _deadline(job, now)) is not None and left <= 0:
        return "Failed", "DeadlineExceeded", "Job was active longer than specified deadline"
    enough = tally.succeeded >= completions if completions is not None else tally.succeeded > 0 and not tally.active
    return ("Complete", "CompletionsReached", "Reached expected number of succeeded pods") if enough else None


def _deadline(job: Object, now: datetime) -> float | None:
    limit, start = job["spec"].get("activeDeadlineSeconds"), objects.status(job).get("startTime")
    if limit is None or start is None or job["spec"].get("suspend"):
        return None
    return float(limit) - objects.since(start, now).total_seconds()


def _steps(job: Object, tally: Tally) -> list[Action]:
    active = tally.active
    spec = job["spec"]
    completions = spec.get("completions")
    wanted = int(spec.get("parallelism", 1))
    if completions is not None:
        wanted = min(wanted, completions - tally.succeeded)
    elif tally.succeeded:
        wanted = min(wanted, len(active))
    surplus = len(active) - wanted
    if surplus > 0:
        return [pods.deletion(pod) for pod in sorted(active, key=pods.deletion_rank)[:surplus]]
    if not _indexed(job):
        return [_creation(job, None)] * min(-surplus, BATCH)
    taken = {*tally.done, *map(_index, active)}
    free = [index for index in range(int(completions or 0)) if index not in taken]
    return [_creation(job, index) for index in free[: min(-surplus, BATCH)]]


def _creation(job: Object, index: int | None) -> Action:
    template = job["spec"]["template"]
    name = objects.name(job) if index is None else f"{objects.name(job)}-{index}"
    marks = template.get("metadata") or {}
    labels = {"batch.kubernetes.io/controller-uid": objects.uid(job), "batch.kubernetes.io/job-name": objects.name(job)}
    extra: dict[str, Any] = {"labels": {**labels, **(marks.get("labels") or {})}}
    if index is not None:
        extra["labels"][_INDEX] = str(index)
        extra["annotations"] = {**(marks.get("annotations") or {}), _INDEX: str(index)}
        template = {**template, "spec": {**template["spec"], "hostname": name}}
    owner = objects.owner_reference("batch/v1", "Job", job)
    body = pods.from_template(template, owner, objects.namespace(job), generateName=f"{name}-", **extra)
    return Create(resource=kinds.PODS, body=body)


def _report(job: Object, tally: Tally, now: datetime, actions: Sequence[Action]) -> Decision:
    """The status of a Job that goes on."""
    old = objects.status(job)
    standing = list(old.get("conditions") or ())
    suspended = bool(job["spec"].get("suspend"))
    if suspended:
        new = _condition("Suspended", "True", "JobSuspended", "Job suspended", now)
        standing = conditions.put(standing, new)
    elif objects.is_true(job, "Suspended"):
        standing = conditions.put(standing, _condition("Suspended", "False", "JobResumed", "Job resumed", now))
    status = _numbers(tally)
    if not suspended:
        status["startTime"] = old.get("startTime") or objects.stamp(now)
    if standing:
        status["conditions"] = standing
    return _written(job, status, actions, _deadline(job, now))


def _end(job: Object, tally: Tally, verdict: tuple[str, str, str], now: datetime) -> Decision:
    kind, reason, message = verdict
    old = objects.status(job)
    standing = old.get("conditions") or ()
    first = "SuccessCriteriaMet" if kind == "Complete" else "FailureTarget"
    for each in (first, kind):
        standing = conditions.put(standing, _condition(each, "True", reason, message, now))
    status = _numbers(msgspec.structs.replace(tally, active=()))
    status["startTime"] = old.get("startTime") or objects.stamp(now)
    if kind == "Complete":
        status["completionTime"] = objects.stamp(now)
    return _written(job, {**status, "conditions": standing}, [pods.deletion(pod) for pod in tally.active], None)


def _numbers(tally: Tally) -> dict[str, Any]:
    return {
        **objects.counts(active=len(tally.active), succeeded=tally.succeeded, failed=tally.failed),
        **({"completedIndexes": ranges(tally.done)} if tally.done else {}),
        "ready": sum(map(pods.ready, tally.active)),
        "terminating": 0,
        "uncountedTerminatedPods": {},
    }


def _condition(kind: str, status: str, reason: str, message: str, now: datetime) -> dict[str, Any]:
    made = conditions.make(kind, status, reason, message, now)
    return {**made, "lastProbeTime": made["lastTransitionTime"]}


def _written(job: Object, status: Mapping[str, Any], actions: Sequence[Action], after: float | None) -> Decision:
    if status == objects.status(job):
        return Decision(actions=tuple(actions), after=after)
    report = Replace(resource=kinds.JOBS, body=objects.with_status(job, status), subresource="status")
    return Decision(actions=(report, *actions), after=after)


def _expire(job: Object, now: datetime) -> Decision:
    """A Job that is over goes `ttlSecondsAfterFinished` later, if that is set."""
    limit = job["spec"].get("ttlSecondsAfterFinished")
    if limit is None:
        return Decision()
    found = objects.condition(objects.status(job).get("conditions") or (), ended(job))
    left = float(limit) - objects.since(found["lastTransitionTime"] if found else None, now).total_seconds()
    if left > 0:
        return Decision(after=left)
    return Decision(actions=(Delete(resource=kinds.JOBS, target=job, propagation="Background"),))


def ranges(numbers: Iterable[int]) -> str:
    """Indexes as `0-2,4`, upstream's notation."""
    parts: list[list[int]] = []
    for each in sorted(numbers):
        if parts and parts[-1][-1] == each - 1:
            parts[-1] = [parts[-1][0], each]
        else:
            parts.append([each])
    return ",".join("-".join(map(str, part)) for part in parts)


def indexes(written: str) -> Iterable[int]:
    """The inverse of `ranges`."""
    for part in filter(None, written.split(",")):
        first, _, last = part.partition("-")
        yield from range(int(first), int(last or first) + 1)


CONTROLLER: Final = Controller(
    name="jobs",
    routes={kinds.JOBS.table: controller.itself, kinds.PODS.table: controller.its_owner(kinds.JOBS)},
    look=look,
)

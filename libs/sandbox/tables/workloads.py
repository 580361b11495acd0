"""The columns of workloads: how many pods there are of how many."""

from datetime import datetime

from libs.sandbox.store import Object
from libs.sandbox.tables import cells
from libs.sandbox.tables.cells import Cell, Column

_TEMPLATE = "spec.template.spec.containers"
_NUMBER = "integer"
_WIDE = (
    Column("Containers", cells.containers(_TEMPLATE, "name"), wide=True),
    Column("Images", cells.containers(_TEMPLATE, "image"), wide=True),
)
_SELECTOR = Column("Selector", cells.selector, wide=True)


def _of(ready: str, wanted: str) -> Column:
    return Column("Ready", lambda obj: f"{cells.get(obj, ready, 0)}/{cells.get(obj, wanted, 0)}")


DEPLOYMENTS = (
    _of("status.readyReplicas", "spec.replicas"),
    Column("Up-to-date", cells.at("status.updatedReplicas", 0), _NUMBER),
    Column("Available", cells.at("status.availableReplicas", 0), _NUMBER),
    Column("Age", cells.age),
    *_WIDE,
    _SELECTOR,
)
REPLICA_SETS = (
    Column("Desired", cells.at("spec.replicas", 0), _NUMBER),
    Column("Current", cells.at("status.replicas", 0), _NUMBER),
    Column("Ready", cells.at("status.readyReplicas", 0), _NUMBER),
    Column("Age", cells.age),
    *_WIDE,
    _SELECTOR,
)
STATEFUL_SETS = (_of("status.readyReplicas", "spec.replicas"), Column("Age", cells.age), *_WIDE)
DAEMON_SETS = (
    Column("Desired", cells.at("status.desiredNumberScheduled", 0), _NUMBER),
    Column("Current", cells.at("status.currentNumberScheduled", 0), _NUMBER),
    Column("Ready", cells.at("status.numberReady", 0), _NUMBER),
    Column("Up-to-date", cells.at("status.updatedNumberScheduled", 0), _NUMBER),
    Column("Available", cells.at("status.numberAvailable", 0), _NUMBER),
    Column("Node Selector", lambda obj: cells.selector(obj, "spec.template.spec.nodeSelector")),
    Column("Age", cells.age),
    *_WIDE,
    _SELECTOR,
)


def _job_status(job: Object) -> Cell:
    for each in cells.get(job, "status.conditions", ()):
        if each["status"] == "True" and each["type"] in ("Complete", "Failed", "Suspended"):
            return str(each["type"])
    return "Terminating" if job["metadata"].get("deletionTimestamp") else "Running"


def _completions(job: Object) -> Cell:
    done = cells.get(job, "status.succeeded", 0)
    wanted, width = cells.get(job, "spec.completions"), cells.get(job, "spec.parallelism", 1)
    return f"{done}/{wanted}" if wanted is not None else f"{done}/1 of {width}" if width > 1 else f"{done}/1"


def _job_duration(job: Object) -> Cell:
    start, end = cells.get(job, "status.startTime"), cells.get(job, "status.completionTime")
    if not start:
        return ""
    return cells.since(start, datetime.fromisoformat(end) if end else None)


JOBS = (
    Column("Status", _job_status),
    Column("Completions", _completions),
    Column("Duration", _job_duration),
    Column("Age", cells.age),
    *_WIDE,
    _SELECTOR,
)


def _last_schedule(job: Object) -> Cell:
    last = cells.get(job, "status.lastScheduleTime")
    return cells.since(last) if last else cells.NONE


_CRON_TEMPLATE = "spec.jobTemplate.spec.template.spec.containers"
CRON_JOBS = (
    Column("Schedule", cells.at("spec.schedule")),
    Column("Timezone", cells.at("spec.timeZone")),
    Column("Suspend", lambda obj: str(bool(cells.get(obj, "spec.suspend")))),
    Column("Active", lambda obj: len(cells.get(obj, "status.active", ())), _NUMBER),
    Column("Last Schedule", _last_schedule),
    Column("Age", cells.age),
    Column("Containers", cells.containers(_CRON_TEMPLATE, "name"), wide=True),
    Column("Images", cells.containers(_CRON_TEMPLATE, "image"), wide=True),
    Column("Selector", lambda obj: cells.selector(obj, "spec.jobTemplate.spec.selector"), wide=True),
)

"""v1 Pod."""

from typing import Any

from libs.common.api.meta import Template
from libs.common.api.work import ReplicaRequirements
from libs.common.interpreter import podtemplate, typed
from libs.common.interpreter.kinds import workloads
from libs.common.interpreter.rules import DependentObject, Items, Known, Rules

API_VERSION, KIND = "v1", "Pod"
_WAITING = typed.struct({"reason": typed.text, "message": typed.text})
_RUNNING = typed.struct({"startedAt": typed.time})
_TERMINATED = typed.struct(
    {
        "exitCode": typed.integer,
        "signal": typed.integer,
        "reason": typed.text,
        "message": typed.text,
        "startedAt": typed.time,
        "finishedAt": typed.time,
        "containerID": typed.text,
    },
    always={"exitCode": 0},
)
_CONTAINER = typed.struct(
    {
        "ready": typed.boolean,
        "state": typed.struct(
            {"waiting": _WAITING, "running": _RUNNING, "terminated": _TERMINATED},
            kept=("waiting", "running", "terminated"),
        ),
    },
    always={"name": "", "ready": False, "restartCount": 0, "image": "", "imageID": ""},
)
_CONTAINERS = ("containerStatuses", "initContainerStatuses")
_STATUS = typed.struct({"phase": typed.text, **{name: typed.each(_CONTAINER) for name in _CONTAINERS}})
_PHASES = ("Failed", "Pending", "Running", "Succeeded")


def replicas(template: Template) -> tuple[int, ReplicaRequirements | None]:
    return 1, podtemplate.requirements(_spec(template))


def retain(desired: Template, observed: Template) -> Template:
    """Keeps what the member's scheduler and admission gave the pod: node, service account, volumes and mounts."""
    theirs = _spec(observed)
    spec = _spec(desired)
    for field in ("nodeName", "serviceAccountName", "volumes"):
        spec = _taken(spec, theirs, field)
    for field in ("containers", "initContainers"):
        mounts = {c.get("name"): c for c in podtemplate.objects(theirs, field)}
        if field in spec:
            spec[field] = [
                _taken(c, mounts[c.get("name")], "volumeMounts") if c.get("name") in mounts else c
                for c in podtemplate.objects(spec, field)
            ]
    return {**desired, "spec": spec}


def aggregate(template: Template, items: Items, known: Known) -> dict[str, Any] | None:
    """The worst phase and all containers' states."""
    statuses = [_STATUS(i.status, f"status of {i.cluster_name}") for i in items if i.status is not None]
    phases = {status.get("phase", "") for status in statuses}
    if len(statuses) < len(items):
        phases.add("Pending")
    status: dict[str, Any] = {"phase": next((phase for phase in _PHASES if phase in phases), "")}
    for name in _CONTAINERS:
        status[name] = [container for reported in statuses for container in reported.get(name, ())]
    status = {name: value for name, value in status.items() if value}
    return status if status != template.get("status") else None


def health(observed: Template) -> bool:
    phase = typed.at(observed, "status", "phase", form=typed.text)
    if phase == "Succeeded":
        return True
    conditions = typed.at(observed, "status", "conditions", form=typed.each(typed.CONDITION)) or ()
    ready = next((c["status"] for c in conditions if c["type"] == "Ready"), "")
    return phase == "Running" and ready == "True"


def dependencies(template: Template) -> list[DependentObject]:
    return podtemplate.dependencies(_spec(template), workloads.namespace(template))


def _spec(obj: Template) -> dict[str, Any]:
    """A copy of the pod's spec; empty if it has none."""
    spec: dict[str, Any] | None = typed.at(obj, "spec", form=typed.mapping(typed.anything))
    return spec or {}


def _taken(holder: dict[str, Any], source: dict[str, Any], field: str) -> dict[str, Any]:
    """`holder` with the field as `source` has it, or without it."""
    rest = {key: value for key, value in holder.items() if key != field}
    return {**rest, field: source[field]} if field in source else rest


RULES = Rules(
    replicas=replicas,
    retain=retain,
    aggregate=aggregate,
    health=health,
    dependencies=dependencies,
)

"""apps/v1 DaemonSet."""

from typing import Any

from libs.common.api.meta import Template
from libs.common.interpreter import typed
from libs.common.interpreter.kinds import workloads
from libs.common.interpreter.rules import Items, Known, Rules

API_VERSION, KIND = "apps/v1", "DaemonSet"
_SUMMED = (
    "currentNumberScheduled",
    "desiredNumberScheduled",
    "numberAvailable",
    "numberMisscheduled",
    "numberReady",
    "updatedNumberScheduled",
    "numberUnavailable",
)
_ALWAYS = {"currentNumberScheduled": 0, "desiredNumberScheduled": 0, "numberMisscheduled": 0, "numberReady": 0}
_REPORT = typed.struct({**workloads.GENERATIONS, **workloads.counters(*_SUMMED, "observedGeneration")}, always=_ALWAYS)
_STATUS = typed.struct(
    {
        **workloads.counters(*_SUMMED, "observedGeneration", "collisionCount"),
        "conditions": typed.each(typed.CONDITION),
    },
    always=_ALWAYS,
    kept=("collisionCount",),
)


def reflect(observed: Template) -> dict[str, Any]:
    return workloads.reflect(observed, _REPORT)


def aggregate(template: Template, items: Items, known: Known) -> dict[str, Any] | None:
    return workloads.aggregate(template, items, report=_REPORT, status=_STATUS, summed=_SUMMED)


def health(observed: Template) -> bool:
    status = workloads.present_status(observed, _STATUS)
    updated = status.get("updatedNumberScheduled", 0)
    return (
        workloads.observes(observed)
        and updated >= status.get("desiredNumberScheduled", 0)
        and status.get("numberAvailable", 0) >= updated
    )


RULES = Rules(reflect=reflect, aggregate=aggregate, health=health, dependencies=workloads.dependencies)

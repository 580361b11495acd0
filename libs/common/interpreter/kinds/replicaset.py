"""apps/v1 ReplicaSet."""

from typing import Any

from libs.common.api.meta import Template
from libs.common.interpreter import typed
from libs.common.interpreter.kinds import workloads
from libs.common.interpreter.rules import Items, Known, Rules

API_VERSION, KIND = "apps/v1", "ReplicaSet"
_SUMMED = ("replicas", "readyReplicas", "availableReplicas")
_ALWAYS = {"replicas": 0}
_REPORT = typed.struct({**workloads.GENERATIONS, **workloads.counters(*_SUMMED, "observedGeneration")}, always=_ALWAYS)
_STATUS = typed.struct(
    {
        **workloads.counters(*_SUMMED, "observedGeneration", "fullyLabeledReplicas", "terminatingReplicas"),
        "conditions": typed.each(typed.CONDITION),
    },
    always=_ALWAYS,
    kept=("terminatingReplicas",),
)


def reflect(observed: Template) -> dict[str, Any]:
    return workloads.reflect(observed, _REPORT)


def aggregate(template: Template, items: Items, known: Known) -> dict[str, Any] | None:
    return workloads.aggregate(template, items, report=_REPORT, status=_STATUS, summed=_SUMMED)


def health(observed: Template) -> bool:
    status = workloads.present_status(observed, _STATUS)
    wanted = typed.at(observed, "spec", "replicas", form=typed.integer)
    return workloads.observes(observed) and (wanted is None or status.get("availableReplicas", 0) >= wanted)


RULES = Rules(
    replicas=workloads.replicas,
    revise=workloads.revise,
    reflect=reflect,
    aggregate=aggregate,
    health=health,
    dependencies=workloads.dependencies,
)

"""apps/v1 Deployment."""

from typing import Any

from libs.common.api import wellknown
from libs.common.api.meta import Template
from libs.common.interpreter import typed
from libs.common.interpreter.kinds import workloads
from libs.common.interpreter.rules import Items, Known, Rules

API_VERSION, KIND = "apps/v1", "Deployment"
_SUMMED = ("replicas", "readyReplicas", "updatedReplicas", "availableReplicas", "unavailableReplicas")
_REPORT = typed.struct({**workloads.GENERATIONS, **workloads.counters(*_SUMMED, "observedGeneration")})
_STATUS = typed.struct(
    {
        **workloads.counters(*_SUMMED, "observedGeneration", "terminatingReplicas", "collisionCount"),
        "conditions": typed.each(typed.CONDITION),
    },
    kept=("terminatingReplicas", "collisionCount"),
)


def reflect(observed: Template) -> dict[str, Any] | None:
    return workloads.reflect(observed, _REPORT) or None


def aggregate(template: Template, items: Items, known: Known) -> dict[str, Any] | None:
    return workloads.aggregate(template, items, report=_REPORT, status=_STATUS, summed=_SUMMED)


def health(observed: Template) -> bool:
    status = workloads.present_status(observed, _STATUS)
    wanted = typed.at(observed, "spec", "replicas", form=typed.integer)
    updated = status.get("updatedReplicas", 0)
    return (
        workloads.observes(observed)
        and (wanted is None or updated >= wanted)
        and status.get("availableReplicas", 0) >= updated
    )


def retain(desired: Template, observed: Template) -> Template:
    """Keeps the member's replicas if the label says that something in the member scales it."""
    label = typed.at(desired, "metadata", "labels", wellknown.RETAIN_REPLICAS_LABEL, form=typed.anything)
    if label != wellknown.RETAIN_REPLICAS_VALUE:
        return desired
    count = typed.raw(observed, "spec", "replicas", form=typed.json_integer)
    if count is None:
        raise typed.InterpretError("spec.replicas: the member's object has none to retain")
    return typed.replaced(desired, count, "spec", "replicas")


RULES = Rules(
    replicas=workloads.replicas,
    revise=workloads.revise,
    retain=retain,
    reflect=reflect,
    aggregate=aggregate,
    health=health,
    dependencies=workloads.dependencies,
)

"""policy/v1 PodDisruptionBudget and autoscaling/v2 HorizontalPodAutoscaler."""

from typing import Any

from libs.common.api.meta import Template
from libs.common.interpreter import typed
from libs.common.interpreter.kinds import workloads
from libs.common.interpreter.rules import Items, Known, Rules

_BUDGET_COUNTERS = ("currentHealthy", "desiredHealthy", "disruptionsAllowed", "expectedPods")
_BUDGET = {**workloads.counters(*_BUDGET_COUNTERS), "disruptedPods": typed.mapping(typed.time)}
_BUDGET_ZEROS = dict.fromkeys(_BUDGET_COUNTERS, 0)
_BUDGET_REPORT = typed.struct(_BUDGET, always=_BUDGET_ZEROS)
_BUDGET_STATUS = typed.struct(
    {**_BUDGET, "observedGeneration": typed.integer, "conditions": typed.each(typed.CONDITION)}, always=_BUDGET_ZEROS
)


def reflect_budget(observed: Template) -> dict[str, Any]:
    status: dict[str, Any] = _BUDGET_REPORT(observed["status"], "status")
    return status


def aggregate_budget(template: Template, items: Items, known: Known) -> dict[str, Any] | None:
    reported = workloads.statuses(items, _BUDGET_REPORT)
    computed = {
        **workloads.sums([status for _, status in reported], _BUDGET_COUNTERS),
        "disruptedPods": {
            f"{item.cluster_name}/{pod}": since
            for item, status in reported
            for pod, since in status.get("disruptedPods", {}).items()
        },
    }
    status: dict[str, Any] = _BUDGET_STATUS(computed, "status")
    return status if status != workloads.present_status(template, _BUDGET_STATUS) else None


def budget_health(observed: Template) -> bool:
    status = workloads.present_status(observed, _BUDGET_STATUS)
    return bool(status.get("currentHealthy", 0) >= status.get("desiredHealthy", 0))


POD_DISRUPTION_BUDGET = Rules(reflect=reflect_budget, aggregate=aggregate_budget, health=budget_health)

_SCALER_COUNTERS = ("currentReplicas", "desiredReplicas")
_SCALER_ZEROS = {"desiredReplicas": 0, "currentMetrics": None}
_SCALER_REPORT = typed.struct(workloads.counters(*_SCALER_COUNTERS), always=_SCALER_ZEROS)
_SCALER_STATUS = typed.struct(
    {
        **workloads.counters(*_SCALER_COUNTERS, "observedGeneration"),
        "lastScaleTime": typed.time,
        "currentMetrics": typed.each(typed.anything),
        "conditions": typed.each(typed.CONDITION),
    },
    always=_SCALER_ZEROS,
)


def reflect_scaler(observed: Template) -> dict[str, Any]:
    status: dict[str, Any] = _SCALER_REPORT(observed["status"], "status")
    return status


def aggregate_scaler(template: Template, items: Items, known: Known) -> dict[str, Any] | None:
    reported = [status for _, status in workloads.statuses(items, _SCALER_REPORT)]
    computed = workloads.sums(reported, _SCALER_COUNTERS)
    present = workloads.present_status(template, _SCALER_STATUS)
    if not present and not any(computed.values()):
        return None
    status: dict[str, Any] = _SCALER_STATUS(computed, "status")
    return status if status != present else None


HORIZONTAL_POD_AUTOSCALER = Rules(reflect=reflect_scaler, aggregate=aggregate_scaler)

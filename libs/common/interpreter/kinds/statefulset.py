"""apps/v1 StatefulSet."""

from typing import Any

from libs.common.api.meta import Template
from libs.common.interpreter import podtemplate, typed
from libs.common.interpreter.kinds import workloads
from libs.common.interpreter.rules import DependentObject, Items, Known, Rules

API_VERSION, KIND = "apps/v1", "StatefulSet"
_SUMMED = ("availableReplicas", "currentReplicas", "readyReplicas", "replicas", "updatedReplicas")
_ALWAYS = {"replicas": 0, "availableReplicas": 0}
_REFLECTED = typed.struct({**workloads.GENERATIONS, **workloads.counters(*_SUMMED)}, always=_ALWAYS)
_REPORT = typed.struct({**workloads.GENERATIONS, **workloads.counters(*_SUMMED, "observedGeneration")})
_STATUS = typed.struct(
    {
        **workloads.counters(*_SUMMED, "observedGeneration", "collisionCount"),
        "currentRevision": typed.text,
        "updateRevision": typed.text,
        "conditions": typed.each(typed.CONDITION),
    },
    always=_ALWAYS,
    kept=("collisionCount",),
)


def reflect(observed: Template) -> dict[str, Any]:
    """As Karmada, without observedGeneration: `observes` tells what is missing."""
    return workloads.reflect(observed, _REFLECTED)


def aggregate(template: Template, items: Items, known: Known) -> dict[str, Any] | None:
    reported = workloads.statuses(items, _REPORT)
    present = workloads.present_status(template, _STATUS)
    if known.behind is None:
        current = sum(workloads.is_current(status, status.get("generation", 0)) for _, status in reported)
    else:
        current = sum(item.cluster_name not in known.behind and _is_rolled_out(template, s) for item, s in reported)
    computed = {
        **workloads.sums([status for _, status in reported], _SUMMED),
        "observedGeneration": workloads.observed_generation(template, present, current, len(items)),
    }
    return workloads.merged(present, computed, _STATUS)


def _is_rolled_out(template: Template, status: dict[str, Any]) -> bool:
    """Whether a member has the template's generation, and no pod of an older one unless the strategy leaves some.

    The hub's status names no revisions, so `kubectl rollout status` ends as soon as the generation is observed.
    """
    if status.get("resourceTemplateGeneration", 0) < workloads.generation(template):
        return False
    strategy = typed.at(template, "spec", "updateStrategy", "type", form=typed.text)
    partition = typed.at(template, "spec", "updateStrategy", "rollingUpdate", "partition", form=typed.integer)
    return strategy == "OnDelete" or bool(partition) or status.get("updatedReplicas", 0) >= status.get("replicas", 0)


def health(observed: Template) -> bool:
    status = workloads.present_status(observed, _STATUS)
    wanted = typed.at(observed, "spec", "replicas", form=typed.integer)
    updated = status.get("updatedReplicas", 0)
    return (
        workloads.observes(observed)
        and (wanted is None or updated >= wanted)
        and status.get("availableReplicas", 0) >= updated
    )


def dependencies(template: Template) -> list[DependentObject]:
    """As any workload, less the claims that the StatefulSet makes itself."""
    spec = typed.at(template, "spec", form=typed.mapping(typed.anything)) or {}
    made = {
        typed.at(claim, "metadata", "name", form=typed.text)
        for claim in podtemplate.objects(spec, "volumeClaimTemplates")
    }
    return [d for d in workloads.dependencies(template) if d.kind != "PersistentVolumeClaim" or d.name not in made]


RULES = Rules(
    replicas=workloads.replicas,
    revise=workloads.revise,
    reflect=reflect,
    aggregate=aggregate,
    health=health,
    dependencies=dependencies,
)

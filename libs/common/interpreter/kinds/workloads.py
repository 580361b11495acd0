"""What Deployment, ReplicaSet, StatefulSet and DaemonSet share: replicas, generations and summed counters."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from libs.common.api import wellknown
from libs.common.api.meta import Template
from libs.common.api.work import AggregatedStatusItem, ReplicaRequirements
from libs.common.interpreter import podtemplate, typed
from libs.common.interpreter.rules import DependentObject, Items

GENERATIONS = {"generation": typed.integer, "resourceTemplateGeneration": typed.integer}
"""What reflected statuses carry beside the member's own fields, to tell whether they speak of the present template."""


def counters(*names: str) -> dict[str, typed.Form]:
    return {name: typed.integer for name in names}


def pod_spec(obj: Template, *path: str) -> dict[str, Any]:
    """The pod spec of the template at `path` (`spec.template` unless told otherwise); empty if absent."""
    spec: dict[str, Any] | None = typed.at(
        obj, *(path or ("spec", "template")), "spec", form=typed.mapping(typed.anything)
    )
    return spec or {}


def namespace(obj: Template) -> str:
    return typed.at(obj, "metadata", "namespace", form=typed.text) or ""


def generation(obj: Template) -> int:
    return typed.at(obj, "metadata", "generation", form=typed.integer) or 0


def replicas(template: Template) -> tuple[int, ReplicaRequirements | None]:
    """`spec.replicas`, and what one needs."""
    count = typed.at(template, "spec", "replicas", form=typed.integer) or 0
    return count, podtemplate.requirements(pod_spec(template))


def revise(template: Template, count: int) -> Template:
    """Sets `spec.replicas` if the field is there."""
    return revise_field(template, count, "spec", "replicas")


def revise_field(template: Template, count: int, *path: str) -> Template:
    if typed.raw(template, *path, form=typed.json_integer) is None:
        return template
    return typed.replaced(template, count, *path)


def dependencies(template: Template) -> list[DependentObject]:
    return podtemplate.dependencies(pod_spec(template), namespace(template))


def reflect(observed: Template, form: typed.Form) -> dict[str, Any]:
    """The member's status in `form`, with the generation of the member object and of the template it came from.

    Raises:
        InterpretError: the object does not say which generation of the template it carries.
    """
    annotation = typed.at(
        observed, "metadata", "annotations", wellknown.TEMPLATE_GENERATION_ANNOTATION, form=typed.text
    )
    try:
        template_generation = int(annotation or "")
    except ValueError as error:
        raise typed.InterpretError(
            f"annotation {wellknown.TEMPLATE_GENERATION_ANNOTATION}: expected an integer, got {annotation!r}"
        ) from error
    generations = {"generation": generation(observed), "resourceTemplateGeneration": template_generation}
    reported: dict[str, Any] = form({**observed["status"], **generations}, "status")
    return reported


def statuses(items: Items, form: typed.Form) -> list[tuple[AggregatedStatusItem, dict[str, Any]]]:
    """The items that have a status, with it in `form`."""
    return [(item, form(item.status, f"status of {item.cluster_name}")) for item in items if item.status is not None]


def aggregate(
    template: Template, items: Items, *, report: typed.Form, status: typed.Form, summed: Collection[str]
) -> dict[str, Any] | None:
    """The template's status with the members' counters summed; None if that changes nothing.

    Args:
        report: the form of a member's reflected status.
        status: the form of the template's own.
        summed: the counters that are added up.
    """
    reported = [found for _, found in statuses(items, report)]
    present = present_status(template, status)
    current = sum(is_current(found, generation(template)) for found in reported)
    computed = {
        **sums(reported, summed),
        "observedGeneration": observed_generation(template, present, current, len(items)),
    }
    return merged(present, computed, status)


def sums(reported: Sequence[Mapping[str, Any]], names: Collection[str]) -> dict[str, int]:
    return {name: sum(status.get(name, 0) for status in reported) for name in names}


def is_current(status: Mapping[str, int], template_generation: int) -> bool:
    """Whether a member's controllers have seen the object, and it carries this generation of the template."""
    return (
        status.get("observedGeneration", 0) >= status.get("generation", 0)
        and status.get("resourceTemplateGeneration", 0) >= template_generation
    )


def observed_generation(template: Template, present: Mapping[str, Any], current: int, of: int) -> int:
    """The hub's own generation once all members have it; until then what the status says now."""
    kept: int = present.get("observedGeneration", 0)
    return generation(template) if current == of else kept


def merged(present: Mapping[str, Any], computed: Mapping[str, int], form: typed.Form) -> dict[str, Any] | None:
    """The present status with what was computed; None if that changes nothing. Zeros are absent, as Go prints them."""
    if all(present.get(name, 0) == value for name, value in computed.items()):
        return None
    status: dict[str, Any] = form({**present, **computed}, "status")
    return status


def present_status(template: Template, form: typed.Form) -> dict[str, Any]:
    status: dict[str, Any] | None = typed.at(template, "status", form=form)
    return status if status is not None else {}


def observes(obj: Template) -> bool:
    """Whether the controllers have seen the object as it is."""
    seen = typed.at(obj, "status", "observedGeneration", form=typed.integer) or 0
    return bool(seen == generation(obj))

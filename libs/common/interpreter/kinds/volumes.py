"""v1 PersistentVolume and PersistentVolumeClaim."""

from typing import Any

from libs.common.api.meta import Template
from libs.common.interpreter import typed
from libs.common.interpreter.kinds import workloads
from libs.common.interpreter.rules import Items, Known, Rules

_STATUS = typed.struct({"phase": typed.text})
_VOLUME_PHASES = ("Failed", "Pending", "Available", "Bound", "Released")


def retain_claim(desired: Template, observed: Template) -> Template:
    """Keeps the volume that the member bound."""
    volume = typed.raw(observed, "spec", "volumeName", form=typed.text)
    return typed.replaced(desired, volume, "spec", "volumeName") if volume else desired


def retain_volume(desired: Template, observed: Template) -> Template:
    """Keeps the claim that the member bound."""
    spec = typed.raw(observed, "spec", form=typed.mapping(typed.anything)) or {}
    return typed.replaced(desired, spec["claimRef"], "spec", "claimRef") if "claimRef" in spec else desired


def aggregate_claim(template: Template, items: Items, known: Known) -> dict[str, Any] | None:
    """Bound if all are; Lost if one is; else the last phase that is not Bound."""
    result = "Bound"
    for _, status in workloads.statuses(items, _STATUS):
        phase = status.get("phase", "")
        if phase == "Lost":
            result = phase
            break
        if phase != "Bound":
            result = phase
    return _changed(template, result)


def aggregate_volume(template: Template, items: Items, known: Known) -> dict[str, Any] | None:
    """The first phase of a fixed order that any member has."""
    phases = {status.get("phase", "") for _, status in workloads.statuses(items, _STATUS)}
    if any(item.status is None for item in items):
        phases.add("Pending")
    return _changed(template, next((phase for phase in _VOLUME_PHASES if phase in phases), ""))


def _changed(template: Template, phase: str) -> dict[str, Any] | None:
    status = {"phase": phase} if phase else {}
    return status if status != (template.get("status") or {}) else None


def claim_health(observed: Template) -> bool:
    return bool(typed.at(observed, "status", "phase", form=typed.text) == "Bound")


PERSISTENT_VOLUME = Rules(retain=retain_volume, aggregate=aggregate_volume)
PERSISTENT_VOLUME_CLAIM = Rules(retain=retain_claim, aggregate=aggregate_claim, health=claim_health)

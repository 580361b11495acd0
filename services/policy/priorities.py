"""Scheduling priorities of policies: the value of the PriorityClass that a policy names, read when it is applied."""

from typing import Final

import msgspec

from libs.common.api.policy import PropagationPolicy
from libs.common.api.work import BindingSchedulePriority
from libs.common.errors import Retry
from libs.common.kube.client import Client
from libs.common.kube.errors import NotFound
from libs.common.kube.resources import ObjectKey, Resource

PRIORITY_CLASSES: Final = Resource(
    group="scheduling.k8s.io", version="v1", kind="PriorityClass", plural="priorityclasses", namespaced=False
)


class _PriorityClass(msgspec.Struct, frozen=True):
    value: int = 0


async def priority_of(api: Client, policy: PropagationPolicy) -> BindingSchedulePriority | None:
    """The priority that a policy gives; None if it names none. Raises Retry while the PriorityClass is not there."""
    wanted = policy.spec.schedule_priority
    if wanted is None:
        return None
    try:
        body = await api.get(PRIORITY_CLASSES, ObjectKey("", wanted.priority_class_name))
    except NotFound as error:
        raise Retry(f"policy {policy.metadata.name}: {error}") from error
    return BindingSchedulePriority(priority=msgspec.json.decode(body, type=_PriorityClass).value)

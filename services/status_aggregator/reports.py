"""Events for people: what a member refused, and statuses that could not be aggregated."""

from collections.abc import Iterable
from typing import Final

from libs.common.api import wellknown
from libs.common.api.work import ObjectReference
from libs.common.kube.events import Recorder
from libs.common.messages import Order, Origin, Outcome, TemplateRef, WorkStatus

_BINDINGS: Final = (wellknown.RESOURCE_BINDING, wellknown.CLUSTER_RESOURCE_BINDING)


class Reports:
    """Records each refusal once: as long as a member goes on to say the same, nothing new is told."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._told: dict[tuple[str, str], tuple[Order, str]] = {}

    async def refusals(self, statuses: Iterable[WorkStatus]) -> None:
        """Tells of works that members refused, on the template and on the binding, in the member's own words."""
        for status in statuses:
            about = (status.origin.uid, status.cluster)
            if status.applied is not False:
                self._told.pop(about, None)
            elif self._told.get(about) != (status.order, status.message):
                self._told[about] = (status.order, status.message)
                name = "/".join(part for part in (status.object_namespace, status.object_name) if part)
                where = f"resource({name}) in member cluster({status.cluster})"
                message = f"Failed to create or update {where}: {status.message}"
                await self._warn(status.origin, status.template, "SyncFailed", message)

    def forget(self, statuses: Iterable[WorkStatus]) -> None:
        """Forgets what was told of works that are no more."""
        for status in statuses:
            self._told.pop((status.origin.uid, status.cluster), None)

    async def aggregate_failed(self, outcome: Outcome, why: str) -> None:
        """Tells that the status of a template cannot be made, or is refused by the hub."""
        await self._warn(outcome.origin, outcome.template, "AggregateStatusFailed", why)

    async def _warn(self, origin: Origin, template: TemplateRef, reason: str, message: str) -> None:
        await self._recorder.record(
            ObjectReference(
                api_version=template.api_version,
                kind=template.kind,
                namespace=template.namespace,
                name=template.name,
                uid=template.uid,
            ),
            "Warning",
            reason,
            message,
        )
        if origin.kind in _BINDINGS:
            binding = ObjectReference(
                api_version=wellknown.WORK_API,
                kind=origin.kind,
                namespace=origin.namespace,
                name=origin.name,
                uid=origin.uid,
            )
            await self._recorder.record(binding, "Warning", reason, message)

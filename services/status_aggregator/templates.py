"""The status of templates: what a user sees of `kubectl get deploy` on the hub."""

from typing import Any

import msgspec
import structlog

from libs.common import telemetry
from libs.common.difference import merge_patch
from libs.common.errors import Retry
from libs.common.interpreter import registry
from libs.common.interpreter.typed import InterpretError
from libs.common.kube import errors
from libs.common.kube.resources import ObjectKey
from libs.common.messages import Outcome, TemplateRef
from services.status_aggregator import metrics
from services.status_aggregator.core.aggregate import View
from services.status_aggregator.hub import MANAGER, Hub
from services.status_aggregator.reports import Reports

log = structlog.get_logger(__name__)


class Templates:
    """Writes what members report into the status subresource of the object that they come from."""

    def __init__(self, hub: Hub, reports: Reports) -> None:
        self._hub = hub
        self._reports = reports

    async def write(self, outcome: Outcome, seen: View, traceparent: str, now: str) -> None:
        """Brings a template's status to what its members say; writes nothing if that is what it says already."""
        reference = outcome.template
        if not registry.enabled("AggregateStatus", reference.api_version, reference.kind):
            return
        resource = await self._hub.kind(reference.api_version, reference.kind)
        if resource is None:
            raise Retry(f"the hub does not serve {reference.api_version} {reference.kind}")
        key = ObjectKey(reference.namespace, reference.name)
        try:
            template: dict[str, Any] = msgspec.json.decode(await self._hub.api.get(resource, key))
        except errors.NotFound:
            return
        body = self._change(template, reference, seen, now)
        if isinstance(body, InterpretError):
            await self._reports.aggregate_failed(outcome, str(body))
        elif body is not None:
            try:
                with telemetry.span(f"PATCH {resource.plural}/status", parent=traceparent, kind="client"):
                    await self._hub.api.patch(resource, key, body, subresource="status", manager=MANAGER)
                metrics.WRITES.labels("template").inc()
            except errors.NotFound:
                log.debug("template has gone", kind=reference.kind, name=reference.name)
            except errors.Invalid as error:
                await self._reports.aggregate_failed(outcome, str(error))

    def _change(
        self, template: dict[str, Any], reference: TemplateRef, seen: View, now: str
    ) -> dict[str, Any] | InterpretError | None:
        """The merge patch for the status; None if there is nothing to write."""
        if template["metadata"].get("uid") != reference.uid:
            return None
        try:
            status = registry.aggregate_status(template, seen.template_items, behind=seen.behind, now=now)
        except InterpretError as error:
            return error
        present = template.get("status") or {}
        if status is None or status == present:
            return None
        return {"metadata": {"uid": reference.uid}, "status": merge_patch(present, status)}

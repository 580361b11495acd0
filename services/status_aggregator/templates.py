"""The status of templates: what a user sees of `kubectl get deploy` on the hub."""

from typing import Any, Final

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

_ATTEMPTS: Final = 4
"""How often a status is made again at once because the template changed meanwhile."""


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
        for _ in range(_ATTEMPTS):
            try:
                template: dict[str, Any] = msgspec.json.decode(await self._hub.api.get(resource, key))
                body = self._change(template, reference, seen, now)
                if body is not None:
                    with telemetry.span(f"PATCH {resource.plural}/status", parent=traceparent, kind="client"):
                        await self._hub.api.patch(resource, key, body, subresource="status", manager=MANAGER)
                    metrics.WRITES.labels("template").inc()
                return
            except errors.NotFound:
                log.debug("template has gone", kind=reference.kind, name=reference.name)
                return
            except errors.Conflict:
                # the object has changed since it was read, perhaps by who leads now
                continue
            except (InterpretError, errors.Invalid) as error:
                await self._reports.aggregate_failed(outcome, str(error))
                return
        raise Retry(f"{reference.kind} {reference.name} changes faster than its status can be written")

    def _change(self, template: dict[str, Any], reference: TemplateRef, seen: View, now: str) -> dict[str, Any] | None:
        """The merge patch for the status as it was read; None if there is nothing to write. Raises InterpretError."""
        if template["metadata"].get("uid") != reference.uid:
            return None
        status = registry.aggregate_status(template, seen.template_items, behind=seen.behind, now=now)
        present = template.get("status") or {}
        if status is None or status == present:
            return None
        read = {"uid": reference.uid, "resourceVersion": template["metadata"]["resourceVersion"]}
        return {"metadata": read, "status": merge_patch(present, status)}

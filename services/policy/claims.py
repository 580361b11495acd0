"""Claims on templates: labels and annotations that say which policy a template belongs to.

They are written beside the scheduling, not before it: nothing waits for them. A claim goes in one merge patch that
names the object's uid and touches no other key, so it neither loses nor repeats what the user writes meanwhile.
"""

from typing import Any

import structlog

from libs.common.kube.client import MERGE, Client
from libs.common.kube.errors import Conflict, Invalid, NotFound
from libs.common.kube.resources import ObjectKey
from libs.common.reconcile import DONE, Outcome, Queue
from services.policy import metrics
from services.policy.bindings import MANAGER
from services.policy.core import matching
from services.policy.core.matching import Release
from services.policy.core.template import Template, TemplateKey
from services.policy.view import View

log = structlog.get_logger(__name__)


class Claims:
    def __init__(self, api: Client, view: View) -> None:
        self._api = api
        self._view = view
        self.queue: Queue[TemplateKey] = Queue()

    def check(self, template: Template, decision: matching.Decision) -> None:
        """Has the template's claim written if it does not stand as decided."""
        if any(matching.unclaimed(template.metadata, decision)):
            self.queue.add(template.key)

    async def __call__(self, key: TemplateKey) -> Outcome:
        """Brings one template's claim to what is decided now."""
        template = self._view.templates.get(key)
        resource = self._view.templates.resource((key.group, key.kind))
        if template is None or resource is None:
            return DONE
        origin = self._view.origins.of(key)
        decision = self._view.decide(template, self._view.hub.binding(origin) if origin is not None else None)
        labels, notes = matching.unclaimed(template.metadata, decision)
        if not labels and not notes:
            return DONE
        patch: dict[str, Any] = {"metadata": {"uid": template.metadata.uid}}
        if labels:
            patch["metadata"]["labels"] = labels
        if notes:
            patch["metadata"]["annotations"] = notes
        try:
            body = await self._api.patch(
                resource, ObjectKey(key.namespace, key.name), patch, content_type=MERGE, manager=MANAGER
            )
        except (NotFound, Conflict) as error:
            log.debug("template went away before it was claimed", key=key, error=str(error))
            return DONE
        except Invalid as error:
            # a uid that differs is refused as an immutable field: another object stands there, and its own event comes
            if any(c.field == "metadata.uid" for c in error.details.causes or ()):
                return DONE
            raise
        metrics.CLAIMS.labels("release" if isinstance(decision, Release) else "claim").inc()
        self._view.templates.observe(key, body)
        return DONE

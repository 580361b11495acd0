"""Sends the works of one binding: renders what each member gets, compares with what stands, publishes the difference.

Only what the hub already says is sent: a binding comes here as it stands there.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import structlog

from libs.common.api import wellknown
from libs.common.api.meta import Template as Body
from libs.common.api.work import ResourceBinding
from libs.common.errors import Retry
from libs.common.messages import TemplateRef
from libs.common.names import OriginKey
from services.policy.core import dispatch, leaving, outcome, overrides, render
from services.policy.core.dispatch import Desired, Publication
from services.policy.core.leaving import Leaving
from services.policy.core.orders import Orders
from services.policy.core.render import Rendered
from services.policy.notices import Notices
from services.policy.rollback import Rollback
from services.policy.view import Fleet, View

log = structlog.get_logger(__name__)


class Sent(NamedTuple):
    """What sending left to be done."""

    strays: list[str]
    """Clusters with works that nothing on the hub explains."""
    left: dict[str, Leaving]
    """What is still being left."""
    purges: list[dispatch.Purge]
    """Tombstones that are done with, to be taken away once the hub does not name them any more."""


class Sending:
    def __init__(self, view: View, orders: Orders, notices: Notices, rollback: Rollback) -> None:
        self._rollback = rollback
        self._view = view
        self._orders = orders
        self._notices = notices

    async def binding(
        self,
        key: OriginKey,
        binding: ResourceBinding,
        template: TemplateRef,
        body: Body | None,
        *,
        frozen: bool,
        traceparent: str,
    ) -> Sent:
        """Brings the works of a binding, and what the status-aggregator knows of it, to what it says.

        Args:
            body: the template, with its claim; None when it is gone and leaves its works behind.
            frozen: no policy decides about it now, so that works that stand are left as they are; what is in doubt is
                sent once more as it is.
        """
        fleet, standing = self._view.fleet(), self._view.works.standing(key)
        gone = self._view.works.gone(key)
        chosen = [c for c in render.targets(binding) if c in fleet.clusters]
        staying = [c for c in chosen if fleet.clusters[c].metadata.deletion_timestamp is None]
        held = frozenset(c for c in staying if frozen and c in standing and standing[c].op == "apply")
        missing = [c for c in staying if c not in held]
        targets, failed = self._render(binding, body, missing, fleet) if body is not None else ({}, {})
        notes = binding.metadata.annotations or {}
        left = leaving.cleared(leaving.parse(notes.get(wellknown.LEAVING_ANNOTATION)), gone, fleet.uids)
        desired = Desired(
            hub_uid=self._view.hub.uid,
            origin=render.origin_of(binding),
            template=template,
            targets=targets,
            leaving=leaving.parse(notes.get(wellknown.LEAVING_ANNOTATION)),
            uids=fleet.uids,
            preserve=bool(binding.spec.preserve_resources_on_deletion),
            held=frozenset(chosen) - targets.keys(),
        )
        plan = dispatch.plan(desired, standing, gone)
        doubted = [await self._view.works.anew(key, c) for c in held if standing[c].doubted]
        await self.publish(key, [*plan.publications, *(p for p in doubted if p is not None)], traceparent=traceparent)
        await self._tell(key, binding, template, staying, failed, traceparent=traceparent)
        for cluster, error in failed.items():
            self._notices.override_failed(key, template, cluster, error)
        return Sent(strays=plan.strays, left=left, purges=plan.purges)

    async def publish(self, key: OriginKey, publications: Sequence[Publication], *, traceparent: str) -> None:
        """Publishes works, all clusters at once.

        Raises Retry while removals are stopped; then only what orders none away has gone out.
        """
        harmless = [p for p in publications if not dispatch.removes(p.work)]
        if len(harmless) < len(publications):
            try:
                await self._rollback.check("removal", key)
            except Retry:
                await self._publish(key, harmless, traceparent=traceparent)
                raise
        await self._publish(key, publications, traceparent=traceparent)

    async def _publish(self, key: OriginKey, publications: Sequence[Publication], *, traceparent: str) -> None:
        works = self._view.works
        if len(publications) == 1:
            await works.publish(key, publications[0], traceparent=traceparent)
        elif publications:
            async with asyncio.TaskGroup() as tasks:
                for publication in publications:
                    tasks.create_task(
                        works.publish(key, publication, traceparent=traceparent),
                        name=f"work for {publication.cluster}",
                    )

    def _render(
        self, binding: ResourceBinding, body: Body, clusters: list[str], fleet: Fleet
    ) -> tuple[dict[str, Rendered], dict[str, str]]:
        policies = self._view.hub.overrides_for(binding.metadata.namespace)
        rendered: dict[str, Rendered] = {}
        failed: dict[str, str] = {}
        for name in clusters:
            try:
                rendered[name] = render.render(body, binding, fleet.clusters[name], policies)
            except overrides.OverrideError as error:
                failed[name] = str(error)
        return rendered, failed

    async def _tell(
        self,
        key: OriginKey,
        binding: ResourceBinding,
        template: TemplateRef,
        targets: list[str],
        failures: Mapping[str, str],
        *,
        traceparent: str,
    ) -> None:
        message = outcome.outcome(
            self._view.hub.uid,
            binding,
            template,
            targets=targets,
            standing=self._view.works.standing(key),
            uids=self._view.fleet().uids,
            failures=failures,
            order=self._orders.next(),
        )
        await self._view.outcomes.tell(key, message, traceparent=traceparent)

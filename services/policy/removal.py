"""Takes things away: bindings whose template is gone, works of bindings that are deleted, works that nothing explains.

An order to remove is given only on the hub's word, read live where a watch might be behind; and not at all while the
hub looks as if it had been put back to an earlier copy.
"""

import asyncio
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Final

import msgspec
import structlog

from libs.common import names, telemetry
from libs.common.api import wellknown
from libs.common.api.work import ResourceBinding
from libs.common.errors import Retry
from libs.common.messages import InventoryItem, Origin, TemplateRef
from libs.common.names import OriginKey
from libs.common.reconcile import DONE, After, Outcome
from services.policy import metrics
from services.policy.core import binding as bindings
from services.policy.core import departures, dispatch, divergence, leaving, render, retreat
from services.policy.core.keys import with_changes
from services.policy.core.leaving import Leaving
from services.policy.effects import Effects
from services.policy.rollback import Rollback
from services.policy.sending import Sent
from services.policy.view import View, reference_of

log = structlog.get_logger(__name__)

_WAVE: Final = timedelta(seconds=1)
"""For how long the word of members that are gone is collected."""


class Removal:
    def __init__(self, view: View, effects: Effects, rollback: Rollback, again: Callable[[OriginKey], None]) -> None:
        self._again = again
        self._view = view
        self._do = effects
        self._rollback = rollback
        self._waves: dict[OriginKey, float] = {}

    # ---- a binding that is being deleted ----

    async def binding(self, key: OriginKey, binding: ResourceBinding) -> Outcome:
        """Leaves every cluster, and lets the binding go when all have reported so."""
        standing = self._view.works.standing(key)
        if not standing and self._view.origins.template(key) is None:
            return await self._ignored(key, binding)
        notes = binding.metadata.annotations or {}
        named = {*render.targets(binding), *leaving.parse(notes.get(wellknown.LEAVING_ANNOTATION)), *standing}
        left = self._remaining(key, named)
        if left:
            await self._retreat(
                key,
                render.origin_of(binding),
                reference_of(binding.spec.resource),
                left,
                preserve=bool(binding.spec.preserve_resources_on_deletion),
            )
            return DONE
        await self._do.bindings.let_go(key, binding)
        await self._view.works.purge_all(key)
        await self._view.outcomes.withdraw(key)
        self._do.notices.deleted(key, binding)
        self._forget(key)
        self._again(key)
        return DONE

    async def _ignored(self, key: OriginKey, binding: ResourceBinding) -> Outcome:
        """A binding beside the one that stands for its template: no member has anything of it."""
        if bindings.finalizer(key.namespace) in (binding.metadata.finalizers or ()):
            await self._do.bindings.let_go(key, binding)
        return DONE

    async def renew(self, key: OriginKey, binding: ResourceBinding) -> Outcome:
        """A binding that a hand deleted is made anew as it was: members are not to notice."""
        if bindings.finalizer(key.namespace) not in (binding.metadata.finalizers or ()):
            return DONE
        log.info("a binding was deleted that is still wanted", key=key)
        await self._do.bindings.let_go(key, binding)
        if self._view.hub.binding(key) is None:
            await self._do.bindings.write(key, bindings.anew(binding), None)
        self._again(key)
        return DONE

    async def abandoned(self, key: OriginKey, binding: ResourceBinding) -> Outcome:
        """A binding without a template. If the hub confirms that there is none, the binding goes too."""
        wanted = self._view.origins.template(key)
        if wanted is None:
            message = f"the binding {key.name} is not the one that stands for it, so it is left alone"
            self._do.notices.warn(reference_of(binding.spec.resource), "BindingIgnored", message)
            return DONE
        if not self._view.absence_counts(wanted):
            return DONE
        live = await self._view.templates.live(wanted)
        if live is not None:
            raise Retry("the template is there, but the watch has not shown it yet")
        now = await self._do.bindings.live(key)
        if now is not None and not bindings.is_owned(now):
            await self._orphaned(key, now)
            return DONE
        await self._rollback.check("template gone", key)
        await self._do.bindings.delete(key, binding)
        return DONE

    async def _orphaned(self, key: OriginKey, binding: ResourceBinding) -> None:
        """A template that was deleted with `--cascade=orphan` leaves behind what runs, as in Karmada."""
        fleet = self._view.fleet()
        wanted = departures.released_from_departed(binding, fleet.clusters, fleet.uids, self._do.orders.next())
        stands = await self._do.bindings.write(key, wanted, binding)
        template = reference_of(binding.spec.resource)
        trace = telemetry.root(names.deletion_trace_id(template.uid))
        sent = await self._do.sending.binding(key, stands, template, None, frozen=True, traceparent=trace)
        await self.clear(key, stands, sent)

    # ---- works without a binding ----

    async def leftovers(self, key: OriginKey) -> Outcome:
        """An origin that should not be anywhere."""
        standing = self._view.works.standing(key)
        if not standing:
            await self.purge(key)
            self._forget(key)
            return DONE
        if await self._do.bindings.live(key) is not None:
            raise Retry("the binding is there, but the watch has not shown it yet")
        metrics.REPAIRS.labels("leftover").inc()
        await self._origin_gone(key)
        return DONE

    async def namespace_gone(self, key: OriginKey, name: str) -> None:
        """A Namespace that the hub has no more: if it confirms that, its copies go."""
        if await self._view.hub.live_namespace(name) is not None:
            raise Retry("the namespace is there, but the watch has not shown it yet")
        await self._origin_gone(key)

    async def _origin_gone(self, key: OriginKey) -> None:
        """Leaves every cluster, on behalf of an origin that the hub has not any more."""
        standing = self._view.works.standing(key)
        left = self._remaining(key, standing)
        if not left:
            await self.purge(key)
            self._forget(key)
            return
        newest = max(standing.values(), key=lambda work: work.order)
        await self._retreat(key, newest.origin, newest.template, left, preserve=False)

    # ---- clusters that a binding has left ----

    async def clear(self, key: OriginKey, binding: ResourceBinding, sent: Sent) -> Outcome:
        """Writes down which clusters have reported gone, and then takes away what is done with.

        The last of a wave is written at once, the others together a while after the first, so that the number of
        writes does not grow with the number of members.
        """
        left, notes = sent.left, binding.metadata.annotations or {}
        if sent.strays:
            left = {**left, **await self._strays(key, binding, sent.strays)}
        text = leaving.render(left)
        if notes.get(wellknown.LEAVING_ANNOTATION) != text:
            pause = self._pause(key) if left and not sent.strays else 0.0
            if pause > 0:
                return After(timedelta(seconds=pause))
            changed = with_changes(notes, {wellknown.LEAVING_ANNOTATION: text})
            wanted = msgspec.structs.replace(
                binding, metadata=msgspec.structs.replace(binding.metadata, annotations=changed)
            )
            await self._do.bindings.write(key, wanted, binding)
            self._again(key)
        self._waves.pop(key, None)
        for purge in sent.purges:
            await self._view.works.purge(key, purge.cluster, purge.seq)
        return DONE

    def _pause(self, key: OriginKey) -> float:
        """How many seconds the reports of a wave are still collected before they are written down."""
        now = asyncio.get_running_loop().time()
        return self._waves.setdefault(key, now) + _WAVE.total_seconds() - now

    async def _strays(self, key: OriginKey, binding: ResourceBinding, strays: Iterable[str]) -> dict[str, Leaving]:
        """Works of clusters that the binding does not name; they leave if the hub's own word confirms that."""
        live = await self._do.bindings.live(key)
        if live is None or live.metadata.resource_version != binding.metadata.resource_version:
            raise Retry("the binding has changed, and the watch has not shown it yet")
        await self._rollback.check("stray", key)
        standing, fleet = self._view.works.standing(key), self._view.fleet()
        kept = fleet.kept
        metrics.REPAIRS.labels("stray").inc()
        return {
            # since now: a stream that was put back may hold an old report with an order above that old work's
            c: Leaving(
                uid=standing[c].cluster_uid,
                order=self._do.orders.next(),
                keep=standing[c].preserve or c in kept,
            )
            for c in strays
            if fleet.uids.get(c) == standing[c].cluster_uid
        }

    # ---- objects that nobody wants ----

    async def orphan(self, key: OriginKey, cluster: str, cluster_uid: str, item: InventoryItem) -> None:
        """An object in a member that no work explains. It goes only if the hub's own word refutes it."""
        if await self._is_wanted(key, cluster, item):
            return
        metrics.REPAIRS.labels("orphan").inc()
        standing = self._view.works.standing(key).get(cluster)
        if standing is not None:
            # the subject is in use: the order to remove goes with the work that stands there
            self._view.works.add_removal(key, cluster, divergence.removal_of(item))
            return
        work = divergence.tombstone(self._view.hub.uid, cluster, cluster_uid, item)
        publication = dispatch.Publication(cluster=cluster, work=work, expected_seq=0)
        trace = telemetry.root(names.deletion_trace_id(item.template_uid))
        await self._do.sending.publish(key, [publication], traceparent=trace)

    async def _is_wanted(self, key: OriginKey, cluster: str, item: InventoryItem) -> bool:
        """Whether the hub, read live, says that the object belongs where it is."""
        if item.origin.kind == "Namespace":
            live = await self._view.hub.live_namespace(item.origin.name)
            return live is not None and self._view.excluded.synced_namespace(live.metadata)
        binding = await self._do.bindings.live(key)
        if binding is None or binding.metadata.uid != item.origin.uid:
            return False
        left = leaving.parse((binding.metadata.annotations or {}).get(wellknown.LEAVING_ANNOTATION))
        names_it = cluster in render.targets(binding) or cluster in left
        return names_it and item.template_uid == binding.spec.resource.uid

    # ---- how ----

    def _remaining(self, key: OriginKey, named: Iterable[str]) -> dict[str, Leaving]:
        fleet = self._view.fleet()
        return retreat.remaining(
            named,
            self._view.works.standing(key),
            self._view.works.gone(key),
            uids=fleet.uids,
            dead=self._view.forsaken.names,
            kept=fleet.kept,
            order=self._do.orders.next(),
        )

    async def _retreat(
        self, key: OriginKey, origin: Origin, template: TemplateRef, left: dict[str, Leaving], *, preserve: bool
    ) -> None:
        works = self._view.works
        wanted = retreat.desired(
            self._view.hub.uid, origin, template, left, uids=self._view.fleet().uids, preserve=preserve
        )
        plan = dispatch.plan(wanted, works.standing(key), works.gone(key))
        await self._do.sending.publish(
            key, plan.publications, traceparent=telemetry.root(names.deletion_trace_id(template.uid))
        )

    async def purge(self, key: OriginKey) -> None:
        """Takes away all that the streams hold of an origin that is nowhere any more."""
        works = self._view.works
        for cluster, work in list(works.standing(key).items()):
            await works.purge(key, cluster, work.seq)
        await self._purge_reports(key)
        await self._view.outcomes.withdraw(key)

    def _forget(self, key: OriginKey) -> None:
        """Nothing of an origin is left anywhere."""
        self._do.forget(key)
        self._waves.pop(key, None)
        if self._view.template(key) is None:
            self._view.origins.forget(key)

    async def _purge_reports(self, key: OriginKey) -> None:
        for cluster, seq in self._view.works.leftovers(key).items():
            await self._view.works.purge_reports(key, cluster, seq)

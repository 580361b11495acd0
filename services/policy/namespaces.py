"""Copies the hub's Namespaces to every member, without any policy (Karmada's namespace-sync controller).

A Namespace decides for itself: the origin of such works is the Namespace. What leaves is read from the works that
stand, for nothing else remembers it.
"""

from libs.common import names, telemetry
from libs.common.messages import Origin
from libs.common.names import OriginKey
from libs.common.reconcile import DONE, Outcome
from services.policy.core import dispatch, overrides, render, retreat
from services.policy.core.dispatch import Desired
from services.policy.core.render import Rendered
from services.policy.core.template import Template
from services.policy.effects import Effects
from services.policy.removal import Removal
from services.policy.view import Fleet, View, reference

_PREFIX = names.namespace_origin("").name


def is_namespace(key: OriginKey) -> bool:
    """Whether an origin is a Namespace rather than a binding."""
    return not key.namespace and key.name.startswith(_PREFIX)


class Namespaces:
    def __init__(self, view: View, effects: Effects, removal: Removal) -> None:
        self._view = view
        self._do = effects
        self._removal = removal

    async def __call__(self, key: OriginKey) -> Outcome:
        """Brings the copies of one Namespace to what the hub says."""
        name = key.name.removeprefix(_PREFIX)
        namespace, standing = self._view.hub.namespace(name), self._view.works.standing(key)
        if namespace is None:
            return await self._gone(key, name)
        if not self._view.excluded.synced_namespace(namespace.metadata) and not standing:
            return DONE
        fleet, gone = self._view.fleet(), self._view.works.gone(key)
        frozen = not self._synced(namespace)
        staying = [c for c, cluster in fleet.clusters.items() if cluster.metadata.deletion_timestamp is None]
        targets, failed = self._render(namespace, [] if frozen else staying, fleet)
        left = retreat.remaining(
            [c for c in standing if c not in staying],
            standing,
            gone,
            uids=fleet.uids,
            dead=self._view.forsaken.names,
            kept=fleet.kept,
            order=self._do.orders.next(),
        )
        wanted = Desired(
            hub_uid=self._view.hub.uid,
            origin=_origin(name, namespace.metadata.uid),
            template=reference(namespace),
            targets=targets,
            leaving=left,
            uids=fleet.uids,
            held=frozenset(failed) | frozenset(staying if frozen else ()),
        )
        plan = dispatch.plan(wanted, standing, gone)
        await self._do.sending.publish(key, plan.publications, traceparent=telemetry.root(namespace.trace_id))
        for cluster, error in failed.items():
            self._do.notices.override_failed(key, reference(namespace), cluster, error)
        await self._tidy(key, plan, fleet)
        return DONE

    def _synced(self, namespace: Template) -> bool:
        return namespace.metadata.deletion_timestamp is None and self._view.excluded.synced_namespace(
            namespace.metadata
        )

    def _render(
        self, namespace: Template, clusters: list[str], fleet: Fleet
    ) -> tuple[dict[str, Rendered], dict[str, str]]:
        policies, body = self._view.hub.overrides_for(""), namespace.body()
        rendered: dict[str, Rendered] = {}
        failed: dict[str, str] = {}
        for name in clusters:
            try:
                rendered[name] = render.render_namespace(body, fleet.clusters[name], policies)
            except overrides.OverrideError as error:
                failed[name] = str(error)
        return rendered, failed

    async def _tidy(self, key: OriginKey, plan: dispatch.Plan, fleet: Fleet) -> None:
        """Takes away tombstones that are done with, and works for clusters that do not exist any more."""
        works = self._view.works
        for purge in plan.purges:
            await works.purge(key, purge.cluster, purge.seq)
        dead = self._view.forsaken.names
        for cluster in plan.strays:
            before = works.standing(key).get(cluster)
            if before is not None and (fleet.uids.get(cluster) != before.cluster_uid or cluster in dead):
                await works.purge(key, cluster, before.seq)

    async def _gone(self, key: OriginKey, name: str) -> Outcome:
        if not self._view.works.standing(key):
            return await self._removal.leftovers(key)
        await self._removal.namespace_gone(key, name)
        return DONE


def _origin(name: str, uid: str) -> Origin:
    return Origin(kind="Namespace", name=name, uid=uid)

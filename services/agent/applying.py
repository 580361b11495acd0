"""Makes one object in the member what a work says: reads what stands there, decides (`core.plan`), and does it."""

import asyncio
from datetime import timedelta
from typing import Final

import msgspec
import structlog

from libs.common import errors
from libs.common.api.meta import Template
from libs.common.interpreter import registry
from libs.common.kube.errors import AlreadyExists, Conflict, NotFound
from libs.common.kube.resources import ObjectKey, Resource
from libs.common.messages import Work
from libs.common.names import OriginKey
from libs.common.reconcile import DONE, After, Outcome
from services.agent.core import actions, identity, plan, rivals
from services.agent.core.identity import Identity
from services.agent.core.status import Result
from services.agent.core.table import Table
from services.agent.kinds import Kinds
from services.agent.member import Member
from services.agent.progress import Progress, settlement
from services.agent.statuses import Statuses
from services.agent.watches import Watches, managed

log = structlog.get_logger()

_ATTEMPTS: Final = 6
"""How often a decision is made again at once because the object changed under it."""
WAIT: Final = After(timedelta(seconds=2))
"""Until the member is asked again about what is on its way out; the watch usually tells earlier."""
_AGAIN: Final = After(timedelta(0))
_REFUSED: Final = After(timedelta(seconds=30))

_decode = msgspec.json.Decoder(dict).decode


class Applier:
    """The applying half of one agent."""

    def __init__(
        self, me: Identity, member: Member, kinds: Kinds, watches: Watches, table: Table, statuses: Statuses
    ) -> None:
        self._me = me
        self._member = member
        self._kinds = kinds
        self._watches = watches
        self._table = table
        self._statuses = statuses

    def is_settled(self, work: Work, progress: Progress) -> bool:
        """Whether the object is known to be as the work says, with nothing left to remove."""
        if work.op == "delete" or work.suspended or progress.live or len(plan.removals(work)) > len(progress.gone):
            return False
        resource = self._kinds.find(work.api_version, work.kind)
        if resource is None:
            return False
        seen = self._watches.seen(resource, object_key(resource, work.namespace, work.name))
        return seen is not None and progress.is_settled(work, seen.resource_version)

    async def apply(self, key: OriginKey, work: Work, progress: Progress, resource: Resource) -> Outcome:
        """Raises KubeError, and Retry when the object changes faster than it can be written."""
        place = object_key(resource, work.namespace, work.name)
        manifest: Template = _decode(work.manifest)
        others = rivals.strangers(work, self._table.others(key, identity.target(work)))
        live, last = progress.live, errors.Retry()
        for _ in range(_ATTEMPTS):
            observed = await self._member.observed(resource, place, live=live)
            action = plan.apply(
                work, manifest, observed, self._me, retain=registry.retain, prune=registry.prune, others=others
            )
            progress.writing = identity.target(work)
            try:
                return await self._perform(key, work, progress, resource, place, action, observed)
            except (AlreadyExists, Conflict, NotFound) as error:
                # it changed between the look and the write; but a create that finds nothing misses its namespace
                if isinstance(error, NotFound) and not isinstance(action, actions.Replace):
                    raise
                live, last = True, errors.Retry(str(error))
            finally:
                progress.writing = None
        raise last

    async def _perform(
        self,
        key: OriginKey,
        work: Work,
        progress: Progress,
        resource: Resource,
        place: ObjectKey,
        action: actions.Action,
        observed: Template | None,
    ) -> Outcome:
        again = False
        match action:
            case actions.Create(body=body):
                again = self._wrote(key, work, resource, place, await self._member.create(resource, place, body))
            case actions.Replace(body=body):
                again = self._wrote(key, work, resource, place, await self._member.replace(resource, place, body))
            case actions.Keep():
                progress.version, progress.settled = _version(observed), settlement(work)
            case actions.Wait(reason=reason):
                self._statuses.found(key, work, Result(order=work.order, applied=False, message=reason))
                progress.live = True
                return WAIT
            case actions.Refuse(message=message):
                self._statuses.found(key, work, Result(order=work.order, applied=False, message=message))
                progress.live = False
                return _REFUSED
            case _:
                message = f"{work.kind} {work.name} in the cluster {self._me.cluster} was written on a later order"
                log.info("work is older than its object", cluster=self._me.cluster, origin=key)
                self._statuses.found(key, work, Result(order=work.order, applied=False, message=message))
                progress.live = False
                return DONE
        progress.live = False
        self._statuses.found(key, work, Result(order=work.order, applied=True))
        return _AGAIN if again else DONE

    def _wrote(self, key: OriginKey, work: Work, resource: Resource, place: ObjectKey, answer: bytes) -> bool:
        """Notes what was written; whether the watch has already shown a later state, which nobody has looked at."""
        progress, seen = self._statuses.progress(key), managed(answer)
        progress.version, progress.settled = seen.resource_version, settlement(work)
        if registry.enabled("InterpretReplica", work.api_version, work.kind):
            self._statuses.tried(key, work, asyncio.get_running_loop().time())
        informer = self._watches.informer(resource)
        if informer is None or not informer.synced.is_set():
            return False
        informer.observe(answer)
        shown = informer.cache.get(place)
        return shown is None or shown.resource_version != seen.resource_version


def object_key(resource: Resource, namespace: str, name: str) -> ObjectKey:
    """Where an object is, given whether its kind has namespaces."""
    return ObjectKey(namespace if resource.namespaced else "", name)


def _version(observed: Template | None) -> str:
    return str((observed or {"metadata": {}})["metadata"].get("resourceVersion", ""))

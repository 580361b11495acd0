"""Carries out what a work orders away, and knows what of it is still there."""

import asyncio
from typing import Final

from libs.common.api.meta import Template
from libs.common.kube.errors import Conflict, KubeError, NotFound
from libs.common.kube.resources import ObjectKey, Resource
from libs.common.messages import Removal, Work
from libs.common.names import OriginKey
from services.agent.core import actions, contents, identity, ownership, plan
from services.agent.core.identity import Identity, ObjectName
from services.agent.core.table import Table
from services.agent.kinds import Kinds, NoMatch
from services.agent.member import Member
from services.agent.progress import Progress
from services.agent.watches import Watches

_ATTEMPTS: Final = 6


class Removals:
    """The removing half of one agent."""

    def __init__(
        self, me: Identity, member: Member, kinds: Kinds, watches: Watches, table: Table, caught_up: asyncio.Event
    ) -> None:
        self._me = me
        self._member = member
        self._kinds = kinds
        self._watches = watches
        self._table = table
        self._caught_up = caught_up

    def watched(self, work: Work, progress: Progress) -> list[Resource]:
        """The kinds of what is not gone yet."""
        pending = [r for r in plan.removals(work) if r not in progress.gone]
        return [k for r in pending if (k := self._kinds.find(r.api_version, r.kind)) is not None]

    async def carry_out(self, key: OriginKey, work: Work, progress: Progress) -> dict[ObjectName, str]:
        """Orders away what is not gone yet; returns what is still there, and why.

        Raises KubeError, and NoMatch where nobody can say whether a kind exists.
        """
        pending: dict[ObjectName, str] = {}
        for removal in plan.removals(work):
            if removal in progress.gone:
                continue
            reason = await self._one(key, work, removal, progress)
            if reason:
                pending[plan.removed(removal)] = reason
            else:
                progress.gone = [*progress.gone, removal]
        return pending

    async def _one(self, key: OriginKey, work: Work, removal: Removal, progress: Progress) -> str:
        resource = await self._resource(removal)
        if resource is None:
            return ""
        self._watches.hold(key, {resource, *self.watched(work, progress)})
        place = ObjectKey(removal.namespace if resource.namespaced else "", removal.name)
        name, live = plan.removed(removal), progress.live
        own = name == identity.target(work) and work.op == "delete"
        last: KubeError | None = None
        for _ in range(_ATTEMPTS):
            observed = await self._member.observed(resource, place, live=live)
            action = plan.remove(
                removal,
                work,
                observed,
                self._me,
                preserve=own and work.preserve_on_deletion,
                contents=await self._contents(resource, name, removal, observed),
                claimed=bool(self._table.others(key, name)),
            )
            progress.writing = name
            try:
                return await self._perform(resource, place, action, progress)
            except (Conflict, NotFound) as error:
                live, last = True, error
            finally:
                progress.writing = None
        assert last is not None
        raise last

    async def _perform(self, resource: Resource, place: ObjectKey, action: actions.Action, progress: Progress) -> str:
        match action:
            case actions.Delete():
                if await self._member.delete(resource, place, action):
                    return ""
                progress.writing = None  # from here on the watch tells
                if self._watches.seen(resource, place) is None and await self._member.observed(resource, place) is None:
                    return ""
                return f"{resource.kind} {place.name} is being deleted"
            case actions.Release(body=body):
                await self._member.release(resource, place, body)
                progress.released = True
                return ""
            case actions.Wait(reason=reason):
                return reason
            case actions.Stale():
                return f"{resource.kind} {place.name} was written on a later order"
            case _:
                return ""

    async def _resource(self, removal: Removal) -> Resource | None:
        """None if the member is known not to have the kind, nor therefore the object."""
        found = self._kinds.find(removal.api_version, removal.kind)
        if found is not None:
            return found
        await self._kinds.read()
        found = self._kinds.find(removal.api_version, removal.kind)
        if found is None and self._kinds.failures:
            raise NoMatch(removal.api_version, removal.kind)
        return found

    async def _contents(
        self, resource: Resource, name: ObjectName, removal: Removal, observed: Template | None
    ) -> plan.Contents:
        """What a removal would take along. Asked only where it would be deleted."""
        if observed is None or not ownership.is_container(name):
            return plan.EMPTY
        marks = identity.marks_of(observed)
        if marks.owner != self._me.owner or marks.template_uid != removal.template_uid or marks.deleting:
            return plan.EMPTY
        # works that have not been read yet may ask for what is inside
        await self._caught_up.wait()
        wanted = self._table.wanted_in(name, contents.served(observed) if name.kind != "Namespace" else ())
        unmanaged = await self._member.contents(resource, observed) if not wanted and marks.created else ()
        return plan.Contents(wanted=wanted, unmanaged=unmanaged)

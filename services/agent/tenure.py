"""The Lease in the member: of two agents for one cluster only one acts and speaks."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

import structlog

from libs.common.api import wellknown
from libs.common.kube import holder, lease
from libs.common.kube.client import Client
from libs.common.kube.errors import AlreadyExists, KubeError
from libs.common.kube.lease import Term
from libs.common.kube.resources import NAMESPACES, ObjectKey
from services.agent.core.identity import Identity

log = structlog.get_logger()

_PAUSE: Final = timedelta(seconds=1)
_NAMESPACE: Final = {
    "apiVersion": "v1",
    "kind": "Namespace",
    "metadata": {"name": wellknown.CLUSTER_NAMESPACE, "labels": {wellknown.SYSTEM_LABEL: "true"}},
}


def lease_key(me: Identity) -> ObjectKey:
    """Where an agent's Lease stands in its member."""
    return ObjectKey(wellknown.CLUSTER_NAMESPACE, f"argosy-agent-{me.owner[:16]}")


class Tenure:
    """Whether this agent is the one. Agents of other hubs, or of other registrations, have Leases of their own."""

    def __init__(self, api: Client, me: Identity, duration: timedelta, host: str) -> None:
        self._api = api
        self._key = lease_key(me)
        self._duration = duration
        self._identity = holder.identity(host)
        self.holds = False
        self._lost = asyncio.Event()

    async def run(self, serve: Callable[[], Awaitable[None]]) -> None:
        """Runs `serve` while the Lease is held, again and again, for ever."""

        async def term(_: Term) -> None:
            self.holds = True
            try:
                await serve()
            finally:
                self.holds = False
                self._lost.set()

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep_namespace(), name="namespace of the lease")
            while True:
                await lease.lead(
                    self._api,
                    self._key,
                    self._identity,
                    term,
                    duration=self._duration,
                    deadline=self._duration * 2 / 3,
                    retry=self._duration * 2 / 15,
                )

    async def _keep_namespace(self) -> None:
        """Makes the Namespace that the Lease is in, whenever the Lease is not held and that may be why."""
        while True:
            self._lost.clear()
            pause = self._duration
            try:
                if not self.holds:
                    await self._api.create(NAMESPACES, _NAMESPACE)
            except AlreadyExists:
                log.debug("namespace for the lease is there", server=self._api.origin)
            except KubeError as error:
                log.debug("namespace for the lease not made", server=self._api.origin, error=str(error))
                pause = _PAUSE
            try:
                async with asyncio.timeout(pause.total_seconds()):
                    await self._lost.wait()
            except TimeoutError:
                continue

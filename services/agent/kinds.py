"""Which kinds the member serves, read from its discovery, and read again when something asks for an unknown one."""

import asyncio
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Final

import structlog

from libs.common.api.cluster import APIEnablement, APIResource
from libs.common.kube import discovery
from libs.common.kube.client import Client
from libs.common.kube.errors import KubeError
from libs.common.kube.resources import Resource

log = structlog.get_logger()

_UNKNOWN_PAUSE: Final = timedelta(seconds=1)
"""Between two readings of discovery that were asked for by works of unknown kinds."""


class NoMatch(Exception):
    """The member does not serve the kind; in the words of Kubernetes' own clients."""

    def __init__(self, api_version: str, kind: str) -> None:
        super().__init__(f'no matches for kind "{kind}" in version "{api_version}"')


class Kinds:
    """The member's discovery. `on_change` is called when the kinds have changed."""

    def __init__(self, api: Client, on_change: Callable[[], None]) -> None:
        self._api = api
        self._on_change = on_change
        self._kinds: dict[tuple[str, str], Resource] = {}
        self._reading = asyncio.Lock()
        self._read_at = float("-inf")
        """When the last reading that came to an end had begun."""
        self.wanted = asyncio.Event()
        """Set by whoever thinks that the member's kinds may have changed: they are read again soon."""
        self.failures: list[str] = []
        """What discovery could not tell: kinds of these groups may exist all the same."""
        self.known = False

    def find(self, api_version: str, kind: str) -> Resource | None:
        return self._kinds.get((api_version, kind))

    def all(self) -> Iterable[Resource]:
        return self._kinds.values()

    async def resource(self, api_version: str, kind: str) -> Resource:
        """The resource of a kind. Raises NoMatch, or KubeError when discovery cannot be read."""
        found = self.find(api_version, kind)
        if found is None:
            await self._read_since(asyncio.get_running_loop().time() - _UNKNOWN_PAUSE.total_seconds())
            found = self.find(api_version, kind)
        if found is None:
            raise NoMatch(api_version, kind)
        return found

    def enablements(self) -> list[APIEnablement]:
        """The kinds as `Cluster.status.apiEnablements` lists them."""
        groups: dict[str, list[APIResource]] = {}
        for resource in self._kinds.values():
            groups.setdefault(resource.api_version, []).append(APIResource(name=resource.plural, kind=resource.kind))
        return [
            APIEnablement(group_version=version, resources=sorted(found, key=lambda r: r.name))
            for version, found in sorted(groups.items())
        ]

    async def follow(self, interval: timedelta) -> None:
        """Reads discovery at once, at `interval`, and when it is `wanted`, for ever."""
        while True:
            self.wanted.clear()
            try:
                await self.read()
            except KubeError as error:
                log.debug("discovery cannot be read", server=self._api.origin, error=str(error))
            try:
                async with asyncio.timeout(interval.total_seconds()):
                    await self.wanted.wait()
            except TimeoutError:
                continue

    async def read(self) -> None:
        """Has discovery read by a reading that begins after this call; callers at the same time share one.

        Raises KubeError.
        """
        await self._read_since(asyncio.get_running_loop().time())

    async def _read_since(self, moment: float) -> None:
        async with self._reading:
            if self.known and self._read_at > moment:
                return
            began = asyncio.get_running_loop().time()
            served = await discovery.discover(self._api)
            self._read_at = began
            kinds = {(r.api_version, r.kind): r for r in served.resources}
            changed = not self.known or kinds != self._kinds
            self._kinds, self.known = kinds, True
            self.failures = [f"{group}: {reason}" for group, reason in sorted(served.failed.items())]
        if changed:
            self._on_change()

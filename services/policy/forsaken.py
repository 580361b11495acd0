"""Members that are to leave and do not answer any more: nobody waits for their word.

That is judged by two witnesses: the Cluster's condition Ready, which the status-aggregator writes, must not be True for
a while, and no agent may have reached the member meanwhile. A member that answers again is waited for again.
"""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Final

from libs.common.api.cluster import Cluster
from services.policy.core import retreat

_LISTENING: Final = timedelta(seconds=5)
"""Who has only begun to listen may not have heard yet who answers: agents beat every two seconds."""


class Forsaken:
    """`patience` is how long a member that is to leave may be unready and silent."""

    def __init__(self, patience: timedelta) -> None:
        self._patience = patience
        self._answered: dict[str, float] = {}
        self._begun = asyncio.get_running_loop().time()
        self.names: frozenset[str] = frozenset()

    def answered(self, cluster: str) -> None:
        """An agent has reached the member just now."""
        self._answered[cluster] = asyncio.get_running_loop().time()

    def judge(self, name: str, cluster: Cluster | None) -> bool:
        """Judges one cluster anew; whether that changed anything."""
        if cluster is None:
            self._answered.pop(name, None)
        names = self.names - {name} if cluster is None or self._answers(cluster) else self.names | {name}
        changed, self.names = names != self.names, names
        return changed

    def _answers(self, cluster: Cluster) -> bool:
        now, patience = asyncio.get_running_loop().time(), self._patience.total_seconds()
        heard = self._answered.get(cluster.metadata.name, float("-inf"))
        if now < heard + patience or now < self._begun + min(patience, _LISTENING.total_seconds()):
            return True
        return not retreat.is_forsaken(cluster, datetime.now(UTC) - self._patience)

"""The last act of a hosted agent: what was there for its own sake goes from the member."""

from datetime import timedelta
from typing import Final

import structlog

from libs.common.kube.client import Client
from libs.common.kube.credentials import Credentials
from libs.common.kube.errors import KubeError
from libs.common.kube.resources import CLUSTER_ROLES, LEASES, ObjectKey
from services.agent import tenure
from services.agent.core.identity import Identity

log = structlog.get_logger()

_LIMIT: Final = timedelta(seconds=5)


async def bid(me: Identity, credentials: Credentials, account: str) -> None:
    """Takes the agent's Lease away, and then its account: the ClusterRole that all the rest belongs to.

    Args:
        account: "" if it is not known; then it stays, as it does where the agent may not take it away.
    """
    try:
        async with Client(credentials, user_agent="argosy-agent", limit=_LIMIT) as api:
            await api.delete(LEASES, tenure.lease_key(me))
            if account:
                await api.delete(CLUSTER_ROLES, ObjectKey("", account))
    except KubeError as error:
        log.warning("the agent's own objects stay in the member", cluster=me.cluster, account=account, error=str(error))

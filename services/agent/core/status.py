"""What an agent says of one work: whether it was applied, and what the member object says of itself."""

from collections.abc import Callable
from typing import Any, TypeAlias

import msgspec

from libs.common.api.meta import Template
from libs.common.api.work import Health
from libs.common.messages import Order, Work, WorkStatus
from services.agent.core.identity import Identity

Reflect: TypeAlias = Callable[[Template], tuple[Any, Health]]
"""Takes an object and returns what to report of its status, None for nothing, and its health."""

_NOTHING = msgspec.Raw(b"null")
_UNKNOWN: Health = "Unknown"


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What came of the last attempt at a work of that order."""

    order: Order
    applied: bool | None = None
    """None: not tried, because dispatching is suspended."""
    message: str = ""


def report(work: Work, me: Identity, result: Result, observed: Template | None, reflect: Reflect) -> WorkStatus:
    """The status of a work, without a time. What was not applied has no status: what stands there is not of it."""
    status, health = _NOTHING, _UNKNOWN
    if observed is not None and result.applied is not False:
        reflected, health = reflect(observed)
        if reflected is not None:
            status = msgspec.Raw(msgspec.json.encode(reflected))
    return WorkStatus(
        hub_uid=me.hub_uid,
        cluster=me.cluster,
        cluster_uid=me.cluster_uid,
        origin=work.origin,
        template=work.template,
        order=result.order,
        api_version=work.api_version,
        kind=work.kind,
        object_namespace=work.namespace,
        object_name=work.name,
        applied=result.applied,
        message=result.message,
        status=status,
        health=health,
    )

"""What an agent says of one work: whether it was applied, and what the member object says of itself."""

from collections.abc import Callable
from typing import Any, TypeAlias

import msgspec

from libs.common.api.meta import Template
from libs.common.api.work import Health
from libs.common.messages import Order, Work, WorkStatus
from services.agent.core.identity import Identity


class Reflected(msgspec.Struct, frozen=True, kw_only=True):
    """What the interpreter reads off a member object."""

    status: Any = None
    """What to report of its status; None for nothing."""
    health: Health = "Unknown"
    behind: bool = False
    """Whether the member's controllers have not seen the object as it is."""


Reflect: TypeAlias = Callable[[Template], Reflected]

_NOTHING = msgspec.Raw(b"null")


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What came of the last attempt at a work of that order."""

    order: Order
    applied: bool | None = None
    """None: not tried, because dispatching was suspended before anything was applied."""
    message: str = ""


def report(work: Work, me: Identity, result: Result, observed: Template | None, reflect: Reflect) -> WorkStatus:
    """The status of a work, without a time. What was not applied has no status: what stands there is not of it."""
    seen = reflect(observed) if observed is not None and result.applied is not False else Reflected()
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
        status=msgspec.Raw(msgspec.json.encode(seen.status)) if seen.status is not None else _NOTHING,
        health=seen.health,
        behind=seen.behind,
    )

"""Messages that read as sentences."""

from typing import Any

import msgspec

from libs.common.api.meta import Condition
from libs.common.messages import Order, Origin, Outcome, TemplateRef, WorkStatus

HUB = "hub-uid"
ORIGIN = Origin(kind="ResourceBinding", namespace="default", name="nginx-deployment", uid="binding-uid")
TEMPLATE = TemplateRef(
    api_version="apps/v1", kind="Deployment", namespace="default", name="nginx", uid="template-uid", generation=1
)
SCHEDULED = Condition(
    type="Scheduled", status="True", reason="Success", message="Binding has been scheduled successfully."
)
NOW = "2026-08-01T12:00:00Z"


def order(seq: int, epoch: int = 1) -> Order:
    return Order(epoch=epoch, seq=seq)


def outcome(seq: int = 1, **expected: int) -> Outcome:
    """Policy's word of that order: each named cluster has a work of the order given with it."""
    return Outcome(
        hub_uid=HUB,
        origin=ORIGIN,
        template=TEMPLATE,
        order=order(seq),
        expected={cluster: order(at) for cluster, at in expected.items()},
        clusters={cluster: f"{cluster}-uid" for cluster in expected},
        scheduled=SCHEDULED,
        scheduler_observed_generation=2,
        last_scheduled_time=NOW,
    )


def status(cluster: str, seq: int = 1, *, reflected: Any = None, **changes: Any) -> WorkStatus:
    """A member that says it has applied the work of that order."""
    said = WorkStatus(
        hub_uid=HUB,
        cluster=cluster,
        cluster_uid=f"{cluster}-uid",
        origin=ORIGIN,
        template=TEMPLATE,
        order=order(seq),
        applied=True,
        health="Healthy",
        status=msgspec.Raw(msgspec.json.encode(reflected)),
    )
    return msgspec.structs.replace(said, **changes)

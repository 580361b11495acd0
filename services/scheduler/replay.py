"""Recorded questions, decided anew: `python -m services.scheduler.replay [--check] FILE` (see `libs.common.replay`).

A case holds `clusters` (Cluster objects), `spec` and `status` of a ResourceBinding; `want` is the recorded answer:
`result` [{name, replicas}], or `error`, with `unfit` {cluster: reason} where none fits.
"""

import msgspec

from libs.common import replay
from libs.common.api import selectors
from libs.common.api.cluster import Cluster, ClusterStatus
from libs.common.api.meta import ApiStruct
from libs.common.api.work import BindingSpec, BindingStatus
from libs.common.messages import BindingRequest, ClusterEntry, Order, Placed, TemplateRef
from services.scheduler.core import schedule


class Target(ApiStruct, frozen=True, kw_only=True):
    """A cluster of the wanted answer."""

    name: str
    replicas: int = 0


class Want(ApiStruct, frozen=True, kw_only=True):
    """The wanted answer."""

    result: list[Target] | None = None
    error: str = ""
    unfit: dict[str, str] | None = None


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """A recorded question."""

    id: str
    tags: list[str] = []
    clusters: list[msgspec.Raw]
    spec: BindingSpec
    status: BindingStatus = BindingStatus()
    want: Want = Want()


def answer(case: Case) -> Placed:
    """What the scheduler decides today."""
    spec, status = case.spec, case.status
    request = BindingRequest(
        hub_uid="hub",
        namespace=spec.resource.namespace,
        name=f"{spec.resource.name}-{spec.resource.kind}".lower(),
        template=TemplateRef(
            api_version=spec.resource.api_version,
            kind=spec.resource.kind,
            namespace=spec.resource.namespace,
            name=spec.resource.name,
            uid=spec.resource.uid,
        ),
        order=Order(),
        digest="",
        placement=spec.placement,
        replicas=spec.replicas,
        replica_requirements=spec.replica_requirements,
        components=spec.components,
        workload=spec.replicas > 0 or spec.replica_requirements is not None or bool(spec.components),
        clusters=spec.clusters or [],
        affinity_name=status.scheduler_observing_affinity_name,
        graceful_eviction_tasks=spec.graceful_eviction_tasks or [],
        reschedule_triggered_at=spec.reschedule_triggered_at,
        last_scheduled_time=status.last_scheduled_time,
    )
    return schedule.decide(request, [entry(_cluster(raw)) for raw in case.clusters])


def _cluster(raw: msgspec.Raw) -> Cluster:
    """Recorded clusters may say no syncMode; scheduling does not look at it."""
    found = msgspec.json.decode(raw)
    found["spec"]["syncMode"] = found["spec"].get("syncMode") or "Push"
    return msgspec.convert(found, Cluster)


def entry(cluster: Cluster) -> ClusterEntry:
    """A row of the cluster table, made of a Cluster object."""
    seen, status = selectors.facts(cluster), cluster.status or ClusterStatus()
    return ClusterEntry(
        name=seen.name,
        uid=cluster.metadata.uid,
        labels=dict(seen.labels),
        provider=seen.provider,
        region=seen.region,
        zones=list(seen.zones),
        taints=cluster.spec.taints or [],
        deleting=cluster.metadata.deletion_timestamp is not None,
        api_enablements={e.group_version: [r.kind for r in e.resources or ()] for e in status.api_enablements or ()},
        resource_summary=status.resource_summary,
        resource_models=cluster.spec.resource_models or [],
    )


def difference(case: Case, got: Placed) -> str:
    """How an answer differs from the wanted one; empty if it does not."""
    want = case.want
    if want.error:
        if got.failure is None:
            return f"placed {_targets(got)}, wanted {want.error!r}"
        reasons = {v.cluster: v.reason for v in got.explanation.clusters if v.reason}
        return "" if want.unfit is None or want.unfit == reasons else f"reasons {reasons}, wanted {want.unfit}"
    if got.failure is not None:
        return f"failed with {got.message!r}, wanted {_wanted(want)}"
    return "" if _targets(got) == _wanted(want) else f"placed {_targets(got)}, wanted {_wanted(want)}"


def _targets(placed: Placed) -> dict[str, int]:
    return {c.name: c.replicas for c in placed.clusters}


def _wanted(want: Want) -> dict[str, int]:
    return {c.name: c.replicas for c in want.result or ()}


if __name__ == "__main__":
    replay.main(Case, answer, difference)

"""What there is to tell of one object: the decision on it, the reasons, and where its works stand."""

import asyncio
from typing import Any, Literal, NamedTuple

import msgspec

from libs.cli import connect, kinds
from libs.common import bus, messages, names
from libs.common.api import wellknown
from libs.common.api.cluster import Cluster
from libs.common.api.meta import Template
from libs.common.api.work import AggregatedStatusItem, ResourceBinding
from libs.common.kube import resources
from libs.common.kube.client import Client
from libs.common.kube.errors import NotFound
from libs.common.kube.resources import ObjectKey
from libs.common.names import OriginKey

_OWN_GROUPS = (".karmada.io",)
WorkState = Literal["none", "published", "applied", "failed", "suspended", "leaving"]


class Standing(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One cluster: the verdict on it, and where its work stands."""

    cluster: str
    chosen: bool = False
    replicas: int = 0
    reason: str = ""
    """The first reason against it; empty for a chosen cluster."""
    steps: list[messages.StepVerdict] = []
    work: WorkState = "none"
    message: str = ""
    """The member's own words where applying failed."""
    health: str = ""


class Explained(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What `-o json` prints."""

    kind: str
    namespace: str
    name: str
    policy: str = ""
    """`<namespace>/<name>` of the policy that has claimed it, or the name of a cluster-wide one."""
    binding: str = ""
    scheduled: bool = False
    summary: str = ""
    clusters: list[Standing] = []
    notes: list[str] = []
    trace_id: str = ""


class _Work(NamedTuple):
    """Where the work of one cluster stands, and the member's own words where it failed."""

    state: WorkState
    message: str = ""
    health: str = ""


async def explain(hub: Client, on_bus: bus.Bus, template: Template) -> Explained:
    """All there is to tell of the template now."""
    if template["apiVersion"] == wellknown.WORK_API and "resource" in template.get("spec", {}):
        template = await _template_of(hub, msgspec.convert(template, ResourceBinding))
    if template["apiVersion"].partition("/")[0].endswith(_OWN_GROUPS):
        return _about(template, summary="it is Argosy's own, not a template: it goes to no member")
    binding = await _binding(hub, template)
    if binding is not None:
        return await _bound(hub, on_bus, template, binding)
    if (template["apiVersion"], template["kind"]) == ("v1", "Namespace"):
        return await _namespace(hub, on_bus, template)
    return _unbound(template)


async def _binding(hub: Client, template: Template) -> ResourceBinding | None:
    """The template's binding: by its usual name, or by the one it has when that was taken."""
    metadata = template["metadata"]
    namespace = metadata.get("namespace", "")
    kind = resources.RESOURCE_BINDINGS if namespace else resources.CLUSTER_RESOURCE_BINDINGS
    for name in (
        names.binding_name(template["kind"], metadata["name"]),
        names.hashed_binding_name(template["apiVersion"], template["kind"], metadata["name"]),
    ):
        try:
            body = await hub.get(kind, ObjectKey(namespace, name))
        except NotFound:
            continue
        binding = msgspec.json.decode(body, type=ResourceBinding)
        if binding.spec.resource.uid == metadata["uid"]:
            return binding
    return None


def _unbound(template: Template) -> Explained:
    claim = _claim(template["metadata"])
    summary = (
        f"policy {claim} has claimed it, but no binding is there yet"
        if claim
        else "no policy selects it, so it goes to no member"
    )
    return _about(template, summary=summary)


async def _bound(hub: Client, on_bus: bus.Bus, template: Template, binding: ResourceBinding) -> Explained:
    key = OriginKey(binding.metadata.namespace, binding.metadata.name)
    told = await _explanation(on_bus, binding, key)
    notes = binding.metadata.annotations or {}
    leaving, unjoined = (
        set(msgspec.json.decode(notes.get(each) or "{}"))
        for each in (wellknown.LEAVING_ANNOTATION, wellknown.UNJOINED_ANNOTATION)
    )
    items = {i.cluster_name: i for i in (binding.status.aggregated_status or ())} if binding.status else {}
    verdicts = {v.cluster: v for v in told.clusters}
    chosen = {c.name: c.replicas for c in binding.spec.clusters or ()}
    works = await _works(on_bus, key, sorted(verdicts.keys() | chosen.keys() | leaving | unjoined))
    unready = {c.metadata.name: text for c in await connect.clusters(hub) if (text := _unready(c))}
    conditions = {c.type: c for c in (binding.status.conditions or ())} if binding.status else {}
    scheduled = conditions.get(wellknown.CONDITION_SCHEDULED)
    return _about(
        template,
        binding=binding.metadata.name,
        scheduled=scheduled is not None and scheduled.status == "True",
        summary=told.summary or (scheduled.message if scheduled is not None else "it has not been scheduled yet"),
        notes=told.notes,
        clusters=[
            _standing(
                c,
                verdicts.get(c),
                chosen.get(c),
                _Work("leaving") if c in leaving else work,
                items.get(c),
                unready.get(c, ""),
            )
            if c not in unjoined
            else Standing(cluster=c, reason="unjoined; its part is not placed elsewhere")
            for c, work in works.items()
        ],
    )


async def _explanation(on_bus: bus.Bus, binding: ResourceBinding, key: OriginKey) -> messages.Explanation:
    """The whole explanation from the last event; the short one on the binding when that event is no longer kept."""
    last = await on_bus.last_event(on_bus.subjects.event_binding(key))
    if last is not None and last.data:
        placed = msgspec.json.decode(last.data, type=messages.Placed)
        if placed.template_uid == binding.spec.resource.uid:
            return placed.explanation
    text = (binding.metadata.annotations or {}).get(wellknown.EXPLANATION_ANNOTATION)
    return msgspec.json.decode(text, type=messages.Explanation) if text else messages.Explanation()


async def _namespace(hub: Client, on_bus: bus.Bus, template: Template) -> Explained:
    """A Namespace goes to every member without a policy."""
    members = [c.metadata.name for c in await connect.clusters(hub)]
    works = await _works(on_bus, names.namespace_origin(template["metadata"]["name"]), members)
    synced = any(work.state != "none" for work in works.values())
    summary = "every member gets the hub's Namespaces" if synced else "it is not synced to the members"
    standings = [
        Standing(cluster=c, chosen=work.state != "none", work=work.state, message=work.message, health=work.health)
        for c, work in works.items()
    ]
    return _about(template, scheduled=synced, summary=summary, clusters=standings)


async def _works(on_bus: bus.Bus, key: OriginKey, clusters: list[str]) -> dict[str, _Work]:
    async with asyncio.TaskGroup() as tasks:
        asked = {c: tasks.create_task(_work(on_bus, c, key), name=c) for c in clusters}
    return {c: task.result() for c, task in asked.items()}


async def _work(on_bus: bus.Bus, cluster: str, key: OriginKey) -> _Work:
    work = await on_bus.last("WORKS", on_bus.subjects.work(cluster, key), messages.Work)
    if work is None or work.message.op == "delete":
        return _Work("none")
    if work.message.suspended:
        return _Work("suspended")
    status = await on_bus.last("STATUS", on_bus.subjects.status(cluster, key), messages.WorkStatus)
    if status is None or status.message.order < work.message.order:
        return _Work("published")
    told = status.message
    return _Work("applied" if told.applied else "failed", told.message, told.health)


def _standing(
    cluster: str,
    verdict: messages.ClusterVerdict | None,
    replicas: int | None,
    work: _Work,
    item: AggregatedStatusItem | None,
    unready: str,
) -> Standing:
    told = item or AggregatedStatusItem(cluster_name=cluster)
    return Standing(
        cluster=cluster,
        chosen=replicas is not None,
        replicas=replicas or 0,
        reason=verdict.reason if verdict is not None and replicas is None else "",
        steps=verdict.steps if verdict is not None else [],
        work=work.state,
        message=work.message or told.applied_message or unready,
        health=told.health or work.health,
    )


def _unready(cluster: Cluster) -> str:
    """Why nothing is to be expected of a cluster now; empty when it is ready."""
    conditions = (cluster.status.conditions or ()) if cluster.status is not None else ()
    ready = next((c for c in conditions if c.type == wellknown.CONDITION_READY), None)
    if ready is None or ready.status == "True":
        return ""
    return f"the cluster is not ready since {ready.last_transition_time}: {ready.message}"


async def _template_of(hub: Client, binding: ResourceBinding) -> Template:
    """The object that a binding is about. Raises NotFound when it is gone."""
    about = binding.spec.resource
    resource = await kinds.find(hub, f"{about.kind}.{about.api_version.rpartition('/')[0]}".rstrip("."))
    template: Template = msgspec.json.decode(await hub.get(resource, ObjectKey(about.namespace, about.name)))
    return template


def _about(template: Template, **rest: Any) -> Explained:
    metadata = template["metadata"]
    return Explained(
        kind=template["kind"],
        namespace=metadata.get("namespace", ""),
        name=metadata["name"],
        policy=_claim(metadata),
        trace_id=names.trace_id(template),
        **rest,
    )


def _claim(metadata: dict[str, Any]) -> str:
    notes = metadata.get("annotations") or {}
    if wellknown.POLICY_NAME_ANNOTATION in notes:
        return f"{notes.get(wellknown.POLICY_NAMESPACE_ANNOTATION, '')}/{notes[wellknown.POLICY_NAME_ANNOTATION]}"
    return str(notes.get(wellknown.CLUSTER_POLICY_NAME_ANNOTATION, ""))

"""`argosy explain`: why each cluster was chosen or not, and where its work stands."""

import asyncio
from typing import Any, Literal

import click
import msgspec
from rich.console import Console
from rich.table import Table

from libs.cli import connect, kinds
from libs.common import bus, messages, names
from libs.common.api import wellknown
from libs.common.api.meta import Template
from libs.common.api.work import AggregatedStatusItem, ResourceBinding
from libs.common.kube import resources
from libs.common.kube.client import Client
from libs.common.kube.errors import NotFound
from libs.common.kube.resources import ObjectKey
from libs.common.names import OriginKey

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


@click.command()
@click.argument("object", nargs=-1, required=True, metavar="KIND/NAME")
@click.option("-n", "--namespace", default="default", show_default=True)
@connect.output_option()
@connect.hub_option()
@connect.nats_option()
@connect.runs
async def explain(
    object: tuple[str, ...],
    namespace: str,
    output: str,
    kubeconfig: str | None,
    nats: str | None,
) -> None:
    """Says why each cluster was chosen or not, and where its work stands."""
    word, name = kinds.split(object)
    if not name:
        raise click.BadParameter("expected KIND/NAME")
    async with connect.hub(kubeconfig) as hub:
        resource = await kinds.find(hub, word)
        key = ObjectKey(namespace if resource.namespaced else "", name)
        template: Template = msgspec.json.decode(await hub.get(resource, key))
        binding = await _binding(hub, template)
    if binding is None:
        found = _unbound(template)
    else:
        async with connect.on_bus(nats) as on_bus:
            found = await _explained(on_bus, template, binding)
    click.echo(msgspec.json.encode(found).decode()) if output == "json" else _print(found)


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


async def _explained(on_bus: bus.Bus, template: Template, binding: ResourceBinding) -> Explained:
    key = OriginKey(binding.metadata.namespace, binding.metadata.name)
    told = await _explanation(on_bus, binding, key)
    notes = binding.metadata.annotations or {}
    leaving = set(msgspec.json.decode(notes.get(wellknown.LEAVING_ANNOTATION) or "{}"))
    items = {i.cluster_name: i for i in (binding.status.aggregated_status or ())} if binding.status else {}
    verdicts = {v.cluster: v for v in told.clusters}
    chosen = {c.name: c.replicas for c in binding.spec.clusters or ()}
    clusters = sorted(verdicts.keys() | chosen.keys() | leaving)
    async with asyncio.TaskGroup() as tasks:
        works = {c: tasks.create_task(_work(on_bus, c, key, items.get(c), leaving), name=c) for c in clusters}
    conditions = {c.type: c for c in (binding.status.conditions or ())} if binding.status else {}
    scheduled = conditions.get(wellknown.CONDITION_SCHEDULED)
    return _about(
        template,
        binding=binding.metadata.name,
        scheduled=scheduled is not None and scheduled.status == "True",
        summary=told.summary or (scheduled.message if scheduled is not None else "it has not been scheduled yet"),
        notes=told.notes,
        clusters=[_standing(c, verdicts.get(c), chosen.get(c), works[c].result(), items.get(c)) for c in clusters],
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


async def _work(
    on_bus: bus.Bus, cluster: str, key: OriginKey, item: AggregatedStatusItem | None, leaving: set[str]
) -> WorkState:
    if cluster in leaving:
        return "leaving"
    work = await on_bus.last("WORKS", on_bus.subjects.work(cluster, key), messages.Work)
    if work is None or work.message.op == "delete":
        return "none"
    status = await on_bus.last("STATUS", on_bus.subjects.status(cluster, key), messages.WorkStatus)
    if work.message.suspended:
        return "suspended"
    if status is None or status.message.order < work.message.order:
        return "published"
    return "applied" if status.message.applied else "failed"


def _standing(
    cluster: str,
    verdict: messages.ClusterVerdict | None,
    replicas: int | None,
    work: WorkState,
    item: AggregatedStatusItem | None,
) -> Standing:
    return Standing(
        cluster=cluster,
        chosen=replicas is not None,
        replicas=replicas or 0,
        reason=verdict.reason if verdict is not None and replicas is None else "",
        steps=verdict.steps if verdict is not None else [],
        work=work,
        message=item.applied_message if item is not None else "",
        health=item.health if item is not None else "",
    )


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


def _print(found: Explained) -> None:
    where = f"{found.namespace}/{found.name}" if found.namespace else found.name
    click.echo(f"{found.kind} {where}" + (f", claimed by policy {found.policy}" if found.policy else ""))
    if found.binding:
        click.echo(f"binding {found.binding}: {'scheduled' if found.scheduled else 'not scheduled'}")
    click.echo(found.summary)
    for note in found.notes:
        click.echo(f"  {note}")
    if found.clusters:
        table = Table(box=None, pad_edge=False, header_style="")
        for title in ("CLUSTER", "CHOSEN", "REPLICAS", "WORK", "HEALTH", "WHY"):
            table.add_column(title)
        for c in found.clusters:
            why = c.reason or c.message or _scores(c.steps)
            table.add_row(
                c.cluster, "yes" if c.chosen else "no", str(c.replicas) if c.chosen else "", c.work, c.health, why
            )
        Console(width=None if Console().is_terminal else 1000).print(table)
    click.echo(f"trace {found.trace_id}")


def _scores(steps: list[messages.StepVerdict]) -> str:
    return ", ".join(f"{s.plugin} {s.score}" for s in steps if s.score is not None)

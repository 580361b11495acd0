"""`argosy get`: objects across all members, with a CLUSTER column."""

import asyncio
from typing import Any

import click
import msgspec
import yaml
from rich.console import Console
from rich.table import Table

from libs.cli import connect, kinds
from libs.common.api.cluster import Cluster
from libs.common.kube.client import Client
from libs.common.kube.errors import KubeError, NotFound
from libs.common.kube.resources import Resource

_TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """A column of a server-side table (meta/v1 Table)."""

    name: str
    priority: int = 0


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A row; `object` is the object or, by default, its metadata alone."""

    cells: list[Any]
    object: dict[str, Any] = {}


class ServerTable(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What an API server answers when asked for a Table."""

    column_definitions: list[Column] = []
    rows: list[Row] | None = None


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """One member's answer; `error` is its own words where it gave none."""

    cluster: str
    columns: list[Column] = []
    rows: list[Row] = []
    items: list[dict[str, Any]] = []
    error: str = ""


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of each member."""

    resource: Resource
    namespace: str
    name: str
    selector: str
    whole: bool
    """Whole objects instead of table rows."""


@click.command()
@click.argument("object", nargs=-1, required=True, metavar="KIND[,KIND] [NAME]")
@click.option("-n", "--namespace", default="default", show_default=True)
@click.option("-A", "--all-namespaces", is_flag=True)
@click.option("-l", "--selector", default="", help="Label selector.")
@click.option("--cluster", "only", multiple=True, help="Members to ask; repeatable. Default: all.")
@connect.output_option("wide", "yaml", "name")
@connect.hub_option()
@connect.runs
async def get(
    object: tuple[str, ...],
    namespace: str,
    all_namespaces: bool,
    selector: str,
    only: tuple[str, ...],
    output: str,
    kubeconfig: str | None,
) -> None:
    """Lists objects of one or more kinds in all members."""
    words, name = kinds.split(object)
    async with connect.hub(kubeconfig) as hub:
        known = await connect.clusters(hub)
        if unknown := set(only) - {c.metadata.name for c in known}:
            raise click.BadParameter(f"no cluster {', '.join(sorted(unknown))} is joined", param_hint="--cluster")
        members = [c for c in known if not only or c.metadata.name in only]
        found: list[Found] = []
        for word in words.split(","):
            resource = await kinds.find(hub, word)
            query = Query(
                resource=resource,
                namespace="" if all_namespaces or not resource.namespaced else namespace,
                name=name,
                selector=selector,
                whole=output in ("json", "yaml"),
            )
            async with asyncio.TaskGroup() as tasks:
                asked = [tasks.create_task(_ask(hub, c, query), name=c.metadata.name) for c in members]
            answers = [task.result() for task in asked]
            if output in ("text", "wide"):
                _print(answers, wide=output == "wide", namespaced=all_namespaces and resource.namespaced)
            if output == "name":
                _print_names(answers, resource)
            found += answers
    if output == "json":
        click.echo(msgspec.json.encode({"clusters": found}).decode())
    if output == "yaml":
        click.echo(yaml.safe_dump({"clusters": msgspec.to_builtins(found)}, sort_keys=False))
    _tell_errors(found)


def _tell_errors(found: list[Found]) -> None:
    """Says each error once, with the members that gave it. A list that lacks a member is no success."""
    by_error: dict[str, list[str]] = {}
    for each in found:
        if each.error:
            by_error.setdefault(each.error, []).append(each.cluster)
    for error, clusters in by_error.items():
        click.echo(f"{', '.join(dict.fromkeys(clusters))}: {error}", err=True)
    if by_error:
        raise click.exceptions.Exit(1)


def _print_names(found: list[Found], resource: Resource) -> None:
    kind = f"{resource.plural}.{resource.group}" if resource.group else resource.plural
    for member in found:
        for row in member.rows:
            click.echo(f"{member.cluster}/{kind}/{row.object.get('metadata', {}).get('name', '')}")


async def _ask(hub: Client, cluster: Cluster, query: Query) -> Found:
    name = cluster.metadata.name
    try:
        creds = await connect.member_credentials(hub, cluster)
        async with Client(creds, user_agent="argosy-get") as api, asyncio.timeout(15):
            return await _read(api, name, query)
    except NotFound as missing:
        return Found(cluster=name, error="" if query.name and not missing.of_kind else str(missing))
    except TimeoutError:
        return Found(cluster=name, error="no answer within 15 s")
    except (KubeError, click.ClickException) as error:
        return Found(cluster=name, error=str(error))


async def _read(api: Client, cluster: str, query: Query) -> Found:
    path = query.resource.path(query.namespace, query.name)
    parameters = {"labelSelector": query.selector} if query.selector else {}
    if query.whole:
        body = msgspec.json.decode(await api.raw("GET", path, parameters=parameters))
        return Found(cluster=cluster, items=[body] if query.name else body.get("items") or [])
    answer = await api.raw("GET", path, parameters=parameters, accept=_TABLE)
    table = msgspec.json.decode(answer, type=ServerTable)
    return Found(cluster=cluster, columns=table.column_definitions, rows=table.rows or [])


def _print(found: list[Found], *, wide: bool, namespaced: bool) -> None:
    shape = next((f.columns for f in found if f.rows), [])
    shown = [i for i, column in enumerate(shape) if wide or not column.priority]
    table = Table(box=None, pad_edge=False, header_style="")
    for title in ("CLUSTER", *(("NAMESPACE",) if namespaced else ()), *(shape[i].name.upper() for i in shown)):
        table.add_column(title, no_wrap=True)
    for member in found:
        for row in member.rows:
            where = [row.object.get("metadata", {}).get("namespace", "")] if namespaced else []
            table.add_row(member.cluster, *where, *(str(row.cells[i]) for i in shown))
    if table.row_count:
        Console(width=None if Console().is_terminal else 1000).print(table)
    else:
        click.echo("No resources found.", err=True)

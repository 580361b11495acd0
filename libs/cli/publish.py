"""`argosy publish`: applies or deletes policies by the bus alone, without access to the hub's API."""

import uuid
from datetime import timedelta
from typing import Any, TextIO

import click
import msgspec
import yaml

from libs.cli import connect
from libs.common import bus
from libs.common.messages import PolicyOutcome

_KINDS = ("PropagationPolicy", "ClusterPropagationPolicy", "OverridePolicy", "ClusterOverridePolicy")


@click.command()
@click.option(
    "-f",
    "--filename",
    "file",
    required=True,
    type=click.File("r"),
    help="YAML or JSON, several documents too; `-` reads standard input.",
)
@click.option("--delete", is_flag=True, help="Delete the policies instead of applying them.")
@click.option("-n", "--namespace", default="default", show_default=True, help="For policies that name none.")
@click.option(
    "--source",
    default="argosy-cli",
    show_default=True,
    help="Who publishes: publisher/TEXT is the field manager on the hub.",
)
@click.option("--timeout", "seconds", default=10, show_default=True, help="Seconds to wait for each outcome.")
@connect.output_option()
@connect.nats_option()
@connect.runs
async def publish(
    file: TextIO, delete: bool, namespace: str, source: str, seconds: int, output: str, nats: str | None
) -> None:
    """Publishes policies on the bus and reports what became of each."""
    try:
        documents = [document for document in yaml.safe_load_all(file) if document]
    except yaml.YAMLError as error:
        raise click.ClickException(f"{file.name} is not YAML: {error}") from error
    policies = [_checked(document, namespace) for document in documents]
    refused = 0
    async with connect.on_bus(nats) as on_bus:
        for policy in policies:
            outcome = await _publish(on_bus, policy, delete=delete, source=source, limit=timedelta(seconds=seconds))
            refused += not outcome.accepted
            click.echo(msgspec.json.encode(outcome).decode() if output == "json" else _line(outcome))
    if refused:
        raise click.exceptions.Exit(1)


def _checked(document: Any, namespace: str) -> dict[str, Any]:
    if not isinstance(document, dict) or document.get("kind") not in _KINDS:
        kind = document.get("kind") if isinstance(document, dict) else None
        raise click.ClickException(
            f"{kind or 'a document without kind'} cannot be published; expected {', '.join(_KINDS)}"
        )
    metadata = dict(document.get("metadata") or {})
    if not metadata.get("name"):
        raise click.ClickException(f"a {document['kind']} has no metadata.name")
    if not document["kind"].startswith("Cluster"):
        metadata.setdefault("namespace", namespace)
    return {**document, "metadata": metadata}


async def _publish(
    on_bus: bus.Bus, policy: dict[str, Any], *, delete: bool, source: str, limit: timedelta
) -> PolicyOutcome:
    metadata = policy["metadata"]
    try:
        return await on_bus.publish_policy(
            policy,
            operation="deleted" if delete else "applied",
            event_id=str(uuid.uuid4()),
            source=source,
            timeout=limit,
        )
    except TimeoutError:
        raise click.ClickException(
            f"no outcome for {policy['kind']} {metadata['name']} within {limit.total_seconds():.0f} s. It is stored "
            "and takes effect when the policy service runs; `argosy events` shows it"
        ) from None


def _line(outcome: PolicyOutcome) -> str:
    where = f"{outcome.namespace}/{outcome.name}" if outcome.namespace else outcome.name
    if outcome.accepted:
        return f"{outcome.kind} {where} {outcome.operation}"
    return f"{outcome.kind} {where} refused: {outcome.message}"

"""`argosy unjoin`: takes a member out of the fleet. Its workloads stay unless told otherwise."""

import asyncio
from datetime import timedelta

import click
import msgspec

from libs.cli import connect, join
from libs.common import names
from libs.common.api import wellknown
from libs.common.api.cluster import Cluster
from libs.common.api.meta import PartialObject
from libs.common.kube import discovery, resources
from libs.common.kube.client import MERGE, Client
from libs.common.kube.credentials import Credentials
from libs.common.kube.errors import KubeError, NotFound
from libs.common.kube.resources import ObjectKey

_SHOWN = 5


@click.command()
@click.argument("name")
@click.option("--remove-workloads", is_flag=True, help="Also delete from the member what Argosy put there.")
@click.option("--reschedule", is_flag=True, help="Place elsewhere what the member had.")
@click.option("--wait", "seconds", default=120, show_default=True, help="Seconds to wait until it is out.")
@connect.hub_option()
@connect.runs
async def unjoin(name: str, remove_workloads: bool, reschedule: bool, seconds: int, kubeconfig: str | None) -> None:
    """Takes member NAME out. Workloads stay in it, released, and are not placed elsewhere unless asked."""
    key = ObjectKey("", name)
    async with connect.hub(kubeconfig) as hub:
        try:
            cluster = msgspec.json.decode(await hub.get(resources.CLUSTERS, key), type=Cluster)
        except NotFound:
            raise click.ClickException(f"no cluster {name} is joined; `kubectl get clusters` lists them") from None
        member = await _credentials(hub, cluster)
        await _mark(hub, key, remove_workloads=remove_workloads, reschedule=reschedule)
        await hub.delete(resources.CLUSTERS, key, uid=cluster.metadata.uid)
        click.echo(f"cluster {name} is leaving")
        await _until_gone(hub, key, timedelta(seconds=seconds))
        await hub.delete(resources.SECRETS, ObjectKey(wellknown.CLUSTER_NAMESPACE, name))
        owner = names.owner_hash(await join.identity(hub), cluster.metadata.uid)
    left = await _clean_member(member, name, owner)
    if left:
        raise click.ClickException(f"cluster {name} is out, but not all of it was cleaned up: {left}")
    click.echo(f"cluster {name} is out; its workloads {'are removed' if remove_workloads else 'stay where they are'}")


async def _mark(hub: Client, key: ObjectKey, *, remove_workloads: bool, reschedule: bool) -> None:
    notes = {
        wellknown.ON_DELETE_ANNOTATION: wellknown.ON_DELETE_REMOVE if remove_workloads else None,
        wellknown.RESCHEDULE_ANNOTATION: "true" if reschedule else None,
    }
    await hub.patch(resources.CLUSTERS, key, {"metadata": {"annotations": notes}}, content_type=MERGE)


async def _credentials(hub: Client, cluster: Cluster) -> Credentials | None:
    """None for a member that cannot be reached from here: it goes all the same."""
    try:
        return await connect.member_credentials(hub, cluster)
    except (click.ClickException, NotFound):
        return None


async def _until_gone(hub: Client, key: ObjectKey, limit: timedelta) -> None:
    try:
        async with asyncio.timeout(limit.total_seconds()):
            while True:
                await hub.get(resources.CLUSTERS, key)
                await asyncio.sleep(0.1)
    except NotFound:
        return
    except TimeoutError:
        raise click.ClickException(
            f"{key.name} is still leaving after {limit.total_seconds():.0f} s; it goes on by itself. "
            f"`kubectl get cluster {key.name} -o yaml` shows what holds it"
        ) from None


async def _clean_member(member: Credentials | None, name: str, owner: str) -> str:
    """Removes the agent's account. Returns what is left behind in the member, in words; empty: nothing."""
    if member is None:
        return "its API cannot be reached from here, so nobody looked"
    selector = f"{wellknown.OWNER_LABEL}={owner}"
    try:
        async with Client(member, user_agent="argosy-unjoin") as api:
            left = await _managed(api, selector)
        await join.remove_account(member, name)
    except KubeError as error:
        return f"its API server does not answer ({error}); objects with label {selector} may still be there"
    shown = ", ".join(left[:_SHOWN]) + (f" and {len(left) - _SHOWN} more" if len(left) > _SHOWN else "")
    return f"objects with label {selector} are still there: {shown}" if left else ""


async def _managed(api: Client, selector: str) -> list[str]:
    """What still carries the owner label, as `kind/name`."""
    listable = [r for r in await discovery.served(api) if "list" in r.verbs]
    async with asyncio.TaskGroup() as tasks:
        lists = [(r, tasks.create_task(api.list(r, label_selector=selector), name=r.plural)) for r in listable]
    found = [(r.plural, msgspec.json.decode(i, type=PartialObject)) for r, t in lists for i in t.result().items]
    return sorted({f"{plural}/{obj.metadata.name}" for plural, obj in found})

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
from libs.common.kube.errors import Forbidden, KubeError, NotFound, Unauthorized
from libs.common.kube.identity import cluster_uid
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
    """Takes member NAME out. Workloads stay in it, released, unless --remove-workloads asks for the contrary.

    Whether they stay or not, they are not placed elsewhere unless --reschedule asks for that. `kubectl delete cluster`
    means the same; the flags are the annotations `argosy.dev/on-delete: remove` and `argosy.dev/reschedule: "true"`.
    """
    key = ObjectKey("", name)
    async with connect.hub(kubeconfig) as hub:
        try:
            cluster = msgspec.json.decode(await hub.get(resources.CLUSTERS, key), type=Cluster)
        except NotFound:
            raise click.ClickException(f"no cluster {name} is joined; `kubectl get clusters` lists them") from None
        member, account = await _credentials(hub, cluster), await connect.member_account(hub, name)
        await _mark(hub, key, remove_workloads=remove_workloads, reschedule=reschedule)
        await hub.delete(resources.CLUSTERS, key, uid=cluster.metadata.uid)
        click.echo(f"cluster {name} is leaving")
        last = await _until_gone(hub, cluster, timedelta(seconds=seconds))
        owner = names.owner_hash(await cluster_uid(hub), cluster.metadata.uid)
    given_up = wellknown.GIVEN_UP_ANNOTATION in (last.metadata.annotations or {})
    left = await _left_behind(member, account, f"{wellknown.OWNER_LABEL}={owner}", given_up=given_up)
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


async def _until_gone(hub: Client, cluster: Cluster, limit: timedelta) -> Cluster:
    """Waits until the Cluster is gone, or another one has its name. Returns it as it was last seen."""
    last, name = cluster, cluster.metadata.name
    try:
        async with asyncio.timeout(limit.total_seconds()):
            while True:
                found = msgspec.json.decode(await hub.get(resources.CLUSTERS, ObjectKey("", name)), type=Cluster)
                if found.metadata.uid != cluster.metadata.uid:
                    return last
                last = found
                await asyncio.sleep(0.1)
    except NotFound:
        return last
    except TimeoutError:
        raise click.ClickException(
            f"{name} is still leaving after {limit.total_seconds():.0f} s; it goes on by itself. "
            f"`kubectl get cluster {name} -o yaml` shows what holds it"
        ) from None


async def _left_behind(member: Credentials | None, account: str, selector: str, *, given_up: bool) -> str:
    """Removes the agent's account, if the agent has not. Returns what is left in the member, in words; empty: nothing.

    The credentials are the agent's own. Where they are not accepted any more, it has taken its leave in good order.
    """
    why = "the member did not answer, so it was given up" if given_up else ""
    hint = f"objects with label {selector} may still be there"
    if member is None:
        return f"{why or 'its API cannot be reached from here, so nobody looked'}; {hint}"
    try:
        async with Client(member, user_agent="argosy-unjoin") as api:
            left = await _managed(api, selector)
            if account:
                await join.remove_account(api, account)
    except (Unauthorized, Forbidden):
        return f"{why}; {hint}" if given_up else ""
    except KubeError as error:
        return f"{why or f'its API server does not answer ({error})'}; {hint}"
    shown = ", ".join(left[:_SHOWN]) + (f" and {len(left) - _SHOWN} more" if len(left) > _SHOWN else "")
    return "; ".join(filter(None, (why, f"objects with label {selector} are still there: {shown}"))) if left else ""


async def _managed(api: Client, selector: str) -> list[str]:
    """What still carries the owner label, as `kind/name`."""
    listable = [r for r in await discovery.served(api) if "list" in r.verbs]
    try:
        async with asyncio.TaskGroup() as tasks:
            lists = [(r, tasks.create_task(api.list(r, label_selector=selector), name=r.plural)) for r in listable]
    except* KubeError as group:
        raise group.exceptions[0] from None
    found = [(r.plural, msgspec.json.decode(i, type=PartialObject)) for r, t in lists for i in t.result().items]
    return sorted({f"{plural}/{obj.metadata.name}" for plural, obj in found})

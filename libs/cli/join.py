"""`argosy join`: registers a member with the hub, so that the hosted agents take it up.

What is made follows Karmada's `join`: in the member a ServiceAccount with a token, on the hub a Secret with that token
and the Cluster that names it. A member that is registered already, under whatever name, is refused.
"""

import asyncio
import base64
import secrets
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import click
import msgspec

from libs.cli import connect
from libs.common.api import wellknown
from libs.common.api.cluster import Cluster
from libs.common.api.meta import PartialObject
from libs.common.kube import credentials, resources
from libs.common.kube.client import APPLY, Client
from libs.common.kube.credentials import Credentials
from libs.common.kube.errors import BadRequest, Invalid, Unreachable
from libs.common.kube.identity import cluster_uid
from libs.common.kube.resources import ObjectKey, Resource

MANAGER = "argosy-join"
SERVICE_ACCOUNTS = Resource(version="v1", kind="ServiceAccount", plural="serviceaccounts")
CLUSTER_ROLE_BINDINGS = Resource(
    group="rbac.authorization.k8s.io",
    version="v1",
    kind="ClusterRoleBinding",
    plural="clusterrolebindings",
    namespaced=False,
)
_TOKEN_LIMIT = timedelta(seconds=30)


class Registration(msgspec.Struct, frozen=True, kw_only=True):
    """What a user says of a member besides its credentials."""

    provider: str = ""
    region: str = ""
    zones: tuple[str, ...] = ()
    labels: dict[str, str] = {}


@click.command()
@click.argument("name")
@click.option(
    "--kubeconfig",
    "member",
    required=True,
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False),
    help="Kubeconfig of the member, with rights to make a ServiceAccount, a ClusterRole and its binding.",
)
@click.option("--context", default="", help="Context in it; default: its current one.")
@click.option("--hub", "hub_kubeconfig", metavar="FILE", help="Kubeconfig of the hub. Default as for other commands.")
@click.option("--provider", default="", help="Cloud provider, for cluster affinity.")
@click.option("--region", default="", help="Region, for cluster affinity and spread.")
@click.option("--zone", "zones", multiple=True, help="Zone; repeatable.")
@click.option("--label", "labels", multiple=True, metavar="KEY=VALUE", help="Label of the Cluster; repeatable.")
@connect.runs
async def join(
    name: str,
    member: str,
    context: str,
    hub_kubeconfig: str | None,
    provider: str,
    region: str,
    zones: tuple[str, ...],
    labels: tuple[str, ...],
) -> None:
    """Registers a member cluster under NAME and starts its agent (hosted)."""
    pairs = [text.partition("=") for text in labels]
    if any(not key or not separator for key, separator, _ in pairs):
        raise click.BadParameter("expected KEY=VALUE", param_hint="--label")
    registration = Registration(
        provider=provider, region=region, zones=zones, labels={key: value for key, _, value in pairs}
    )
    async with connect.hub(hub_kubeconfig) as hub:
        await register(hub, name, credentials.from_kubeconfig(member, context), registration)
        click.echo(f"cluster {name} joined; waiting for its agent")
        await _until_ready(hub, name)
    click.echo(f"cluster {name} is ready")


async def ensure(hub_kubeconfig: str, members: Mapping[str, str], report: Callable[[str], None]) -> None:
    """Registers members (name and path of the kubeconfig) or brings them up to date, and waits until they are ready.

    A member that cannot be reached now keeps nobody waiting: what is to be done about it is told.
    """
    async with Client(credentials.of_hub(hub_kubeconfig), user_agent="argosy-join") as hub:
        reached = []
        for name, kubeconfig in members.items():
            try:
                await register(hub, name, credentials.from_kubeconfig(kubeconfig), Registration(), again=True)
                reached.append(name)
            except Unreachable as error:
                report(
                    f"{name} cannot be reached now: {error}. If it was joined before, its agent takes it up again by "
                    f"itself; else join it once it answers: argosy join {name} --kubeconfig {kubeconfig}"
                )
        async with asyncio.TaskGroup() as tasks:
            for name in reached:
                tasks.create_task(_told_ready(hub, name, report), name=f"ready {name}")
        report(f"joined {', '.join(reached) or 'no member yet'}")


async def _told_ready(hub: Client, name: str, report: Callable[[str], None]) -> None:
    try:
        await _until_ready(hub, name)
    except click.ClickException as late:
        report(late.message)


async def register(
    hub: Client, name: str, member: Credentials, registration: Registration, *, again: bool = False
) -> None:
    """Makes the member's account, the hub's Secret and the Cluster.

    Args:
        again: the same member under the same name is brought up to date instead of refused.

    Raises:
        ClickException: the member is registered already; the message says as what.
    """
    async with Client(member, user_agent="argosy-join") as api:
        member_id = await cluster_uid(api)
        await _refuse_twice(hub, name, member_id, again=again)
        cluster = _cluster(name, member, member_id, registration)
        await _try(hub, cluster)
        known = await connect.member_account(hub, name) if again else ""
        # each registration has an account of its own: a departing agent takes away that, and no later one
        account = known or f"argosy-{name}-{secrets.token_hex(3)}"
        try:
            token, ca_bundle = await _member_account(api, account, member)
            await _register(hub, cluster, account, token, ca_bundle)
        except BaseException:
            if not known:
                await asyncio.shield(remove_account(api, account))
            raise


async def _register(hub: Client, cluster: dict[str, Any], account: str, token: str, ca_bundle: str) -> None:
    """Makes the hub's Secret and the Cluster."""
    await _apply(hub, resources.NAMESPACES, "", _system_namespace())
    name = cluster["metadata"]["name"]
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": name,
            "namespace": wellknown.CLUSTER_NAMESPACE,
            "labels": {wellknown.SYSTEM_LABEL: "true"},
            "annotations": {wellknown.MEMBER_ACCOUNT_ANNOTATION: account},
        },
        "data": {"token": _base64(token), "caBundle": _base64(ca_bundle)},
    }
    await _apply(hub, resources.SECRETS, wellknown.CLUSTER_NAMESPACE, secret)
    made = await _apply(hub, resources.CLUSTERS, "", cluster)
    # the credentials go with the Cluster, by whichever hand it is deleted
    owner = {"apiVersion": wellknown.CLUSTER_API, "kind": wellknown.CLUSTER, "name": name, "uid": _uid(made)}
    secret["metadata"] |= {"ownerReferences": [owner]}  # type: ignore[operator]
    await _apply(hub, resources.SECRETS, wellknown.CLUSTER_NAMESPACE, secret)


def _cluster(name: str, member: Credentials, member_id: str, registration: Registration) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "syncMode": "Push",
        "apiEndpoint": member.server,
        "id": member_id,
        "secretRef": {"namespace": wellknown.CLUSTER_NAMESPACE, "name": name},
    }
    if member.insecure:
        spec["insecureSkipTLSVerification"] = True
    if member.proxy:
        spec["proxyURL"] = member.proxy
    for field in ("provider", "region"):
        if value := getattr(registration, field):
            spec[field] = value
    if registration.zones:
        spec["zones"] = list(registration.zones)
    metadata: dict[str, Any] = {"name": name}
    if registration.labels:
        metadata["labels"] = registration.labels
    return {"apiVersion": wellknown.CLUSTER_API, "kind": wellknown.CLUSTER, "metadata": metadata, "spec": spec}


def _uid(body: bytes) -> str:
    return msgspec.json.decode(body, type=PartialObject).metadata.uid


async def _try(hub: Client, cluster: dict[str, Any]) -> None:
    """Lets the hub judge the Cluster before anything is made in the member."""
    path = resources.CLUSTERS.path("", cluster["metadata"]["name"])
    query = {"dryRun": "All", "fieldManager": MANAGER, "force": "true"}
    try:
        await hub.raw("PATCH", path, parameters=query, body=cluster, content_type=APPLY)
    except (Invalid, BadRequest) as refusal:
        raise click.ClickException(f"the hub would not take this cluster: {refusal}") from refusal


async def _refuse_twice(hub: Client, name: str, member_id: str, *, again: bool) -> None:
    if await cluster_uid(hub) == member_id:
        raise click.ClickException("this is the hub itself; it cannot be its own member")
    for cluster in await connect.clusters(hub):
        same_name, same_member = cluster.metadata.name == name, cluster.spec.id == member_id
        if same_name and same_member and again:
            continue
        if same_member:
            raise click.ClickException(
                f"this member is registered already, as {cluster.metadata.name}; "
                f"`argosy unjoin {cluster.metadata.name}` first"
            )
        if same_name:
            raise click.ClickException(f"another member is registered as {name}; choose another name")


async def _member_account(api: Client, account: str, member: Credentials) -> tuple[str, str]:
    """The ServiceAccount that the agent acts as, and its token. Returns token and CA bundle (PEM).

    All of it belongs to the ClusterRole: whoever uses the account can take it away as a whole, by deleting that.
    """
    namespace = wellknown.CLUSTER_NAMESPACE
    await _apply(api, resources.NAMESPACES, "", _system_namespace())
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": account},
        # Wide, as in Karmada: an agent must be able to make whatever kind a user propagates, RBAC included.
        "rules": [
            {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]},
            {"nonResourceURLs": ["*"], "verbs": ["get"]},
        ],
    }
    uid = _uid(await _apply(api, resources.CLUSTER_ROLES, "", role))
    owners = [{"apiVersion": role["apiVersion"], "kind": role["kind"], "name": account, "uid": uid}]
    meta = {"name": account, "namespace": namespace, "ownerReferences": owners}
    await _apply(api, SERVICE_ACCOUNTS, namespace, {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta})
    grant = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": account, "ownerReferences": owners},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": account},
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": namespace}],
    }
    await _apply(api, CLUSTER_ROLE_BINDINGS, "", grant)
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/service-account-token",
        "metadata": {**meta, "annotations": {"kubernetes.io/service-account.name": account}},
    }
    await _apply(api, resources.SECRETS, namespace, secret)
    return await _token(api, ObjectKey(namespace, account), member)


async def _token(api: Client, key: ObjectKey, member: Credentials) -> tuple[str, str]:
    try:
        async with asyncio.timeout(_TOKEN_LIMIT.total_seconds()):
            while True:
                data = msgspec.json.decode(await api.get(resources.SECRETS, key)).get("data") or {}
                if data.get("token"):
                    break
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise click.ClickException(
            f"the member gave Secret {key.namespace}/{key.name} no token within {_TOKEN_LIMIT.total_seconds():.0f} s; "
            "does its controller manager run?"
        ) from None
    ca_bundle = member.ca_pem or base64.b64decode(data.get("ca.crt", "")).decode()
    return base64.b64decode(data["token"]).decode(), ca_bundle


async def _until_ready(hub: Client, name: str) -> None:
    limit = timedelta(seconds=60)
    try:
        async with asyncio.timeout(limit.total_seconds()):
            while not _is_ready(await hub.get(resources.CLUSTERS, ObjectKey("", name))):
                await asyncio.sleep(0.2)
    except TimeoutError:
        raise click.ClickException(
            f"{name} is registered but not ready after {limit.total_seconds():.0f} s; "
            f"`kubectl get cluster {name} -o yaml` says why"
        ) from None


def _is_ready(body: bytes) -> bool:
    status = msgspec.json.decode(body, type=Cluster).status
    conditions = {c.type: c.status for c in (status.conditions or ())} if status is not None else {}
    return all(
        conditions.get(each) == "True"
        for each in (wellknown.CONDITION_READY, wellknown.CONDITION_COMPLETE_API_ENABLEMENTS)
    )


def _system_namespace() -> dict[str, Any]:
    metadata = {"name": wellknown.CLUSTER_NAMESPACE, "labels": {wellknown.SYSTEM_LABEL: "true"}}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}


async def _apply(api: Client, resource: Resource, namespace: str, body: dict[str, Any]) -> bytes:
    key = ObjectKey(namespace, body["metadata"]["name"])
    return await api.patch(resource, key, body, content_type=APPLY, manager=MANAGER, force=True)


async def remove_account(member: Client, account: str) -> None:
    """Takes away what `register` made in the member, by the ClusterRole that all the rest belongs to."""
    await member.delete(resources.CLUSTER_ROLES, ObjectKey("", account))


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()

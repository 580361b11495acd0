"""What a command talks to: hub, members and bus, found from options, the environment, or a fleet that runs here."""

import asyncio
import base64
import functools
import os
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from libs.cli import fleet
from libs.common import bus, logs
from libs.common.api import wellknown
from libs.common.api.cluster import Cluster
from libs.common.api.meta import PartialObject
from libs.common.kube import credentials, resources
from libs.common.kube.client import Client
from libs.common.kube.credentials import Credentials
from libs.common.kube.errors import KubeError, NotFound
from libs.common.kube.resources import ObjectKey

_FLEETS: Final[tuple[fleet.FleetName, ...]] = ("sandbox", "local", "demo")
_PATIENCE: Final = timedelta(seconds=5)
"""How long a bus may take to answer somebody who waits at a terminal."""
_CLUSTER: Final = msgspec.json.Decoder(Cluster)

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def hub_option() -> Decorator:
    """`--kubeconfig` of the hub."""
    return click.option(
        "--kubeconfig",
        metavar="FILE",
        help="Kubeconfig of the hub. Default: $KUBECONFIG, a fleet that runs on this machine, ~/.kube/config.",
    )


def nats_option() -> Decorator:
    """`--nats`, the bus."""
    return click.option(
        "--nats", metavar="URL", help="NATS server. Default: $ARGOSY_NATS_URL, or of a fleet that runs on this machine."
    )


def output_option(*others: str) -> Decorator:
    """`-o`, with JSON and what else the command prints."""
    return click.option(
        "-o", "--output", type=click.Choice(["text", "json", *others]), default="text", show_default=True
    )


def local_fleets() -> list[fleet.Status]:
    """The fleets that run on this machine."""
    found = (fleet.running(fleet.directory(name)) for name in _FLEETS)
    return [f.status for f in found if f is not None]


def hub_credentials(kubeconfig: str | None) -> Credentials:
    """Credentials of the hub. Raises ClickException with what to do when none are found."""
    path = kubeconfig or os.environ.get("KUBECONFIG") or _only_fleet("--kubeconfig", lambda f: f.hub.kubeconfig)
    path = path or str(Path.home() / ".kube" / "config")
    if not Path(path).is_file():
        raise click.ClickException(
            f"no hub: {path} does not exist. Give --kubeconfig FILE, or start `argosy sandbox up`"
        )
    return credentials.from_kubeconfig(path)


def nats_url(nats: str | None, kubeconfig: str | None = None) -> str:
    """URL of the bus: as told, or that of the fleet on this machine whose hub is meant.

    A fleet with another hub than the one that is spoken to is never taken: its bus would answer for other clusters.
    Raises ClickException with what to do when none is found.
    """
    url = nats or os.environ.get("ARGOSY_NATS_URL")
    if url:
        return url
    path = kubeconfig or os.environ.get("KUBECONFIG")
    if path:
        server = hub_credentials(path).server
        url = next((f.nats.url for f in local_fleets() if _server(f.hub.kubeconfig) == server), None)
        where = f"whose hub is that of {path}"
    else:
        url, where = _only_fleet("--nats", lambda f: f.nats.url), "on this machine"
    if url is None:
        raise click.ClickException(f"no fleet runs {where}. Give --nats URL, or set ARGOSY_NATS_URL")
    return url


def _only_fleet(option: str, part: Callable[[fleet.Status], str]) -> str | None:
    found = [part(f) for f in local_fleets()]
    if len(found) > 1:
        raise click.ClickException(f"{len(found)} fleets run on this machine; say which is meant with {option}")
    return found[0] if found else None


def _server(kubeconfig: str) -> str:
    return credentials.from_kubeconfig(kubeconfig).server if Path(kubeconfig).is_file() else ""


@asynccontextmanager
async def hub(kubeconfig: str | None) -> AsyncIterator[Client]:
    """A client of the hub for the time of the block."""
    async with Client(hub_credentials(kubeconfig), user_agent="argosy") as api:
        yield api


@asynccontextmanager
async def on_bus(nats: str | None, kubeconfig: str | None = None) -> AsyncIterator[bus.Bus]:
    """A connection to the bus for the time of the block."""
    async with bus.connect(nats_url(nats, kubeconfig), name="argosy", wait=_PATIENCE) as connection:
        yield connection


async def clusters(api: Client) -> list[Cluster]:
    """The members that the hub knows, by name."""
    listing = await api.list(resources.CLUSTERS)
    return sorted((_CLUSTER.decode(item) for item in listing.items), key=lambda c: c.metadata.name)


async def member_account(api: Client, name: str) -> str:
    """What the account of a member's agent is called in the member; "" if there is none, or nobody wrote it down."""
    try:
        found = await api.get(resources.SECRETS, ObjectKey(wellknown.CLUSTER_NAMESPACE, name))
    except NotFound:
        return ""
    notes = msgspec.json.decode(found, type=PartialObject).metadata.annotations or {}
    return notes.get(wellknown.MEMBER_ACCOUNT_ANNOTATION, "")


async def member_credentials(api: Client, cluster: Cluster) -> Credentials:
    """Credentials of a member, from the Secret that its Cluster names.

    Raises:
        ClickException: the member can be reached by its agent alone (Pull), or its Secret is incomplete.
    """
    spec, name = cluster.spec, cluster.metadata.name
    if spec.secret_ref is None or not spec.api_endpoint:
        raise click.ClickException(f"{name} runs its own agent ({spec.sync_mode}) and cannot be reached from here")
    key = ObjectKey(spec.secret_ref.namespace, spec.secret_ref.name)
    data = msgspec.json.decode(await api.get(resources.SECRETS, key)).get("data") or {}
    return credentials.from_secret(
        spec.api_endpoint,
        token=base64.b64decode(data.get("token", "")).decode(),
        ca_bundle=base64.b64decode(data.get("caBundle", "")).decode(),
        insecure=bool(spec.insecure_skip_tls_verification),
        proxy=spec.proxy_url,
    )


def runs(command: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Makes a click command of a coroutine function; what goes wrong with a server is said in one line."""

    @functools.wraps(command)
    def run(*args: Any, **keywords: Any) -> None:
        logs.configure("argosy", level="warning")
        try:
            asyncio.run(command(*args, **keywords))
        except (KubeError, bus.BusError) as error:
            raise click.ClickException(str(error)) from error

    return run

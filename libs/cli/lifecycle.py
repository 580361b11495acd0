"""Bringing fleets up and down, in the foreground or detached: what `sandbox`, `up` and their kin share."""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import click
import msgspec

from libs.cli import connect, fleet, supervisor
from libs.cli.fleet import Plan, Running
from libs.common.api.cluster import Cluster
from libs.common.kube import credentials
from libs.common.kube.client import Client
from libs.common.kube.errors import KubeError

_POLL_SECONDS = 0.05
_PATIENCE = timedelta(seconds=3)


def bring_up(plan: Plan, *, detach: bool) -> None:
    """Starts a fleet. Detached, it returns once all is up; else it stays until Ctrl-C."""
    where = fleet.directory(plan.name)
    pid = fleet.supervisor_pid(where)
    if pid is not None:
        raise click.ClickException(f"{fleet.TITLES[plan.name]} is up already (process {pid}); take it down first")
    if detach:
        show_up(_detached(where, plan))
        return

    async def up() -> None:
        now = fleet.running(where)
        assert now is not None
        show_up(now)
        click.echo("\nCtrl-C takes it down.")

    run_foreground(where, plan, up)


def run_foreground(where: Path, plan: Plan, up: Callable[[], Awaitable[None]]) -> None:
    """Supervises in this process until Ctrl-C."""
    try:
        asyncio.run(supervisor.run(where, plan, lambda line: click.echo(f"  {line}"), up))
    except* supervisor.NotStarted as group:
        raise click.ClickException(str(group.exceptions[0])) from None


def take_down(name: fleet.FleetName, limit: timedelta = timedelta(seconds=30)) -> bool:
    """Stops a fleet; False when it was not up."""
    where = fleet.directory(name)
    pid = fleet.supervisor_pid(where)
    if pid is None:
        return False
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + limit.total_seconds()
    while fleet.alive(pid):
        if time.monotonic() > deadline:
            raise click.ClickException(
                f"process {pid} did not stop within {limit.total_seconds():.0f} s; see {where}/logs"
            )
        time.sleep(_POLL_SECONDS)
    return True


def show_up(running: Running) -> None:
    """Says how to reach the fleet."""
    status = running.status
    click.echo(f"\nhub      export KUBECONFIG={status.hub.kubeconfig}")
    for member in status.members:
        click.echo(f"{member.name:<8} kubectl --kubeconfig {member.kubeconfig} ...")
    click.echo(f"nats     {status.nats.url}   redis    {status.redis.url}")


def status_of(name: fleet.FleetName) -> fleet.Status:
    """How a fleet stands. Raises ClickException with what to do when it is not up."""
    found = fleet.running(fleet.directory(name))
    if found is None:
        command = "argosy sandbox up" if name == "sandbox" else "argosy up"
        raise click.ClickException(f"{fleet.TITLES[name]} is not up; `{command}` starts it")
    return found.status


def show_status(name: fleet.FleetName, output: str) -> None:
    """Prints how a fleet stands."""
    status = status_of(name)
    if output == "json":
        click.echo(msgspec.json.format(msgspec.json.encode(status)).decode())
        return
    for endpoint in (status.hub, *status.members):
        click.echo(f"{endpoint.name:<18} {endpoint.url:<28} {endpoint.kubeconfig}")
    for cluster in asyncio.run(_joined_later(status)):
        where = credentials.Credentials(server=cluster.spec.api_endpoint).origin
        click.echo(f"{cluster.metadata.name:<18} {where:<28} joined later")
    for label, server in (("nats", status.nats), ("redis", status.redis)):
        click.echo(f"{label:<18} {server.url:<28} {server.version}, process {server.pid}")
    for service in status.services:
        click.echo(f"{service.name:<18} {service.health:<28} process {service.pid}")


async def _joined_later(status: fleet.Status) -> list[Cluster]:
    """The members that the hub knows and the fleet was not started with; none while the hub does not answer."""
    async with Client(credentials.from_kubeconfig(status.hub.kubeconfig), user_agent="argosy", limit=_PATIENCE) as hub:
        try:
            known = await connect.clusters(hub)
        except KubeError as error:
            click.echo(f"the hub does not answer: {error}", err=True)
            return []
    return [c for c in known if c.metadata.name not in {member.name for member in status.members}]


def _detached(where: Path, plan: Plan) -> Running:
    """Starts the supervisor as a process of its own, and follows what it says until all is up."""
    fleet.prepare(where)
    with tempfile.TemporaryDirectory(dir=where, prefix="starting-") as fresh:
        log, trouble = Path(fresh) / "supervisor.log", Path(fresh) / "supervisor.err"
        with log.open("wb") as output, trouble.open("wb") as errors:
            process = subprocess.Popen(
                [sys.executable, "-m", "libs.cli.supervisor", str(where), msgspec.json.encode(plan).decode()],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                start_new_session=True,
            )
        try:
            found = _until_up(where, process, log, trouble)
        except BaseException:
            process.terminate()  # who gives up waiting wants no fleet that comes up behind his back
            raise
        for each in (log, trouble):
            each.replace(where / each.name)
        return found


def _until_up(where: Path, process: subprocess.Popen[bytes], log: Path, trouble: Path) -> Running:
    """Follows what the supervisor says until its fleet is up. Raises ClickException with its last word if it ends."""
    shown = 0
    while True:
        ended = process.poll() is not None
        shown = _follow(log.read_bytes(), shown)
        if ended:
            raise click.ClickException(trouble.read_text(errors="replace").strip() or "the supervisor ended")
        found = fleet.running(where)
        if found is not None and found.supervisor == process.pid:
            return found
        time.sleep(_POLL_SECONDS)


def _follow(text: bytes, shown: int) -> int:
    """Prints the whole lines after `shown`."""
    whole = text.rfind(b"\n") + 1
    for line in text[shown:whole].decode(errors="replace").splitlines():
        click.echo(f"  {line}")
    return max(shown, whole)

"""Starts a fleet's processes in order, keeps them running, and takes them down with it.

`python -m libs.cli.supervisor DIRECTORY PLAN` runs a plan there, until SIGTERM.
"""

import asyncio
import fcntl
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final

import click
import msgspec

from libs.cli import fleet, install, join, processes, servers
from libs.cli.fleet import Endpoint, Plan, Running, Service, Status
from libs.common.kube import credentials
from libs.common.kube.errors import KubeError

SERVICES: Final = {
    "policy": "services.policy.main",
    "scheduler": "services.scheduler.main",
    "agent": "services.agent.main",
    "status-aggregator": "services.status_aggregator.main",
}
_RESTART_SECONDS: Final = (0.1, 0.1, 0.5, 1.0, 2.0)
"""Pauses before a process that ended by itself is started again; the last one holds on."""
_SETTLED_SECONDS: Final = 10.0
"""A process that lived so long begins with the shortest pause again."""

Report = Callable[[str], None]


class AlreadyRunning(Exception):
    """Another supervisor holds the directory."""


class NotStarted(Exception):
    """The fleet could not be brought up, or could not go on; the message is for people and says it all."""


_EXPECTED: Final = (AlreadyRunning, processes.ProcessFailed, servers.ServerMissing, KubeError, click.ClickException)
"""What goes wrong outside Argosy, or by a user's mistake: told in one line, not by a traceback."""


class Embedded(msgspec.Struct, frozen=True, kw_only=True):
    """What the embedded fleet says of itself once it is up."""

    hub: Endpoint
    members: list[Endpoint]


async def supervise(where: Path, plan: Plan, report: Report, up: Callable[[], Awaitable[None]]) -> None:
    """Runs the fleet until cancelled. `report` gets a line for each step.

    Args:
        up: runs once all parts are up, and is ended before any of them is.

    Raises:
        NotStarted: what could not be started, and why.
    """
    fleet.prepare(where)
    (where / "logs").mkdir(exist_ok=True)
    try:
        with _held(where):
            await _live(where, plan, report, up)
    except* _EXPECTED as group:
        raise NotStarted(_told(group)) from None


async def _live(where: Path, plan: Plan, report: Report, up: Callable[[], Awaitable[None]]) -> None:
    fleet.withdraw(where)
    try:
        async with asyncio.TaskGroup() as tasks:
            await _Start(where, plan, report, tasks).run()
            await up()
    finally:
        fleet.withdraw(where)


def _told(group: BaseExceptionGroup[BaseException]) -> str:
    """What each of the failures says, once."""
    texts = [_told(e) if isinstance(e, BaseExceptionGroup) else str(e) for e in group.exceptions]
    return "\n".join(dict.fromkeys(texts))


class _Start:
    """The steps of one start. Each process is kept by a task of its own in `tasks`."""

    def __init__(self, where: Path, plan: Plan, report: Report, tasks: asyncio.TaskGroup) -> None:
        self.where = where
        self.plan = plan
        self.report = report
        self.tasks = tasks
        self.clusters = Embedded(hub=Endpoint(name="", url="", kubeconfig=""), members=[])
        self.servers: dict[str, servers.Server] = {}
        self.services: dict[str, Service] = {}
        self.up = False

    async def run(self) -> None:
        async with asyncio.TaskGroup() as together:
            together.create_task(self._start_clusters(), name="clusters")
            together.create_task(self._start_server("nats", servers.nats_server), name="nats")
            together.create_task(self._start_server("redis", servers.redis_server), name="redis")
        hub = self.clusters.hub
        await install.crds(credentials.from_kubeconfig(hub.kubeconfig), self.report)
        async with asyncio.TaskGroup() as together:
            for name in SERVICES:
                together.create_task(self._start_service(name), name=name)
        self.report(f"services {', '.join(SERVICES)}")
        await join.ensure(hub.kubeconfig, {m.name: m.kubeconfig for m in self.clusters.members}, self.report)
        self.up = True
        self._record()

    def _record(self) -> None:
        """Writes down how the fleet stands; again whenever a process was started anew."""
        if not self.up:
            return
        nats, redis = (
            fleet.Server(url=s.url, pid=s.pid, version=s.version, path=str(s.path))
            for s in (self.servers["nats"], self.servers["redis"])
        )
        status = Status(
            hub=self.clusters.hub,
            members=self.clusters.members,
            nats=nats,
            redis=redis,
            services=[self.services[name] for name in SERVICES],
        )
        fleet.publish(self.where, Running(supervisor=os.getpid(), status=status))

    async def _start_server(
        self, name: str, server: Callable[[Path], AbstractAsyncContextManager[servers.Server]]
    ) -> None:
        async def live(started: Callable[[], None]) -> None:
            async with server(self.where / name) as running:
                known = self.servers.get(name)
                if known is not None and known.url != running.url:
                    raise RuntimeError(f"{name} came back on another port ({running.url}); its old one is taken")
                self.servers[name] = running
                started()
                await running.exited

        await self._keep(name, live)
        program = self.servers[name]
        self.report(f"{name} {program.version} ({program.path})")

    async def _start_clusters(self) -> None:
        if self.plan.hub:
            members = [_endpoint(name, path) for name, path in self.plan.joined.items()]
            self.clusters = Embedded(hub=_endpoint("hub", self.plan.hub), members=members)
            return
        description = self.where / "clusters" / "sandbox.json"
        argv = [sys.executable, "-m", "libs.sandbox.main", "--dir", str(description.parent)]
        argv += ["--members", str(self.plan.members), "--nodes", str(self.plan.nodes)]
        await self._keep("clusters", self._life("clusters", argv, {}, description, lambda _: None))
        self.clusters = msgspec.json.decode(description.read_bytes(), type=Embedded)
        self.report(f"hub and {len(self.clusters.members)} embedded members")
        known = {path.stem for path in description.parent.glob("*.kubeconfig")} - {"hub"}
        if left := sorted(known - {m.name for m in self.clusters.members}):
            self.report(
                f"{', '.join(left)} of the last time do not run now; `argosy unjoin NAME` takes one out for good"
            )

    async def _start_service(self, name: str) -> None:
        address = self.where / f"{name}.address"
        env = {
            "ARGOSY_NATS_URL": self.servers["nats"].url,
            "ARGOSY_REDIS_URL": self.servers["redis"].url,
            "ARGOSY_HUB_KUBECONFIG": self.clusters.hub.kubeconfig,
            "ARGOSY_ADDRESS_FILE": str(address),
        }

        def started(process: asyncio.subprocess.Process) -> None:
            url = f"http://{address.read_text().strip()}"
            self.services[name] = Service(name=name, pid=process.pid, health=f"{url}/healthz", metrics=f"{url}/metrics")

        await self._keep(name, self._life(name, [sys.executable, "-m", SERVICES[name]], env, address, started))

    def _life(
        self,
        name: str,
        argv: list[str],
        env: dict[str, str],
        sign: Path,
        note: Callable[[asyncio.subprocess.Process], None],
    ) -> "Life":
        """One life of a process that writes the file `sign` when it is ready."""
        log = self.where / "logs" / f"{name}.log"

        async def live(started: Callable[[], None]) -> None:
            sign.unlink(missing_ok=True)
            async with processes.started(argv, env=_environment(env), log=log) as process:
                await processes.until(sign.exists, process, what=name, log=log)
                note(process)
                started()
                await process.wait()

        return live

    async def _keep(self, name: str, live: "Life") -> None:
        """Returns once the process is ready the first time; from then on it is started again whenever it ends."""
        first: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def started() -> None:
            if not first.done():
                first.set_result(None)
            self._record()

        async def keep() -> None:
            clock, attempt = asyncio.get_running_loop().time, 0
            while True:
                began = clock()
                try:
                    await live(started)
                    self.report(f"{name} ended; starting it again. Logs: {self.where / 'logs'}")
                except processes.ProcessFailed as failure:
                    if not first.done():
                        first.set_exception(failure)
                        return
                    self.report(str(failure))
                attempt = 0 if clock() - began > _SETTLED_SECONDS else attempt + 1
                await asyncio.sleep(_RESTART_SECONDS[min(attempt, len(_RESTART_SECONDS) - 1)])

        self.tasks.create_task(keep(), name=f"keep {name}")
        await first


Life = Callable[[Callable[[], None]], Awaitable[None]]
"""Runs a process from start to end, and calls its argument once the process is ready."""


def _endpoint(name: str, kubeconfig: str) -> Endpoint:
    return Endpoint(name=name, url=credentials.from_kubeconfig(kubeconfig).origin, kubeconfig=kubeconfig)


def _environment(extra: dict[str, str]) -> dict[str, str]:
    """Our environment, less settings of Argosy meant for other commands. Fewer arenas keep glibc's memory small."""
    own = {k: v for k, v in os.environ.items() if not k.startswith("ARGOSY_")}
    return {**own, "MALLOC_ARENA_MAX": "2", **extra}


@contextmanager
def _held(where: Path) -> Iterator[None]:
    """The directory for one supervisor alone."""
    with (where / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(f"a fleet already runs in {where}") from None
        pid = where / "supervisor.pid"
        pid.write_text(str(os.getpid()))
        try:
            yield
        finally:
            pid.unlink(missing_ok=True)


@asynccontextmanager
async def stopped_by_signals() -> AsyncIterator[None]:
    """SIGTERM and SIGINT cancel the block, once; a second one is left to the orderly stop that already runs."""
    task = asyncio.current_task()
    assert task is not None
    loop = asyncio.get_running_loop()
    asked = False

    def stop() -> None:
        nonlocal asked
        if not asked:
            asked = True
            task.cancel()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    try:
        yield
    except asyncio.CancelledError:
        if not asked:
            raise
        task.uncancel()
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


async def run(where: Path, plan: Plan, report: Report, up: Callable[[], Awaitable[None]]) -> None:
    """Supervises until a signal comes; `up` runs from the moment the fleet is up."""
    async with stopped_by_signals():
        await supervise(where, plan, report, up)


async def _nothing_more() -> None:
    return None


def main() -> None:
    """Runs the plan (JSON) of the command line in the directory that stands before it."""
    where, plan = Path(sys.argv[1]), msgspec.json.decode(sys.argv[2], type=Plan)

    def report(line: str) -> None:
        print(line, flush=True)

    try:
        asyncio.run(run(where, plan, report, _nothing_more))
    except NotStarted as failure:
        sys.exit(str(failure))


if __name__ == "__main__":
    main()

"""Starts a fleet's processes in order, keeps them running, and takes them down with it.

`python -m libs.cli.supervisor DIRECTORY` runs the plan that lies there, until SIGTERM.
"""

import asyncio
import fcntl
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final

import msgspec

from libs.cli import fleet, install, join, processes, servers
from libs.cli.fleet import Endpoint, Plan, Running, Service, Status
from libs.common.kube import credentials

SERVICES: Final = {
    "policy": "services.policy.main",
    "scheduler": "services.scheduler.main",
    "agent": "services.agent.main",
    "status-aggregator": "services.status_aggregator.main",
}
_RESTART_SECONDS: Final = (0.1, 0.5, 1.0, 2.0, 5.0)
"""Pauses before a process that ended by itself is started again; the last one holds on."""

Report = Callable[[str], None]


class AlreadyRunning(Exception):
    """Another supervisor holds the directory."""


class Embedded(msgspec.Struct, frozen=True, kw_only=True):
    """What the embedded fleet says of itself once it is up."""

    hub: Endpoint
    members: list[Endpoint]


async def supervise(where: Path, plan: Plan, report: Report, ready: asyncio.Event) -> None:
    """Runs the fleet until cancelled. `report` gets a line for each step, `ready` is set when all parts are."""
    (where / "logs").mkdir(parents=True, exist_ok=True)
    with _held(where):
        fleet.withdraw(where)
        try:
            async with AsyncExitStack() as stack, asyncio.TaskGroup() as tasks:
                await _Start(where, plan, report, stack, tasks).run()
                ready.set()
        finally:
            fleet.withdraw(where)


class _Start:
    """The steps of one start; what they open lives in `stack` and `tasks`."""

    def __init__(
        self, where: Path, plan: Plan, report: Report, stack: AsyncExitStack, tasks: asyncio.TaskGroup
    ) -> None:
        self.where = where
        self.plan = plan
        self.report = report
        self.stack = stack
        self.tasks = tasks
        self.services: dict[str, Service] = {}
        self.record: Callable[[], None] = lambda: None

    async def run(self) -> None:
        clusters, nats, redis = await self._foundations()
        await install.crds(credentials.from_kubeconfig(clusters.hub.kubeconfig), self.report)
        await self._start_services(clusters.hub, nats.url, redis.url)
        for member in clusters.members:
            await join.ensure(clusters.hub.kubeconfig, member.name, member.kubeconfig)
        self.report(f"joined {', '.join(m.name for m in clusters.members) or 'no member yet'}")

        def record() -> None:
            status = Status(
                hub=clusters.hub,
                members=clusters.members,
                nats=fleet.Server(url=nats.url, pid=nats.pid, version=nats.version, path=str(nats.path)),
                redis=fleet.Server(url=redis.url, pid=redis.pid, version=redis.version, path=str(redis.path)),
                services=[self.services[name] for name in SERVICES],
            )
            fleet.publish(self.where, Running(supervisor=os.getpid(), status=status))

        self.record = record
        record()

    async def _foundations(self) -> tuple[Embedded, servers.Server, servers.Server]:
        """API servers, NATS and Redis, side by side."""
        async with asyncio.TaskGroup() as together:
            clusters = together.create_task(self._clusters(), name="clusters")
            nats = together.create_task(
                self.stack.enter_async_context(servers.nats_server(self.where / "nats")), name="nats"
            )
            redis = together.create_task(
                self.stack.enter_async_context(servers.redis_server(self.where / "redis")), name="redis"
            )
        self.report(f"nats-server {nats.result().version} ({nats.result().path})")
        self.report(f"redis {redis.result().version} ({redis.result().path})")
        return clusters.result(), nats.result(), redis.result()

    async def _clusters(self) -> Embedded:
        if self.plan.hub:
            return Embedded(
                hub=_endpoint("hub", self.plan.hub),
                members=[_endpoint(name, path) for name, path in self.plan.joined.items()],
            )
        description = self.where / "clusters" / "sandbox.json"
        description.unlink(missing_ok=True)
        argv = [sys.executable, "-m", "libs.sandbox.main", "--dir", str(description.parent)]
        argv += ["--members", str(self.plan.members), "--nodes", str(self.plan.nodes)]
        await self._keep("clusters", argv, {}, lambda _: description.exists(), self._nothing)
        found = msgspec.json.decode(description.read_bytes(), type=Embedded)
        self.report(f"hub and {len(found.members)} embedded members")
        return found

    async def _start_services(self, hub: Endpoint, nats_url: str, redis_url: str) -> None:
        shared = {
            "ARGOSY_NATS_URL": nats_url,
            "ARGOSY_REDIS_URL": redis_url,
            "ARGOSY_HUB_KUBECONFIG": hub.kubeconfig,
            "MALLOC_ARENA_MAX": "2",
        }
        async with asyncio.TaskGroup() as together:
            for name in SERVICES:
                together.create_task(self._start_service(name, shared), name=name)
        self.report(f"services {', '.join(SERVICES)}")

    async def _start_service(self, name: str, shared: dict[str, str]) -> None:
        address = self.where / f"{name}.address"
        argv = [sys.executable, "-m", SERVICES[name]]
        env = {**shared, "ARGOSY_ADDRESS_FILE": str(address)}

        async def started(process: asyncio.subprocess.Process) -> None:
            url = f"http://{address.read_text().strip()}"
            self.services[name] = Service(
                name=name, pid=process.pid, health=f"{url}/healthz", metrics=f"{url}/metrics"
            )
            self.record()

        def before() -> None:
            address.unlink(missing_ok=True)

        before()
        await self._keep(name, argv, env, lambda _: address.exists(), started, before)

    async def _keep(
        self,
        name: str,
        argv: list[str],
        env: dict[str, str],
        is_ready: Callable[[asyncio.subprocess.Process], bool],
        started: Callable[[asyncio.subprocess.Process], Awaitable[None]],
        before: Callable[[], None] = lambda: None,
    ) -> None:
        """Starts a process, waits until it is ready the first time, and starts it again whenever it ends."""
        log = self.where / "logs" / f"{name}.log"
        first: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        async def once() -> None:
            async with processes.started(argv, env=_environment(env), log=log) as process:
                await processes.until(lambda: is_ready(process), process, what=name, log=log)
                await started(process)
                if not first.done():
                    first.set_result(None)
                await process.wait()
                self.report(f"{name} ended with exit code {process.returncode}; starting it again. Log: {log}")

        async def keep() -> None:
            attempt = 0
            while True:
                before()
                try:
                    await once()
                    attempt = 0
                except processes.ProcessFailed as failure:
                    if not first.done():
                        first.set_exception(failure)
                        return
                    self.report(str(failure))
                await asyncio.sleep(_RESTART_SECONDS[min(attempt, len(_RESTART_SECONDS) - 1)])
                attempt += 1

        self.tasks.create_task(keep(), name=f"keep {name}")
        await first

    async def _nothing(self, _: asyncio.subprocess.Process) -> None:
        return None


def _endpoint(name: str, kubeconfig: str) -> Endpoint:
    return Endpoint(name=name, url=credentials.from_kubeconfig(kubeconfig).server, kubeconfig=kubeconfig)


def _environment(extra: dict[str, str]) -> dict[str, str]:
    """The children's environment: ours, less settings of Argosy that are meant for other commands."""
    return {**{k: v for k, v in os.environ.items() if not k.startswith("ARGOSY_")}, **extra}


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
    """Supervises until a signal comes; `up` runs beside, from the moment the fleet is up."""
    ready = asyncio.Event()

    async def when_ready() -> None:
        await ready.wait()
        await up()

    async with stopped_by_signals(), asyncio.TaskGroup() as tasks:
        tasks.create_task(when_ready(), name="up")
        await supervise(where, plan, report, ready)


async def _nothing_more() -> None:
    return None


def main() -> None:
    """Runs the plan of the directory that the command line names."""
    where = Path(sys.argv[1])

    def report(line: str) -> None:
        print(line, flush=True)

    asyncio.run(run(where, fleet.load_plan(where), report, _nothing_more))


if __name__ == "__main__":
    main()

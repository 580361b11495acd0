"""A hub and its members in one process: made, remembered in a directory, and made to fail where a test asks for it."""

import asyncio
import contextlib
import fcntl
import os
import shutil
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
import uvloop

from libs.sandbox import bootstrap, cluster, kubeconfigs
from libs.sandbox.bootstrap import NodeSize
from libs.sandbox.controllers import catalog, runner
from libs.sandbox.controllers.controller import Controller
from libs.sandbox.serving import server as serving
from libs.sandbox.serving import wire

HOST: Final = "127.0.0.1"
HUB: Final = "hub"
_T = TypeVar("_T")


class Busy(Exception):
    """Another process runs the fleet of this directory."""


class Server:
    """One cluster of the fleet: its state, its controllers, and the server in front of them.

    What makes it fail may be called from any loop; the fleet's own loop does it.
    """

    def __init__(
        self,
        directory: Path,
        name: str,
        port: int,
        bearer: str,
        controllers: Sequence[Controller],
        furnish: Callable[[cluster.Cluster], None],
    ) -> None:
        self.name = name
        self.token = bearer
        self.kubeconfig = directory / f"{name}.kubeconfig"
        self.port = port
        self.state: cluster.Cluster
        self._journal = directory / f"{name}.journal"
        self._controllers = controllers
        self._furnish = furnish
        self._runner: runner.Runner
        self._server: serving.Server | None = None
        self._loop: asyncio.AbstractEventLoop

    @property
    def url(self) -> str:
        """Where the server listens."""
        return f"http://{HOST}:{self.port}"

    async def stop(self) -> None:
        """The API is gone: connections are cut and new ones refused. The workloads go on."""
        await self._within(self._close())

    async def start(self) -> None:
        """The API is back, at the same port."""
        await self._within(self._listen())

    async def hang(self) -> None:
        """The API takes requests and never answers."""
        await self._within(self._gate(wire.HOLD))

    async def fail(
        self, code: int = 503, message: str = "the server is currently unable to handle the request", *, path: str = "/"
    ) -> None:
        """The API answers every request whose path has that in it with an error."""
        status = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": message,
            "reason": "ServiceUnavailable" if code == 503 else "InternalError",
            "code": code,
        }
        await self._within(self._gate(wire.Reply(code=code, body=msgspec.json.encode(status)), path))

    async def heal(self) -> None:
        """The API answers again as it should."""
        await self._within(self._gate(None))

    async def drop(self) -> None:
        """Every open connection is cut once."""
        await self._within(self._drop())

    async def wipe(self) -> None:
        """The cluster is made anew under the same address: no object and no uid of before is left."""
        await self._within(self._renew())

    async def back_up(self, copy: Path) -> None:
        """Copies what the cluster holds now into a file."""
        await self._within(self._back_up(copy))

    async def restore(self, copy: Path) -> None:
        """The cluster is put back to an earlier copy of itself, under the same address."""
        await self._within(self._renew(copy))

    async def settled(self) -> None:
        """Returns when the controllers have nothing left to do now."""
        await self._within(self._runner.settled())

    def tell(self, callback: Callable[[], None]) -> None:
        """Has something called on the server's own loop."""
        self._loop.call_soon_threadsafe(callback)

    async def _within(self, work: Coroutine[Any, Any, _T]) -> _T:
        if asyncio.get_running_loop() is self._loop:
            return await work
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    async def open(self) -> None:
        """Reads the journal and begins to serve. The loop that it is called on is the server's."""
        self._loop = asyncio.get_running_loop()
        self._load()
        await self._listen()

    async def close(self) -> None:
        """Ends everything; the journal stays."""
        await self._close()
        self._unload()

    def _load(self) -> None:
        self.state = cluster.Cluster(self.name, self._journal)
        self._furnish(self.state)
        self._runner = runner.Runner(self.state, self._controllers)
        self._runner.start()

    def _unload(self) -> None:
        self._runner.stop()
        self.state.close()

    async def _listen(self) -> None:
        if self._server is not None:
            return
        try:
            self._server = await serving.serve(self.state, HOST, self.port, self.token)
        except OSError:
            if not self.port:
                raise
            self._server = await serving.serve(self.state, HOST, 0, self.token)
        self.port = self._server.port
        kubeconfigs.kubeconfig(self.kubeconfig, self._server.kubeconfig(self.name))

    async def _close(self) -> None:
        if self._server is not None:
            await self._server.close()
            self._server = None

    async def _drop(self) -> None:
        if self._server is not None:
            self._server.drop()

    async def _gate(self, reply: wire.Reply | None, path: str = "/") -> None:
        if self._server is not None:
            self._server.gate = (lambda request: reply if path in request.path else None) if reply else None
            if reply is not None:
                self._server.drop()

    async def _back_up(self, copy: Path) -> None:
        shutil.copyfile(self._journal, copy)

    async def _renew(self, copy: Path | None = None) -> None:
        await self._close()
        self._unload()
        if copy is None:
            self._journal.unlink()
        else:
            shutil.copyfile(copy, self._journal)
        self._load()
        await self._listen()


class Fleet:
    """A hub and its members, running."""

    def __init__(self, directory: Path, hub: Server, members: Sequence[Server]) -> None:
        self.directory = directory
        self.hub = hub
        self.members = {each.name: each for each in members}

    @property
    def servers(self) -> Sequence[Server]:
        """All of them, the hub first."""
        return (self.hub, *self.members.values())


@contextlib.asynccontextmanager
async def fleet(
    directory: Path,
    *,
    members: int = 3,
    nodes: int = 3,
    size: NodeSize = NodeSize(),  # noqa: B008  frozen
    port_base: int = 0,
    thread: bool = False,
) -> AsyncIterator[Fleet]:
    """Runs a fleet until the block ends. What `directory` holds of an earlier run comes back.

    Ports are those of the earlier run, else `port_base` and the ones above it, else any; one that is busy is replaced.
    With `thread` the fleet has a loop of its own in another thread, so that it cannot hold up the caller's loop.

    Raises:
        Busy: the fleet of this directory runs already.
    """
    with _lock(directory):
        made = _planned(directory, members, nodes, size, port_base)
        async with _threaded(made) if thread else _running(made):
            yield made


def _planned(directory: Path, members: int, nodes: int, size: NodeSize, port_base: int) -> Fleet:
    bearer = kubeconfigs.token(directory / "token")
    ports = _ports(directory)
    names = [HUB, *(f"member{number + 1}" for number in range(members))]

    def port(place: int) -> int:
        return ports.get(names[place]) or (port_base and port_base + place)

    def furnisher(index: int) -> Callable[[cluster.Cluster], None]:
        return lambda state: bootstrap.member(state, index, nodes, size)

    member_controllers = catalog.member(bearer)
    hub = Server(directory, HUB, port(0), bearer, catalog.hub(bearer), bootstrap.hub)
    return Fleet(
        directory,
        hub,
        [
            Server(directory, name, port(place), bearer, member_controllers, furnisher(place - 1))
            for place, name in enumerate(names)
            if place
        ],
    )


@contextlib.asynccontextmanager
async def _running(made: Fleet) -> AsyncIterator[None]:
    async with contextlib.AsyncExitStack() as stack:
        for server in made.servers:
            await server.open()
            stack.push_async_callback(server.close)
        _publish(made)
        yield


@contextlib.asynccontextmanager
async def _threaded(made: Fleet) -> AsyncIterator[None]:
    ready: asyncio.Future[asyncio.Event] = asyncio.get_running_loop().create_future()
    caller = asyncio.get_running_loop()

    async def serve() -> None:
        over = asyncio.Event()
        async with _running(made):
            caller.call_soon_threadsafe(ready.set_result, over)
            await over.wait()

    def run() -> None:
        try:
            uvloop.run(serve())
        except Exception as error:
            if ready.done():
                raise
            caller.call_soon_threadsafe(ready.set_exception, error)

    thread = threading.Thread(target=run, name="fleet", daemon=True)
    thread.start()
    over = await ready
    try:
        yield
    finally:
        made.hub.tell(over.set)
        await caller.run_in_executor(None, thread.join)


def _publish(made: Fleet) -> None:
    """Tells by a file where everything is, and remembers the ports."""
    described = [{"name": each.name, "url": each.url, "kubeconfig": str(each.kubeconfig)} for each in made.servers]
    ports = _ports(made.directory) | {each.name: each.port for each in made.servers}
    kubeconfigs.write(made.directory / "ports.json", msgspec.json.encode(ports))
    body = {"pid": os.getpid(), "hub": described[0], "members": described[1:]}
    kubeconfigs.write(made.directory / "sandbox.json", msgspec.json.format(msgspec.json.encode(body), indent=2))


def _ports(directory: Path) -> dict[str, int]:
    path = directory / "ports.json"
    return msgspec.json.decode(path.read_bytes(), type=dict[str, int]) if path.exists() else {}


@contextlib.contextmanager
def _lock(directory: Path) -> Iterator[None]:
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Busy(f"the fleet in {directory} runs already; stop it first or choose another directory") from error
        (directory / "sandbox.json").unlink(missing_ok=True)
        try:
            yield
        finally:
            (directory / "sandbox.json").unlink(missing_ok=True)

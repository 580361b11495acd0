"""Anything may be killed or wiped at any moment: the fleet ends where the hub says, and harms nothing on the way.

200 objects change while services are killed at random, NATS is wiped, and Redis is wiped. At the end every member has
what the hub says and nothing else, and no workload was touched that need not be.
"""

import os
import random
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests import worlds
from tests.worlds import Sandbox, until

NAMESPACE = "crash"
OBJECTS = 200
BATCH = 20
SERVICES = ("policy", "scheduler", "agent", "status-aggregator")


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    found = Sandbox(tmp_path_factory.mktemp("crash"))
    try:
        yield found
    finally:
        found.down()


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """Printed with a failure; ARGOSY_TEST_SEED repeats it."""
    chosen = int(os.environ.get("ARGOSY_TEST_SEED") or random.SystemRandom().randrange(2**32))
    request.node.user_properties.append(("seed", chosen))
    return chosen


def kill(sandbox: Sandbox, service: str) -> None:
    """SIGKILL, wherever it is; the supervisor starts another."""
    os.kill(sandbox.pid(service), signal.SIGKILL)


def wipe_nats(sandbox: Sandbox) -> None:
    """Everything that NATS holds is lost; the server comes back empty."""
    sandbox.refresh()
    pid = sandbox.status["nats"]["pid"]
    os.kill(pid, signal.SIGKILL)
    shutil.rmtree(sandbox.state / "argosy" / "sandbox" / "nats" / "jetstream", ignore_errors=True)
    until(lambda: _came_back(sandbox, "nats", pid), what="another nats-server")


def wipe_redis(sandbox: Sandbox) -> None:
    """Redis keeps nothing: killing it is wiping it."""
    sandbox.refresh()
    pid = sandbox.status["redis"]["pid"]
    os.kill(pid, signal.SIGKILL)
    until(lambda: _came_back(sandbox, "redis", pid), what="another redis-server")


def _came_back(sandbox: Sandbox, server: str, old: int) -> bool:
    sandbox.refresh()
    return bool(sandbox.status[server]["pid"] != old)


class Users:
    """Changes objects on the hub, and remembers what each must be in the end."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.hub = sandbox.hub
        self.wanted: dict[str, str] = {}
        self.failure: BaseException | None = None
        self.enough = threading.Event()

    def start(self) -> None:
        for begin in range(0, OBJECTS, 50):
            batch = range(begin, min(begin + 50, OBJECTS))
            self.wanted |= {f"note-{n}": "0" for n in batch}
            self.hub.apply(*(note(f"note-{n}", "0") for n in batch), namespace=NAMESPACE)

    def change(self, dice: random.Random) -> None:
        """A batch of random changes: new values, deletions, returns."""
        fresh, gone = [], []
        for number in dice.sample(range(OBJECTS), BATCH):
            name = f"note-{number}"
            if name in self.wanted and dice.random() < 0.2:
                del self.wanted[name]
                gone.append(name)
            else:
                self.wanted[name] = str(dice.randrange(10**9))
                fresh.append(note(name, self.wanted[name]))
        if fresh:
            self.hub.apply(*fresh, namespace=NAMESPACE)
        if gone:
            self.hub.kubectl("delete", "configmap", *gone, "--wait=false", namespace=NAMESPACE)

    def run(self, dice: random.Random) -> None:
        """Goes on until it is enough."""
        try:
            while not self.enough.is_set():
                self.change(dice)
        except BaseException as failure:  # noqa: BLE001 - carried over to the test's own thread
            self.failure = failure


def note(name: str, value: str) -> dict[str, Any]:
    body = worlds.config_map(name, value=value)
    body["metadata"]["labels"] = {"story": "crash"}
    return body


def values(member: worlds.Cluster) -> dict[str, str]:
    """What the member has of the objects, by name."""
    listing = member.get(f"/api/v1/namespaces/{NAMESPACE}/configmaps") or {"items": []}
    return {o["metadata"]["name"]: o["data"]["value"] for o in listing["items"] if "value" in (o.get("data") or {})}


@pytest.fixture(scope="module")
def users(sandbox: Sandbox) -> Users:
    """A bystander Deployment that must never be touched, and the objects that change, all where they belong."""
    hub = sandbox.hub
    hub.apply(worlds.namespace(NAMESPACE))
    bystander = worlds.deployment("bystander", replicas=3)
    notes = {"apiVersion": "v1", "kind": "ConfigMap", "labelSelector": {"matchLabels": {"story": "crash"}}}
    hub.apply(
        bystander,
        worlds.policy("bystander", worlds.selector_of(bystander), placement=worlds.duplicated()),
        worlds.policy("notes", notes, placement=worlds.duplicated("member1", "member2")),
        namespace=NAMESPACE,
    )
    made = Users(sandbox)
    made.start()
    settled(sandbox, made, "at first")
    hub.kubectl("rollout", "status", "deploy/bystander", "--timeout=60s", namespace=NAMESPACE)
    return made


def settled(sandbox: Sandbox, users: Users, when: str) -> None:
    """Both members have what the hub says, and nothing else."""
    for name in ("member1", "member2"):
        until(
            lambda name=name: values(sandbox.members[name]) == users.wanted,
            what=f"{name} as the hub says ({when})",
            patience=120,
        )


def _identity(member: worlds.Cluster) -> tuple[str, int]:
    metadata = (member.deployment("bystander", NAMESPACE) or {})["metadata"]
    return metadata["uid"], metadata["generation"]


@pytest.mark.timeout(600)
def test_kills_and_wipes_while_objects_change_end_in_the_right_state(sandbox: Sandbox, users: Users, seed: int) -> None:
    dice = random.Random(seed)
    bystanders = {name: _identity(m) for name, m in sandbox.members.items()}

    writing = threading.Thread(target=users.run, args=(random.Random(seed),))
    writing.start()
    disasters = [*(lambda s=s: kill(sandbox, s) for s in SERVICES for _ in range(3))]
    disasters += [lambda: wipe_nats(sandbox), lambda: wipe_redis(sandbox), lambda: wipe_nats(sandbox)]
    dice.shuffle(disasters)
    try:
        for disaster in disasters:
            disaster()
            time.sleep(dice.random())  # a random moment is what is wanted here, not a condition
    finally:
        users.enough.set()
        writing.join()
    if users.failure is not None:
        raise users.failure

    settled(sandbox, users, f"seed {seed}")
    assert values(sandbox.members["member3"]) == {}
    until(lambda: _bindings(sandbox) == set(users.wanted), what="one binding for each object, no orphan", patience=60)
    assert {name: _identity(m) for name, m in sandbox.members.items()} == bystanders, f"seed {seed}"


def _bindings(sandbox: Sandbox) -> set[str]:
    listing = sandbox.hub.get(f"/apis/work.karmada.io/v1alpha2/namespaces/{NAMESPACE}/resourcebindings") or {}
    found = {b["metadata"]["name"] for b in listing["items"]}
    return {name.removesuffix("-configmap") for name in found if name.endswith("-configmap")}


@pytest.mark.timeout(300)
def test_a_wiped_bus_touches_no_workload(sandbox: Sandbox, users: Users) -> None:
    """With everything at rest, losing NATS and Redis changes nothing in any member."""
    settled(sandbox, users, "before the wipe")
    before = {name: _versions(m) for name, m in sandbox.members.items()}
    wipe_nats(sandbox)
    wipe_redis(sandbox)
    probe = note("probe", "after the wipe")
    sandbox.hub.apply(probe, namespace=NAMESPACE)
    until(
        lambda: values(sandbox.members["member1"]).get("probe") == "after the wipe",
        what="the fleet works again",
        patience=60,
    )
    after = {name: _versions(m) for name, m in sandbox.members.items()}
    for name, versions in before.items():
        assert {k: v for k, v in after[name].items() if k in versions} == versions, name
    users.wanted["probe"] = "after the wipe"


def _versions(member: worlds.Cluster) -> dict[str, str]:
    """resourceVersion of every managed object of the namespace."""
    found = {}
    for root, plural in (("/api/v1", "configmaps"), ("/apis/apps/v1", "deployments")):
        listing = member.get(f"{root}/namespaces/{NAMESPACE}/{plural}?labelSelector=argosy.dev/owner") or {"items": []}
        found |= {f"{plural}/{o['metadata']['name']}": o["metadata"]["resourceVersion"] for o in listing["items"]}
    return found

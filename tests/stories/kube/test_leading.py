"""Leadership by a Lease: one leads, the next takes over at once or after the Lease has run out."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from libs.common.kube import errors, lease, resources
from libs.common.kube.client import Client
from libs.common.kube.lease import Lease, Term
from libs.common.kube.resources import ObjectKey
from libs.sandbox.serving import wire
from tests.stories.kube.embedded import Embedded, embedded, until

KEY = ObjectKey("default", "leader")


class Leader:
    """A contender, and what became of it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.terms: list[Term] = []
        self.leads = False
        self.done = asyncio.Event()
        self.task: asyncio.Task[None]

    async def body(self, term: Term) -> None:
        self.terms.append(term)
        self.leads = True
        try:
            await self.done.wait()
        finally:
            self.leads = False

    async def run(self, api: Client) -> None:
        await lease.lead(
            api,
            KEY,
            self.name,
            self.body,
            duration=timedelta(seconds=1),
            deadline=timedelta(seconds=0.6),
            retry=timedelta(seconds=0.1),
            dead=lambda identity: identity == "dead",
        )


@asynccontextmanager
async def contenders(api: Client, *names: str) -> AsyncIterator[list[Leader]]:
    """Runs them; the first leads already."""
    async with asyncio.TaskGroup() as tasks:
        leaders = [Leader(name) for name in names]
        for leader in leaders:
            leader.task = tasks.create_task(leader.run(api))
            await until(lambda: any(each.leads for each in leaders))
        yield leaders
        for leader in leaders:
            leader.task.cancel()


async def stored(api: Client) -> Lease:
    return msgspec.json.decode(await api.get(resources.LEASES, KEY), type=Lease)


async def put(api: Client, found: Lease, **changes: object) -> None:
    """Writes a Lease as somebody else would."""
    changed = msgspec.structs.replace(found, spec=msgspec.structs.replace(found.spec, **changes))
    await api.replace(resources.LEASES, KEY, changed)


async def test_one_of_two_leads(tmp_path: Path) -> None:
    async with embedded(tmp_path) as server, server.client() as api, contenders(api, "a", "b") as (a, b):
        await asyncio.sleep(0.5)
        assert (a.leads, b.leads, (await stored(api)).spec.holder_identity) == (True, False, "a")


async def test_a_leader_that_ends_hands_over_at_once(tmp_path: Path) -> None:
    async with embedded(tmp_path) as server, server.client() as api, contenders(api, "a", "b") as (a, b):
        began = asyncio.get_running_loop().time()
        a.done.set()
        await until(lambda: b.leads)
        assert asyncio.get_running_loop().time() - began < 0.7
        assert b.terms[0].transitions == a.terms[0].transitions + 1


async def test_a_leader_that_is_cancelled_hands_over_at_once(tmp_path: Path) -> None:
    async with embedded(tmp_path) as server, server.client() as api, contenders(api, "a", "b") as (a, b):
        began = asyncio.get_running_loop().time()
        a.task.cancel()
        await until(lambda: b.leads)
        assert asyncio.get_running_loop().time() - began < 0.7


async def test_a_silent_leader_is_waited_for_until_its_lease_runs_out(tmp_path: Path) -> None:
    async with embedded(tmp_path) as server, server.client() as api:
        spec = lease.Spec(holder_identity="silent", lease_duration_seconds=1, lease_transitions=4)
        silent = Lease(metadata=lease.ObjectMeta(name=KEY.name, namespace=KEY.namespace), spec=spec)
        await api.create(resources.LEASES, silent, namespace=KEY.namespace)
        began = asyncio.get_running_loop().time()
        async with contenders(api, "a") as (a,):
            assert asyncio.get_running_loop().time() - began >= 0.95
            assert a.terms[0].transitions == 5


async def test_a_leader_that_is_known_to_be_dead_is_not_waited_for(tmp_path: Path) -> None:
    async with embedded(tmp_path) as server, server.client() as api:
        spec = lease.Spec(holder_identity="dead", lease_duration_seconds=3600)
        dead = Lease(metadata=lease.ObjectMeta(name=KEY.name, namespace=KEY.namespace), spec=spec)
        await api.create(resources.LEASES, dead, namespace=KEY.namespace)
        async with contenders(api, "a") as (a,):
            assert a.leads


async def test_who_loses_the_lease_is_stopped_and_stands_again(tmp_path: Path) -> None:
    async with embedded(tmp_path) as server, server.client() as api, contenders(api, "a") as (a,):
        await put(api, await stored(api), holder_identity="thief")
        await until(lambda: not a.leads)
        await until(lambda: len(a.terms) == 2)
        assert a.terms[1].transitions > a.terms[0].transitions


async def test_a_leader_that_cannot_renew_stops_before_others_may_begin(tmp_path: Path) -> None:
    async with embedded(tmp_path) as server, server.client() as api, contenders(api, "a") as (a,):
        began = asyncio.get_running_loop().time()
        await server.stop()
        await until(lambda: not a.leads)
        assert asyncio.get_running_loop().time() - began < 1
        await server.start()
        await until(lambda: a.leads)


async def test_a_short_outage_costs_no_term(tmp_path: Path) -> None:
    async with embedded(tmp_path) as server, server.client() as api, contenders(api, "a") as (a,):
        await server.stop()
        await asyncio.sleep(0.2)
        await server.start()
        before = (await stored(api)).spec.renew_time
        async with asyncio.timeout(5):
            while (await stored(api)).spec.renew_time == before:
                await asyncio.sleep(0.02)
        assert (a.leads, len(a.terms)) == (True, 1)


def hang(server: Embedded) -> None:
    """Requests are taken and never answered, also later; what stands is cut."""
    server.server.gate = lambda _: wire.HOLD
    server.server.drop()


async def test_a_call_that_is_never_answered_costs_no_term(tmp_path: Path) -> None:
    async with embedded(tmp_path) as server, server.client() as api, contenders(api, "a") as (a,):
        hang(server)
        await asyncio.sleep(0.15)
        server.server.gate = None
        before = (await stored(api)).spec.renew_time
        async with asyncio.timeout(0.5):
            while (await stored(api)).spec.renew_time == before:
                await asyncio.sleep(0.02)
        assert (a.leads, len(a.terms)) == (True, 1)


async def test_what_else_a_hang_has_swallowed_is_asked_again_when_it_is_over(tmp_path: Path) -> None:
    async with embedded(tmp_path) as server, server.client() as api, contenders(api, "a"), asyncio.TaskGroup() as tasks:
        hang(server)
        await asyncio.sleep(0.05)
        reading = tasks.create_task(api.get(resources.LEASES, KEY))
        await asyncio.sleep(0.15)
        server.server.gate = None
        async with asyncio.timeout(1):
            await reading


async def test_who_lost_the_lease_to_a_hang_leads_soon_after_it(tmp_path: Path) -> None:
    async with embedded(tmp_path) as server, server.client() as api, contenders(api, "a") as (a,):
        hang(server)
        await until(lambda: not a.leads)
        await asyncio.sleep(0.3)  # the next attempt has begun, and nobody will answer it
        server.server.gate = None
        async with asyncio.timeout(0.6):
            while not a.leads:
                await asyncio.sleep(0.005)


async def test_annotating_where_nobody_answers_fails_soon(tmp_path: Path) -> None:
    async with embedded(tmp_path) as server, server.client() as api, contenders(api, "a") as (a,):
        hang(server)
        with pytest.raises((errors.Unreachable, lease.Lost)):
            async with asyncio.timeout(0.5):
                await a.terms[0].annotate({"argosy.dev/epoch": "7"})


async def test_an_annotation_by_hand_costs_no_term(tmp_path: Path) -> None:
    async with embedded(tmp_path) as server, server.client() as api, contenders(api, "a") as (a,):
        await api.patch(resources.LEASES, KEY, {"metadata": {"annotations": {"by": "hand"}}})
        await a.terms[0].annotate({"argosy.dev/epoch": "7"})
        assert (await stored(api)).metadata.annotations == {"by": "hand", "argosy.dev/epoch": "7"}
        assert a.terms[0].annotations["argosy.dev/epoch"] == "7"


async def test_annotating_a_lost_lease_is_refused(tmp_path: Path) -> None:
    async with embedded(tmp_path) as server, server.client() as api, contenders(api, "a") as (a,):
        term = a.terms[0]
        await put(api, await stored(api), holder_identity="thief")
        with pytest.raises(lease.Lost, match="held by thief"):
            await term.annotate({"argosy.dev/epoch": "7"})


async def test_a_failing_body_releases_the_lease(tmp_path: Path) -> None:
    async def broken(_: Term) -> None:
        raise ValueError("broken")

    async with embedded(tmp_path) as server, server.client() as api:
        with pytest.raises(ExceptionGroup) as caught:
            await lease.lead(api, KEY, "a", broken)
        assert caught.group_contains(ValueError, match="broken")
        assert not (await stored(api)).spec.holder_identity


async def test_a_lease_that_was_annotated_by_hand_is_released_all_the_same(tmp_path: Path) -> None:
    async with embedded(tmp_path) as server, server.client() as api, contenders(api, "a") as (a,):
        await api.patch(resources.LEASES, KEY, {"metadata": {"annotations": {"by": "hand"}}})
        a.done.set()
        await a.task
        assert not (await stored(api)).spec.holder_identity

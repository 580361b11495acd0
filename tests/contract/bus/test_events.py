"""Events and published policies, as this code and as any other NATS client sees them."""

import asyncio
import json
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import nats
import pytest

from libs.common import bus
from libs.common.bus import cloudevents
from libs.common.messages import PolicyOutcome
from libs.common.names import OriginKey
from libs.common.subjects import INBOX
from tests.contract.bus.conftest import running

POLICY = {
    "apiVersion": "policy.karmada.io/v1alpha1",
    "kind": "PropagationPolicy",
    "metadata": {"namespace": "default", "name": "nginx.v1"},
    "spec": {"resourceSelectors": []},
}


async def tell(made: bus.Bus, name: str) -> None:
    await made.event(
        made.subjects.event_binding(OriginKey("default", name)),
        type=cloudevents.BINDING_SCHEDULED,
        source="/argosy/policy",
        id=name,
        data={"message": f"about {name}"},
        subject_attr=f"default/{name}",
    )


async def test_stored_events_are_read_and_the_reading_ends(made: bus.Bus) -> None:
    for name in "abc":
        await tell(made, name)
    found = [event async for event in made.events(about="binding", since=timedelta(minutes=5), follow=False)]
    assert [(e.id, e.namespace, e.subject) for e in found] == [(n, "default", f"default/{n}") for n in "abc"]


async def test_reading_what_is_stored_ends_also_when_nothing_is(made: bus.Bus) -> None:
    assert [event async for event in made.events(since=timedelta(minutes=5), follow=False)] == []


async def test_events_are_followed(made: bus.Bus) -> None:
    await tell(made, "before")
    heard: list[str] = []
    began = asyncio.Event()

    async def listen() -> None:
        async for event in made.events(since=timedelta(minutes=1)):
            heard.append(event.id)
            began.set()
            if event.id == "after":
                return

    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        tasks.create_task(listen())
        await began.wait()
        await tell(made, "after")
    assert heard == ["before", "after"]


async def test_the_last_event_of_a_subject(made: bus.Bus) -> None:
    subject = made.subjects.event_binding(OriginKey("default", "a"))
    assert await made.last_event(subject) is None
    await tell(made, "a")
    last = await made.last_event(subject)
    assert last is not None
    assert json.loads(bytes(last.data)) == {"message": "about a"}


async def test_any_client_reads_an_event(made: bus.Bus, nats_url: str) -> None:
    client = await nats.connect(nats_url)
    subscription = await client.subscribe(f"{made.subjects.prefix}.event.binding.>")
    await client.flush()
    await tell(made, "a")
    message = await subscription.next_msg(timeout=5)
    await client.close()
    assert message.subject == f"{made.subjects.prefix}.event.binding.default.a"
    assert message.headers is not None
    assert message.headers["ce-specversion"] == "1.0"
    assert message.headers["ce-type"] == "dev.argosy.binding.scheduled"
    assert json.loads(message.data) == {"message": "about a"}


async def apply(made: bus.Bus, accepted: bool = True) -> None:
    """What policy does with publications, as far as the bus sees it."""

    async def handle(delivery: bus.Delivery[dict[str, Any]]) -> None:
        event = cloudevents.parse(delivery.headers)
        outcome = PolicyOutcome(
            event_id=event.id,
            accepted=accepted,
            operation="applied" if event.type == cloudevents.POLICY_APPLIED else "deleted",
            kind=delivery.message["kind"],
            name=delivery.message["metadata"]["name"],
            message="" if accepted else "spec.resourceSelectors: must not be empty",
        )
        await made.publish_core(delivery.headers[cloudevents.REPLY_TO], outcome)

    await made.work_queue(
        INBOX, [made.subjects.all("publish", "policy")], consumer="policy", decode=lambda _: dict, handle=handle
    )


async def test_a_published_policy_gets_its_outcome(made: bus.Bus) -> None:
    async with running(apply(made, accepted=False)):
        outcome = await made.publish_policy(
            POLICY, operation="applied", event_id="e1", source="ci", timeout=timedelta(seconds=5)
        )
    assert (outcome.event_id, outcome.accepted) == ("e1", False)
    assert (await made.stream_info(INBOX)).messages == 0


async def test_a_publication_without_an_outcome_stays_for_later(made: bus.Bus) -> None:
    with pytest.raises(TimeoutError):
        await made.publish_policy(
            POLICY, operation="applied", event_id="e1", source="ci", timeout=timedelta(milliseconds=100)
        )
    assert (await made.stream_info(INBOX)).messages == 1


async def test_any_client_publishes_a_policy_and_hears_the_outcome(made: bus.Bus, nats_url: str) -> None:
    client = await nats.connect(nats_url)
    inbox = client.new_inbox()
    outcomes = await client.subscribe(inbox)
    headers = {
        "ce-specversion": "1.0",
        "ce-id": "build-42",
        "ce-source": "ci",
        "ce-type": "dev.argosy.policy.applied",
        "content-type": "application/json",
        "Argosy-Reply-To": inbox,
    }
    async with running(apply(made)):
        subject = f"{made.subjects.prefix}.publish.policy.default.nginx=2Ev1"
        await client.jetstream().publish(subject, json.dumps(POLICY).encode(), headers=headers)
        outcome = json.loads((await outcomes.next_msg(timeout=5)).data)
    await client.close()
    assert outcome["eventId"] == "build-42"
    assert outcome["accepted"] is True


async def test_the_example_of_the_documentation_works(made: bus.Bus, nats_url: str, tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs" / "events.md").read_text()
    example = tmp_path / "example.py"
    example.write_text(page.partition("```python\n")[2].partition("```")[0])

    async def handle(delivery: bus.Delivery[dict[str, Any]]) -> None:
        outcome = PolicyOutcome(
            event_id=cloudevents.parse(delivery.headers).id,
            accepted=True,
            operation="applied",
            kind=delivery.message["kind"],
            name=delivery.message["metadata"]["name"],
        )
        await made.publish_core(delivery.headers[cloudevents.REPLY_TO], outcome)
        await made.event(
            made.subjects.event_policy("default", "nginx"),
            type=cloudevents.POLICY_ACCEPTED,
            source="/argosy/policy",
            id="1",
            data=outcome,
            subject_attr="default/nginx",
        )

    work = made.work_queue(
        INBOX, [made.subjects.all("publish", "policy")], consumer="policy", decode=lambda _: dict, handle=handle
    )
    async with running(work):
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(example),
            env={"NATS_URL": nats_url, "ARGOSY_SUBJECT_PREFIX": made.subjects.prefix},
            stdout=asyncio.subprocess.PIPE,
        )
        said, _ = await asyncio.wait_for(process.communicate(), 20)
    first, second = said.decode().splitlines()
    assert first == "accepted"
    assert second.startswith("dev.argosy.policy.accepted default/nginx {")

"""Policies are published and what happens is followed over NATS alone, by any client."""

import asyncio
import json
from typing import Any

import nats
import yaml

from tests.worlds import Cluster, Sandbox, config_map, duplicated, policy, selector_of, until

NOTE = config_map("note", a="b")


def test_publish_applies_and_deletes_a_policy_without_the_hubs_api(
    sandbox: Sandbox, hub: Cluster, members: dict[str, Cluster], ns: str, tmp_path: Any
) -> None:
    hub.apply(NOTE, namespace=ns)
    body = policy("note", selector_of(NOTE), placement=duplicated("member1"))
    body["metadata"]["namespace"] = ns
    file = tmp_path / "policy.yaml"
    file.write_text(yaml.safe_dump(body))
    assert "applied" in sandbox.argosy("publish", "-f", str(file))
    until(lambda: members["member1"].config_map("note", ns), what="the ConfigMap in member1")
    assert "deleted" in sandbox.argosy("publish", "--delete", "-f", str(file))
    until(
        lambda: hub.object("propagationpolicies", "note", ns, "policy.karmada.io/v1alpha1") is None, what="it is gone"
    )


def test_an_invalid_policy_is_refused_with_the_hubs_words(sandbox: Sandbox, ns: str, tmp_path: Any) -> None:
    body = policy("bad", selector_of(NOTE), placement=duplicated(), preemption="Maybe")
    body["metadata"]["namespace"] = ns
    file = tmp_path / "policy.yaml"
    file.write_text(yaml.safe_dump(body))
    assert "spec.preemption" in sandbox.argosy("publish", "-f", str(file), ok=False)


def test_any_nats_client_can_publish_and_follow(sandbox: Sandbox, hub: Cluster, ns: str) -> None:
    hub.apply(NOTE, namespace=ns)
    body = policy("plain", selector_of(NOTE), placement=duplicated("member2"))
    body["metadata"]["namespace"] = ns

    async def story() -> tuple[dict[str, Any], dict[str, str], dict[str, Any]]:
        client = await nats.connect(sandbox.status["nats"]["url"])
        inbox = client.new_inbox()
        answers = await client.subscribe(inbox)
        followed = await client.subscribe("argosy.event.binding.>")
        headers = {
            "ce-specversion": "1.0",
            "ce-type": "dev.argosy.policy.applied",
            "ce-source": "story",
            "ce-id": "story-1",
            "content-type": "application/json",
            "Argosy-Reply-To": inbox,
        }
        await client.jetstream().publish(
            f"argosy.publish.policy.{ns}.plain", json.dumps(body).encode(), headers=headers
        )
        answer = json.loads((await answers.next_msg(timeout=20)).data)
        while True:
            event = await followed.next_msg(timeout=20)
            if f".{ns}." in event.subject:
                break
        await client.close()
        return answer, dict(event.headers or {}), json.loads(event.data)

    answer, headers, data = asyncio.run(story())
    assert answer["accepted"]
    assert answer["eventId"] == "story-1"
    assert headers["ce-specversion"] == "1.0"
    assert headers["ce-type"].startswith("dev.argosy.binding.")
    assert data["name"] == "note-configmap"


def test_the_subject_is_the_right(sandbox: Sandbox, ns: str) -> None:
    """A policy whose own name or namespace is not the subject's is refused."""
    body = policy("other", selector_of(NOTE), placement=duplicated())
    body["metadata"]["namespace"] = "default"

    async def story() -> dict[str, Any]:
        client = await nats.connect(sandbox.status["nats"]["url"])
        inbox = client.new_inbox()
        answers = await client.subscribe(inbox)
        headers = {
            "ce-specversion": "1.0",
            "ce-type": "dev.argosy.policy.applied",
            "ce-source": "story",
            "ce-id": "story-2",
            "Argosy-Reply-To": inbox,
        }
        await client.jetstream().publish(f"argosy.publish.policy.{ns}.mine", json.dumps(body).encode(), headers=headers)
        answer: dict[str, Any] = json.loads((await answers.next_msg(timeout=20)).data)
        await client.close()
        return answer

    answer = asyncio.run(story())
    assert not answer["accepted"]
    assert "subject" in answer["message"]


def test_events_follow_what_happens(sandbox: Sandbox, hub: Cluster, ns: str) -> None:
    hub.apply(NOTE, policy("note", selector_of(NOTE), placement=duplicated("member1")), namespace=ns)
    hub.kubectl("wait", "rb/note-configmap", "--for=create", "--timeout=30s", namespace=ns)

    def told() -> bool:
        return "dev.argosy.binding.scheduled" in sandbox.argosy("events", "--no-follow", "-n", ns)

    until(told, what="the scheduled event")

"""Writes `docs/asyncapi.yaml`: what travels on the bus, made from the subjects and messages of the code.

python -m libs.common.asyncapi [file]
"""

import inspect
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
import yaml

from libs.common import messages, subjects
from libs.common.messages import Message
from libs.common.names import OriginKey
from libs.common.subjects import Subjects

FILE: Final = Path("docs/asyncapi.yaml")
_HEAD: Final = "# Made from libs/common by `make gen`. Do not edit.\n"
_REFERENCE: Final = "#/components/schemas/{name}"

_PLACEHOLDERS: Final = {"CLUSTER": "cluster", "NAMESPACE": "namespace", "NAME": "name"}
_KEY: Final = OriginKey("NAMESPACE", "NAME")

_PARAMETERS: Final = {
    "cluster": "Name of a member cluster, as one token.",
    "namespace": "Namespace, as one token; `_` for cluster-scoped objects.",
    "name": "Name of the binding or object, as one token.",
}

INFO: Final = """\
Argosy's services exchange state over NATS with JetStream. Every message is the whole desired or observed state of one \
thing; readers keep the last one per subject. Payloads are JSON with camelCase names; readers ignore fields they do \
not know.

**Subjects.** A token is a Kubernetes name whose UTF-8 bytes outside `[A-Za-z0-9_-]` are written as `=XX`, upper-case \
hexadecimal: `system.foo` is `system=2Efoo`. `_` stands for the namespace of cluster-scoped objects. The first token, \
`argosy`, can be set.

**Headers.** `traceparent` (W3C) on every message that belongs to a change. `Content-Encoding: zstd` on payloads \
above 64 KiB, never on events. Events and published policies are CloudEvents 1.0 in binary mode: `ce-specversion`, \
`ce-id`, `ce-source`, `ce-type`, `ce-subject`, `ce-time`; `content-type: application/json`.
"""


class Channel(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of subject."""

    name: str
    """Of the method of `Subjects` that builds it."""
    address: Callable[[Subjects], str]
    payload: type[Message] | None
    """None: a policy as the user wrote it."""
    stream: str
    """Empty for core NATS."""
    writers: tuple[str, ...]
    readers: tuple[str, ...]
    summary: str
    reply: type[Message] | None = None
    event: bool = False


_POLICY, _SCHEDULER, _AGENT, _AGGREGATOR, _ANYONE = "policy", "scheduler", "agent", "status-aggregator", "anyone"

CHANNELS: Final = (
    Channel(
        name="binding_request",
        address=lambda s: s.binding_request(_KEY),
        payload=messages.BindingRequest,
        stream=subjects.BINDINGS,
        writers=(_POLICY,),
        readers=(_SCHEDULER,),
        summary="Where should this template go?",
    ),
    Channel(
        name="binding_placed",
        address=lambda s: s.binding_placed(_KEY),
        payload=messages.Placed,
        stream=subjects.PLACEMENTS,
        writers=(_SCHEDULER,),
        readers=(_POLICY,),
        summary="The scheduler's answer, with an explanation for every cluster.",
    ),
    Channel(
        name="work",
        address=lambda s: s.work("CLUSTER", _KEY),
        payload=messages.Work,
        stream=subjects.WORKS,
        writers=(_POLICY,),
        readers=(_AGENT,),
        summary="What one member must have, or must no longer have, of one origin.",
    ),
    Channel(
        name="status",
        address=lambda s: s.status("CLUSTER", _KEY),
        payload=messages.WorkStatus,
        stream=subjects.STATUS,
        writers=(_AGENT,),
        readers=(_AGGREGATOR,),
        summary="What became of a work, and what the object in the member says of itself.",
    ),
    Channel(
        name="gone",
        address=lambda s: s.gone("CLUSTER", _KEY),
        payload=messages.Gone,
        stream=subjects.STATUS,
        writers=(_AGENT,),
        readers=(_POLICY,),
        summary="These objects are no longer in the member.",
    ),
    Channel(
        name="capacity",
        address=lambda s: s.capacity("CLUSTER"),
        payload=messages.CapacityReport,
        stream=subjects.STATUS,
        writers=(_AGENT,),
        readers=(_AGGREGATOR,),
        summary="Facts about a member: health, version, APIs, nodes, resources.",
    ),
    Channel(
        name="outcome",
        address=lambda s: s.outcome(_KEY),
        payload=messages.Outcome,
        stream=subjects.STATUS,
        writers=(_POLICY,),
        readers=(_AGGREGATOR,),
        summary="What the status of a binding must say of scheduling and targets.",
    ),
    Channel(
        name="beat",
        address=lambda s: s.beat("CLUSTER"),
        payload=messages.Beat,
        stream="",
        writers=(_AGENT,),
        readers=(_AGGREGATOR, _POLICY),
        summary="The agent lives, and this is what it knows and has applied.",
    ),
    Channel(
        name="call",
        address=lambda s: s.call("CLUSTER", "inventory"),
        payload=messages.InventoryRequest,
        reply=messages.Inventory,
        stream="",
        writers=(_POLICY,),
        readers=(_AGENT,),
        summary="What stands in the member under this owner?",
    ),
    Channel(
        name="event_policy",
        address=lambda s: s.event_policy("NAMESPACE", "NAME"),
        payload=messages.PolicyOutcome,
        stream=subjects.EVENTS,
        writers=(_POLICY,),
        readers=(_ANYONE,),
        summary="What became of a published policy.",
        event=True,
    ),
    Channel(
        name="event_binding",
        address=lambda s: s.event_binding(_KEY),
        payload=messages.Placed,
        stream=subjects.EVENTS,
        writers=(_POLICY,),
        readers=(_ANYONE,),
        summary="Decisions on a binding, and its end.",
        event=True,
    ),
    Channel(
        name="event_cluster",
        address=lambda s: s.event_cluster("CLUSTER"),
        payload=None,
        stream=subjects.EVENTS,
        writers=(_POLICY, _AGGREGATOR),
        readers=(_ANYONE,),
        summary="A cluster joined, left, or changed its health.",
        event=True,
    ),
    Channel(
        name="publish_policy",
        address=lambda s: s.publish_policy("NAMESPACE", "NAME"),
        payload=None,
        stream=subjects.INBOX,
        writers=(_ANYONE,),
        readers=(_POLICY,),
        reply=messages.PolicyOutcome,
        summary="A policy to be applied to the hub, or deleted there. The outcome goes to the header Argosy-Reply-To.",
        event=True,
    ),
)

STREAMS: Final = {
    subjects.BINDINGS: "the last message of each subject; one consumer, shared by the schedulers",
    subjects.PLACEMENTS: "the last message of each subject",
    subjects.WORKS: "the last message of each subject; one consumer per agent",
    subjects.STATUS: "the last message of each subject",
    subjects.EVENTS: "24 hours, 256 MiB",
    subjects.INBOX: "until taken",
    subjects.DEAD: "messages that could not be used, with the reason in the header Argosy-Reason; 7 days, 256 MiB",
}


def document() -> dict[str, Any]:
    """The AsyncAPI 3.0 document."""
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Argosy on NATS", "version": "1", "license": {"name": "Apache-2.0"}, "description": INFO},
        "defaultContentType": "application/json",
        "servers": {
            "nats": {"host": "127.0.0.1:4222", "protocol": "nats", "description": "NATS 2.14+ with JetStream."}
        },
        "channels": {channel.name: _channel(channel) for channel in CHANNELS},
        "operations": dict(operation for channel in CHANNELS for operation in _operations(channel)),
        "components": {"schemas": _schemas(), "messages": _messages(), "messageTraits": _traits()},
        "x-streams": STREAMS,
    }


def address(channel: Channel, prefix: str = "argosy") -> str:
    """The subject of a channel with its parameters in braces."""
    built = channel.address(Subjects(prefix))
    return ".".join(f"{{{_PLACEHOLDERS[token]}}}" if token in _PLACEHOLDERS else token for token in built.split("."))


def text() -> str:
    """The file."""
    return _HEAD + yaml.dump(document(), Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True)


def main(file: Path = FILE) -> None:
    """Writes the file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text())


def _channel(channel: Channel) -> dict[str, Any]:
    subject = address(channel)
    parameters = [name for name in _PARAMETERS if f"{{{name}}}" in subject]
    kept = f"Stream {channel.stream}: {STREAMS[channel.stream]}." if channel.stream else "Core NATS: not stored."
    return {
        "address": subject,
        "summary": channel.summary,
        "description": kept,
        "parameters": {name: {"description": _PARAMETERS[name]} for name in parameters},
        "messages": {"message": {"$ref": f"#/components/messages/{channel.name}"}},
        **({"x-stream": channel.stream} if channel.stream else {}),
    }


def _operations(channel: Channel) -> list[tuple[str, Any]]:
    def operation(action: str, who: str) -> tuple[str, Any]:
        name = f"{who.replace('-', '_')}_{action}s_{channel.name}"
        return name, {
            "action": action,
            "channel": {"$ref": f"#/channels/{channel.name}"},
            "tags": [{"name": who}],
            "messages": [{"$ref": f"#/channels/{channel.name}/messages/message"}],
        }

    sends = (operation("send", writer) for writer in channel.writers)
    return [*sends, *(operation("receive", reader) for reader in channel.readers)]


def _messages() -> dict[str, Any]:
    made = {}
    for channel in CHANNELS:
        trait = "cloudEvent" if channel.event else "state"
        made[channel.name] = {
            "summary": channel.summary,
            "payload": _payload(channel),
            "traits": [{"$ref": f"#/components/messageTraits/{trait}"}],
            **({"x-reply": {"$ref": _REFERENCE.format(name=channel.reply.__name__)}} if channel.reply else {}),
        }
    return made


def _payload(channel: Channel) -> dict[str, Any]:
    if channel.payload is not None:
        return {"$ref": _REFERENCE.format(name=channel.payload.__name__)}
    if channel.name == "publish_policy":
        kinds = "PropagationPolicy, ClusterPropagationPolicy, OverridePolicy or ClusterOverridePolicy"
        return {"type": "object", "description": f"A {kinds}, as it would be given to the hub's API."}
    names = ("name", "uid", "ready", "reason", "message")
    return {"type": "object", "required": ["name", "uid"], "properties": {name: {"type": "string"} for name in names}}


def _traits() -> dict[str, Any]:
    trace = {"traceparent": {"type": "string", "description": "W3C trace context."}}
    required = {
        "ce-specversion": {"const": "1.0"},
        "ce-id": {"type": "string", "description": "Unique for the source."},
        "ce-source": {"type": "string", "description": "Who speaks; for policies also the field manager on the hub."},
        "ce-type": {"type": "string"},
    }
    optional = {
        "ce-subject": {"type": "string"},
        "ce-time": {"type": "string", "format": "date-time"},
        "content-type": {"const": "application/json"},
        "Argosy-Reply-To": {"type": "string", "description": "Published policies: where the outcome is wanted."},
    }
    encoding = {"Content-Encoding": {"const": "zstd", "description": "Present on payloads above 64 KiB."}}
    return {
        "state": {"headers": {"type": "object", "properties": {**trace, **encoding}}},
        "cloudEvent": {
            "headers": {"type": "object", "required": list(required), "properties": {**required, **optional, **trace}}
        },
    }


def _schemas() -> Mapping[str, Any]:
    payloads = {t for channel in CHANNELS for t in (channel.payload, channel.reply) if t is not None}
    _, found = msgspec.json.schema_components(sorted(payloads, key=lambda t: t.__name__), ref_template=_REFERENCE)
    for name, schema in found.items():
        about = getattr(messages, name, None)
        if about is not None:
            schema["description"] = inspect.cleandoc(about.__doc__ or "")
    return dict(sorted(found.items()))


class _Dumper(yaml.SafeDumper):
    """Writes equal parts out in full, and long texts as blocks."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, data: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", data, style="|" if "\n" in data else None)


_Dumper.add_representer(str, _text)

if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))

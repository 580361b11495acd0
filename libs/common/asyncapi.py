"""Writes `docs/asyncapi.yaml`: what travels on the bus, made from the subjects and messages of the code.

python -m libs.common.asyncapi [file]
"""

import inspect
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
import yaml

from libs.common import channels, messages
from libs.common.channels import CHANNELS, STREAMS, Channel

FILE: Final = Path("docs/asyncapi.yaml")
_HEAD: Final = "# Made from libs/common by `make gen`. Do not edit.\n"
_REFERENCE: Final = "#/components/schemas/{name}"

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


def text() -> str:
    """The file."""
    return _HEAD + yaml.dump(document(), Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True)


def main(file: Path = FILE) -> None:
    """Writes the file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text())


def _channel(channel: Channel) -> dict[str, Any]:
    subject = channels.address(channel)
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

"""CloudEvents 1.0 on NATS in binary mode: attributes in headers, data as the payload.

References: cloudevents.io, spec 1.0.2 and its NATS protocol binding.
"""

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, unquote

import msgspec

REPLY_TO: Final = "Argosy-Reply-To"
"""Header that names the subject where the outcome of a published policy is wanted."""

# what a publisher wishes
POLICY_APPLIED: Final = "dev.argosy.policy.applied"
POLICY_DELETED: Final = "dev.argosy.policy.deleted"
# what has happened
POLICY_ACCEPTED: Final = "dev.argosy.policy.accepted"
POLICY_REFUSED: Final = "dev.argosy.policy.refused"
BINDING_SCHEDULED: Final = "dev.argosy.binding.scheduled"
BINDING_UNSCHEDULABLE: Final = "dev.argosy.binding.unschedulable"
BINDING_DELETED: Final = "dev.argosy.binding.deleted"
CLUSTER_JOINED: Final = "dev.argosy.cluster.joined"
CLUSTER_LEFT: Final = "dev.argosy.cluster.left"
CLUSTER_HEALTH: Final = "dev.argosy.cluster.health"

_CONTENT_TYPE: Final = "content-type"
_PREFIX: Final = "ce-"
_SAFE: Final = " !#$&'()*+,-./:;<=>?@[]^_`{|}~"


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """The attributes of an event. `id` is unique for its `source`."""

    id: str
    source: str
    type: str
    subject: str = ""
    time: str = ""
    """RFC 3339."""
    traceparent: str = ""
    content_type: str = "application/json"


class NoEvent(ValueError):
    """The headers are no CloudEvent 1.0 in binary mode; the message names what is missing."""


def headers(event: Event) -> dict[str, str]:
    """The headers of an event."""
    attributes = {
        "specversion": "1.0",
        "id": event.id,
        "source": event.source,
        "type": event.type,
        "subject": event.subject,
        "time": event.time,
    }
    made = {f"{_PREFIX}{name}": quote(value, safe=_SAFE) for name, value in attributes.items() if value}
    made[_CONTENT_TYPE] = event.content_type
    if event.traceparent:
        made["traceparent"] = made[f"{_PREFIX}traceparent"] = event.traceparent
    return made


def parse(found: Mapping[str, str]) -> Event:
    """The event that these headers describe; names of headers may be in any case.

    Raises:
        NoEvent: a required attribute is missing, or the version is not 1.0.
    """
    lower = {k.lower(): v for k, v in found.items()}
    attributes = {k.removeprefix(_PREFIX): unquote(v) for k, v in lower.items() if k.startswith(_PREFIX)}
    missing = [name for name in ("specversion", "id", "source", "type") if not attributes.get(name)]
    if missing:
        raise NoEvent(f"no CloudEvent in binary mode: header {_PREFIX}{missing[0]} is missing")
    if attributes["specversion"] != "1.0":
        raise NoEvent(f"CloudEvents version is {attributes['specversion']!r}, expected '1.0'")
    return Event(
        id=attributes["id"],
        source=attributes["source"],
        type=attributes["type"],
        subject=attributes.get("subject", ""),
        time=attributes.get("time", ""),
        traceparent=lower.get("traceparent") or attributes.get("traceparent", ""),
        content_type=lower.get(_CONTENT_TYPE, "application/json"),
    )

"""The kinds of subjects on the bus: what each carries, who writes it, who reads it. A table."""

from collections.abc import Callable
from typing import Final

import msgspec

from libs.common import messages, subjects
from libs.common.messages import Message
from libs.common.names import OriginKey
from libs.common.subjects import Subjects

_PLACEHOLDERS: Final = {"CLUSTER": "cluster", "NAMESPACE": "namespace", "NAME": "name"}
_KEY: Final = OriginKey("NAMESPACE", "NAME")


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


def address(channel: Channel, prefix: str = "argosy") -> str:
    """The subject of a channel with its parameters in braces."""
    built = channel.address(Subjects(prefix))
    return ".".join(f"{{{_PLACEHOLDERS[token]}}}" if token in _PLACEHOLDERS else token for token in built.split("."))

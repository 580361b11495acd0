"""Policies that come by the bus: applied to the hub, or deleted there, on behalf of who published them.

The right to the subject is the authorisation: what the message names must be what the subject names. The hub's own
validation is the one gate, and the publisher is a field manager of its own there.
"""

from datetime import timedelta
from typing import Any, Literal, NamedTuple

import msgspec
import structlog

from libs.common import bus, subjects
from libs.common.api import wellknown
from libs.common.bus import cloudevents
from libs.common.errors import Retry, Terminal
from libs.common.kube import resources
from libs.common.kube.client import APPLY, Client
from libs.common.kube.errors import ApiError, BadRequest, Conflict, Forbidden, Invalid, NotFound, TooLarge
from libs.common.kube.resources import ObjectKey, Resource
from libs.common.messages import PolicyOutcome
from services.policy.notices import SOURCE

log = structlog.get_logger(__name__)

KINDS: dict[str, Resource] = {
    r.kind: r
    for r in (
        resources.PROPAGATION_POLICIES,
        resources.CLUSTER_PROPAGATION_POLICIES,
        resources.OVERRIDE_POLICIES,
        resources.CLUSTER_OVERRIDE_POLICIES,
    )
}
_OPERATIONS: dict[str, Literal["applied", "deleted"]] = {
    cloudevents.POLICY_APPLIED: "applied",
    cloudevents.POLICY_DELETED: "deleted",
}
_LONGEST_MANAGER = 128
_IN_LINE = timedelta(milliseconds=100)
_MANAGER_PREFIX = "publisher/"
_FIELD_CONFLICT = "FieldManagerConflict"

Policy = dict[str, Any]


class RefusedError(Exception):
    """A publication that will never do; the message is for its publisher."""


class _Wish(NamedTuple):
    operation: Literal["applied", "deleted"]
    resource: Resource
    key: ObjectKey
    manager: str


class Inbox:
    def __init__(self, api: Client, nats: bus.Bus) -> None:
        self._api = api
        self._nats = nats

    async def run(self) -> None:
        """Takes publications until cancelled."""
        await self._nats.work_queue(
            subjects.INBOX,
            [self._nats.subjects.all("publish", "policy")],
            consumer="policy-inbox",
            decode=lambda subject: Policy,
            handle=self._handle,
            workers=4,
        )

    async def _handle(self, delivery: "bus.Delivery[Policy]") -> None:
        oldest = await self._nats.first_seq(subjects.INBOX, delivery.subject)
        if oldest is not None and oldest < delivery.seq:
            # what was published before must not come after it, however long the hub refuses it
            raise Retry("an earlier publication of this policy waits", after=_IN_LINE)
        try:
            namespace, name = self._nats.subjects.origin(delivery.subject)
        except ValueError as error:
            raise Terminal(str(error)) from error
        event_id, operation, kind, version = "", "applied", str(delivery.message.get("kind", "")), ""
        try:
            event = _event(delivery)
            event_id = event.id
            wish = _wish(event, delivery.message, ObjectKey(namespace, name))
            operation = wish.operation
            version = await self._carry_out(wish, delivery.message)
            message = ""
        except RefusedError as refusal:
            message = str(refusal)
        except ApiError as error:
            if not is_refusal(error):
                raise
            message = str(error)
        outcome = PolicyOutcome(
            event_id=event_id,
            accepted=not message,
            operation="deleted" if operation == "deleted" else "applied",
            kind=kind,
            namespace=namespace,
            name=name,
            message=message,
            resource_version=version,
        )
        await self._tell(outcome, delivery)

    async def _carry_out(self, wish: _Wish, policy: Policy) -> str:
        """Returns the resourceVersion of what was applied."""
        if wish.operation == "deleted":
            await self._api.delete(wish.resource, wish.key)
            return ""
        metadata = {k: v for k, v in policy["metadata"].items() if k not in ("managedFields", "resourceVersion", "uid")}
        body = {**{k: v for k, v in policy.items() if k != "status"}, "metadata": metadata}
        answer = await self._api.patch(wish.resource, wish.key, body, content_type=APPLY, manager=wish.manager)
        return msgspec.json.decode(answer, type=_Versioned).metadata.resource_version

    async def _tell(self, outcome: PolicyOutcome, delivery: "bus.Delivery[Policy]") -> None:
        names = self._nats.subjects
        log.info(
            "policy published",
            kind=outcome.kind,
            namespace=outcome.namespace,
            name=outcome.name,
            accepted=outcome.accepted,
            message=outcome.message,
        )
        await self._nats.event(
            names.event_policy(outcome.namespace, outcome.name),
            type=cloudevents.POLICY_ACCEPTED if outcome.accepted else cloudevents.POLICY_REFUSED,
            source=SOURCE,
            id=f"outcome/{outcome.event_id or delivery.seq}",
            data=outcome,
            subject_attr="/".join(filter(None, (outcome.namespace, outcome.name))),
            traceparent=delivery.traceparent,
        )
        reply = next((v for k, v in delivery.headers.items() if k.lower() == cloudevents.REPLY_TO.lower()), "")
        if reply and self._may_answer(reply):
            await self._nats.publish_core(reply, outcome)

    def _may_answer(self, subject: str) -> bool:
        """Policy may write where publishers may not: it answers to no subject that means something here."""
        reserved = subject.startswith((f"{self._nats.subjects.prefix}.", "$"))
        return not reserved and not any(c in subject for c in "*> \t\r\n")


def _event(delivery: "bus.Delivery[Policy]") -> cloudevents.Event:
    try:
        return cloudevents.parse(delivery.headers)
    except cloudevents.NoEvent as error:
        raise RefusedError(str(error)) from error


def _wish(event: cloudevents.Event, policy: Policy, key: ObjectKey) -> _Wish:
    operation = _OPERATIONS.get(event.type)
    if operation is None:
        raise RefusedError(f"event type is {event.type!r}, expected {' or '.join(_OPERATIONS)}")
    resource = KINDS.get(str(policy.get("kind")))
    if resource is None or policy.get("apiVersion") != wellknown.POLICY_API:
        raise RefusedError(
            f"{policy.get('apiVersion')} {policy.get('kind')} cannot be published, "
            f"expected {wellknown.POLICY_API} with kind {', '.join(KINDS)}"
        )
    metadata = policy.get("metadata") if isinstance(policy.get("metadata"), dict) else {}
    named = ObjectKey(str((metadata or {}).get("namespace") or ""), str((metadata or {}).get("name") or ""))
    if named != key:
        raise RefusedError(f"metadata names {'/'.join(named)!r}, but the subject names {'/'.join(key)!r}")
    if resource.namespaced != bool(key.namespace):
        raise RefusedError(f"a {resource.kind} {'needs a' if resource.namespaced else 'has no'} namespace")
    return _Wish(operation, resource, key, _manager(event.source))


def is_refusal(error: ApiError) -> bool:
    """Whether the hub has refused this policy for good. All else, such as credentials that ran out, a race or a kind
    that is not installed yet, is no fault of the publisher, and is tried again.
    """
    if isinstance(error, Conflict):
        return any(cause.reason == _FIELD_CONFLICT for cause in error.details.causes or ())
    if isinstance(error, NotFound):
        return not error.of_kind
    return isinstance(error, BadRequest | Forbidden | Invalid | TooLarge)


def _manager(source: str) -> str:
    """The publisher's field manager: printable, and nobody's who writes to the hub by another way."""
    printable = "".join(c if c.isprintable() else "?" for c in source)
    return f"{_MANAGER_PREFIX}{printable}"[:_LONGEST_MANAGER]


class _Version(msgspec.Struct, frozen=True, rename="camel"):
    resource_version: str = ""


class _Versioned(msgspec.Struct, frozen=True):
    metadata: _Version

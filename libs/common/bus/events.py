"""CloudEvents on the bus: what happens is told, policies are published, outcomes come back."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

import msgspec
import nats.errors
import structlog
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from libs.common.bus import cloudevents, codec, streams
from libs.common.bus.connection import Connection
from libs.common.bus.errors import Unavailable
from libs.common.bus.pull import Pull, place, pulling
from libs.common.messages import PolicyOutcome
from libs.common.subjects import EVENTS

log = structlog.get_logger()

_IDLE: Final = timedelta(minutes=1)
_BATCH: Final = 200
_CHECK_SECONDS: Final = 5.0


class CloudEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event as it was received."""

    id: str
    type: str
    source: str
    subject: str = ""
    """What it is about within its source."""
    namespace: str = ""
    """Of the object that it is about; empty for cluster-scoped ones and for clusters."""
    time: str = ""
    traceparent: str = ""
    data: msgspec.Raw = msgspec.Raw(b"null")


class Events(Connection):
    """What the bus can do with events."""

    async def event(
        self,
        subject: str,
        *,
        type: str,
        source: str,
        id: str,
        data: Any,
        subject_attr: str = "",
        traceparent: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> int:
        """Publishes a CloudEvent in binary mode. It is never compressed, so that any client can read it.

        Args:
            type: one of the types in `cloudevents`.
            source: URI reference of who speaks, e.g. `/argosy/policy`.
            id: unique for the source; the same id again means the same event.
            subject_attr: what the event is about within the source, e.g. `default/nginx-deployment`.
            headers: further headers, e.g. `cloudevents.REPLY_TO`.

        Raises:
            Unavailable, TooLarge.
        """
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        event = cloudevents.Event(
            id=id, source=source, type=type, subject=subject_attr, time=now, traceparent=traceparent
        )
        payload = codec.encode(data)
        all_headers = {**cloudevents.headers(event), **(headers or {})}
        return await self._publisher.send(subject, payload, all_headers)

    async def last_event(self, subject: str) -> CloudEvent | None:
        """The last event on a subject, or None if there is none or it is none of ours. Raises Unavailable."""
        try:
            found = await self._session.js.get_last_msg(self._stream(EVENTS), subject, direct=True)
        except nats.js.errors.NotFoundError:
            return None
        except nats.errors.Error as error:
            raise Unavailable(f"{subject} cannot be read: {error}") from error
        return self._received(subject, found.data or b"", found.headers or {})

    async def events(
        self, *, about: str | None = None, since: timedelta = timedelta(), follow: bool = True
    ) -> AsyncIterator[CloudEvent]:
        """Events in their order, stored ones first.

        Args:
            about: `policy`, `binding` or `cluster`; None for all.
            since: begin so long ago; zero begins now.
            follow: go on for ever; else end after what is stored.

        Raises:
            Unavailable: the stream cannot be read.
            Closed: the connection is gone for good.
        """
        waiting: asyncio.Queue[Msg | None] = asyncio.Queue()
        subject = self.subjects.all("event", about) if about else self.subjects.all("event")
        config = ConsumerConfig(
            ack_policy=AckPolicy.NONE,
            inactive_threshold=_IDLE.total_seconds(),
            deliver_policy=DeliverPolicy.BY_START_TIME if since else DeliverPolicy.NEW,
            opt_start_time=datetime.now(UTC) - since if since else None,
            **streams.filtered([subject]),
        )
        made = await self._call(self._session.js.add_consumer(self._stream(EVENTS), config))
        left = made.num_pending or 0
        async with pulling(
            self._session,
            self._stream(EVENTS),
            made.name or "",
            waiting.put_nowait,
            batch=_BATCH,
            on_end=lambda: waiting.put_nowait(None),
        ) as pull:
            while follow or left > 0:
                raw = await _next(waiting, pull)
                if raw is None:
                    raise Unavailable(f"the stream of events ended: {pull.why}")
                left = place(raw.reply).pending
                event = self._received(raw.subject, raw.data, raw.headers or {})
                if event is not None:
                    yield event

    async def publish_policy(
        self,
        policy: Mapping[str, Any],
        *,
        operation: Literal["applied", "deleted"],
        event_id: str,
        source: str,
        timeout: timedelta,
    ) -> PolicyOutcome:
        """Publishes a policy to be applied to the hub, or to be deleted there, and waits for what became of it.

        Args:
            policy: the object; its kind and metadata decide the subject.
            event_id: names this publication in its outcome.
            source: who publishes: the field manager on the hub.

        Raises:
            TimeoutError: no outcome yet; the publication is stored and takes effect later.
            Unavailable: it could not be stored.
        """
        metadata = policy["metadata"]
        subject = self.subjects.publish_policy(metadata.get("namespace", ""), metadata["name"])
        inbox = self._session.client.new_inbox()
        answered: asyncio.Future[PolicyOutcome] = asyncio.get_running_loop().create_future()

        async def take(raw: Msg) -> None:
            try:
                outcome = codec.decode(raw.data, raw.headers or {}, PolicyOutcome)
            except codec.Undecodable as error:
                log.warning("outcome cannot be read", subject=subject, error=str(error))
                return
            if outcome.event_id == event_id and not answered.done():
                answered.set_result(outcome)

        subscription = await self._call(self._session.client.subscribe(inbox, cb=take))
        try:
            await self.event(
                subject,
                type=cloudevents.POLICY_APPLIED if operation == "applied" else cloudevents.POLICY_DELETED,
                source=source,
                id=event_id,
                data=policy,
                subject_attr="/".join(filter(None, (metadata.get("namespace", ""), metadata["name"]))),
                headers={cloudevents.REPLY_TO: inbox},
            )
            async with asyncio.timeout(timeout.total_seconds()):
                return await answered
        finally:
            if not self._session.client.is_closed:
                await subscription.unsubscribe()

    def _received(self, subject: str, data: bytes, headers: Mapping[str, str]) -> CloudEvent | None:
        try:
            event = cloudevents.parse(headers)
            of_cluster = subject.startswith(self.subjects.all("event", "cluster")[:-1])
            namespace = "" if of_cluster else self.subjects.origin(subject).namespace
            body = msgspec.json.decode(data or b"null", type=msgspec.Raw)
        except (ValueError, msgspec.DecodeError) as error:
            log.warning("not an event", subject=subject, error=str(error))
            return None
        return CloudEvent(
            id=event.id,
            type=event.type,
            source=event.source,
            subject=event.subject,
            namespace=namespace,
            time=event.time,
            traceparent=event.traceparent,
            data=body,
        )


async def _next(waiting: "asyncio.Queue[Msg | None]", pull: Pull) -> Msg | None:
    """The next message; None when the pull has ended."""
    while True:
        try:
            async with asyncio.timeout(_CHECK_SECONDS):
                return await waiting.get()
        except TimeoutError:
            pull.check_alive()

"""The scheduler's answers, mirrored from the stream PLACEMENTS, and taken away once they are durable on the hub."""

import asyncio
from collections.abc import Callable

import msgspec

from libs.common import bus, subjects
from libs.common.messages import BindingRequest, Message, Placed
from libs.common.names import OriginKey
from libs.common.reconcile import DONE, Outcome, Queue


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """One answer, where it stands in the stream, and the trace it belongs to."""

    placed: Placed
    seq: int
    traceparent: str


class Placements:
    """The mirror.

    Args:
        on_answer: told of each answer.
        on_replay: told when the mirror begins anew: answers may be lost.
        sent: the sequence of the question of that digest, if it is known.
    """

    def __init__(
        self,
        nats: bus.Bus,
        *,
        on_answer: Callable[[OriginKey, Placed], None],
        on_replay: Callable[[], None],
        sent: Callable[[OriginKey, str], int | None],
    ) -> None:
        self._sent = sent
        self._nats = nats
        self._on_answer = on_answer
        self._on_replay = on_replay
        self._answers: dict[OriginKey, Answer] = {}
        self._done: dict[OriginKey, Answer] = {}
        self.done: Queue[OriginKey] = Queue()
        """Bindings whose question and answer can go from the streams."""
        self.read = asyncio.Event()

    async def run(self) -> None:
        """Follows the stream until cancelled."""
        await self._nats.follow(
            subjects.PLACEMENTS,
            [self._nats.subjects.all("binding", "placed")],
            consumer="policy-placements",
            decode=_type,
            on_message=self._on_message,
            on_replay=self._anew,
            caught_up=self.read,
        )

    def get(self, key: OriginKey) -> Answer | None:
        return self._answers.get(key)

    def keys(self) -> list[OriginKey]:
        return list(self._answers)

    def settle(self, key: OriginKey) -> None:
        """The answer is durable on the hub, or nobody wants it any more."""
        answer = self._answers.pop(key, None)
        if answer is not None:
            self._done[key] = answer
            self.done.add(key)

    async def purge(self, key: OriginKey) -> Outcome:
        """Takes a settled answer, and the question it answers, from their streams; newer ones stay."""
        answer = self._done.get(key)
        if answer is None:
            return DONE
        names = self._nats.subjects
        # the question first: as long as the answer stands, whoever comes next knows that there is something to purge
        asked = await self._question(key, answer.placed.digest)
        if asked is not None:
            await self._nats.purge(subjects.BINDINGS, names.binding_request(key), up_to_seq=asked)
        await self._nats.purge(subjects.PLACEMENTS, names.binding_placed(key), up_to_seq=answer.seq)
        if self._done.get(key) is answer:
            del self._done[key]
        return DONE

    async def _question(self, key: OriginKey, digest: str) -> int | None:
        """Where the question to an answer stands: known to who sent it, else read."""
        sent = self._sent(key, digest)
        if sent is not None:
            return sent
        last = await self._nats.last(subjects.BINDINGS, self._nats.subjects.binding_request(key), BindingRequest)
        return last.seq if last is not None and last.message.digest == digest else None

    def _on_message(self, delivery: "bus.Delivery[Message]") -> None:
        assert isinstance(delivery.message, Placed)
        key = self._nats.subjects.origin(delivery.subject)
        before = self._answers.get(key) or self._done.get(key)
        if before is not None and before.seq >= delivery.seq:
            return
        self._answers[key] = Answer(placed=delivery.message, seq=delivery.seq, traceparent=delivery.traceparent)
        self._on_answer(key, delivery.message)

    def _anew(self) -> None:
        self._answers.clear()
        self._done.clear()
        self._on_replay()


def _type(subject: str) -> type[Message]:
    return Placed

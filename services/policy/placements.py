"""The scheduler's answers, mirrored from the stream PLACEMENTS, and taken away once they are durable on the hub."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Final

import msgspec

from libs.common import bus, subjects
from libs.common.messages import BindingRequest, Message, Placed
from libs.common.names import OriginKey
from libs.common.reconcile import DONE, After, Outcome, Queue

_LATE: Final = timedelta(seconds=2)
"""What could not be taken away together with the others for so long is taken away by itself."""


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
        oldest: a sequence that no open question is below; None: none is open.
    """

    def __init__(
        self,
        nats: bus.Bus,
        *,
        on_answer: Callable[[OriginKey, Placed], None],
        on_replay: Callable[[], None],
        sent: Callable[[OriginKey, str], int | None],
        oldest: Callable[[], int | None],
    ) -> None:
        self._sent = sent
        self._oldest = oldest
        self._nats = nats
        self._on_answer = on_answer
        self._on_replay = on_replay
        self._answers: dict[OriginKey, Answer] = {}
        self._done: dict[OriginKey, Answer] = {}
        self._since: dict[OriginKey, float] = {}
        self.done: Queue[str] = Queue()
        """Not empty when questions and answers can go from the streams. They go together: there is one key."""
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
            self._since[key] = asyncio.get_running_loop().time()
            self.done.add("")

    async def purge(self, _: str) -> Outcome:
        """Takes settled answers, and the questions they answer, from their streams; newer ones stay.

        Streams are in order, so what lies below all that is still open goes by one call for each stream.
        """
        unsettled = min((answer.seq for answer in self._answers.values()), default=None)
        asked = self._oldest()
        together: dict[OriginKey, Answer] = {}
        questions = 0
        for key, answer in self._done.items():
            question = self._sent(key, answer.placed.digest)
            if question is not None and _below(question, asked) and _below(answer.seq, unsettled):
                together[key] = answer
                questions = max(questions, question)
        if together:
            # questions first: as long as an answer stands, whoever comes next knows that there is something to purge
            await self._nats.purge(subjects.BINDINGS, "", up_to_seq=questions)
            await self._nats.purge(subjects.PLACEMENTS, "", up_to_seq=max(a.seq for a in together.values()))
            self._purged(together)
        return await self._purge_late()

    async def _purge_late(self) -> Outcome:
        """What waits in vain for something older, or whose question we do not know."""
        names, now = self._nats.subjects, asyncio.get_running_loop().time()
        for key, answer in list(self._done.items()):
            known = self._sent(key, answer.placed.digest) is not None
            if known and now - self._since[key] < _LATE.total_seconds():
                continue
            asked = await self._question(key, answer.placed.digest)
            if asked is not None:
                await self._nats.purge(subjects.BINDINGS, names.binding_request(key), up_to_seq=asked)
            await self._nats.purge(subjects.PLACEMENTS, names.binding_placed(key), up_to_seq=answer.seq)
            self._purged({key: answer})
        return After(_LATE) if self._done else DONE

    def _purged(self, answers: dict[OriginKey, Answer]) -> None:
        for key, answer in answers.items():
            if self._done.get(key) is answer:
                del self._done[key], self._since[key]

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
        self._since.clear()
        self._on_replay()


def _below(seq: int, limit: int | None) -> bool:
    return limit is None or seq < limit


def _type(subject: str) -> type[Message]:
    return Placed

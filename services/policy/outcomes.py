"""What the status-aggregator is told of bindings, and what the stream holds of that.

What stands there is mirrored: a message goes out only on top of what was seen last, so that a leader that has slept
past its Lease cannot have the last word, and what others left there is corrected or taken away.
"""

import asyncio
from collections.abc import Callable, Mapping

import msgspec

from libs.common import bus, subjects
from libs.common.messages import Order, Outcome
from libs.common.names import OriginKey
from services.policy.core.orders import Orders


class _Seen(msgspec.Struct, frozen=True, kw_only=True):
    """As much of an Outcome as shows who said it."""

    order: Order


class Outcomes:
    """The mirror.

    Args:
        on_change: told of an origin of which another leader said something.
        on_replay: told when the mirror begins anew.
    """

    def __init__(
        self,
        nats: bus.Bus,
        orders: Orders,
        *,
        on_change: Callable[[OriginKey], None],
        on_replay: Callable[[], None],
    ) -> None:
        self._nats = nats
        self._orders = orders
        self._on_change = on_change
        self._on_replay = on_replay
        self._seqs: dict[OriginKey, int] = {}
        self._told: dict[OriginKey, Outcome] = {}
        self.read = asyncio.Event()

    async def run(self) -> None:
        """Follows the stream until cancelled."""
        await self._nats.follow(
            subjects.STATUS,
            [self._nats.subjects.all("outcome")],
            consumer="policy-outcomes",
            decode=_type,
            on_message=self._on_message,
            on_replay=self._anew,
            caught_up=self.read,
        )

    def keys(self) -> list[OriginKey]:
        """Every origin of which something is told."""
        return list(self._seqs)

    async def tell(self, key: OriginKey, message: Outcome, *, traceparent: str) -> None:
        """Tells the status-aggregator, unless that is no news.

        Raises bus.Overtaken if somebody else has said something meanwhile.
        """
        told = self._told.get(key)
        if told is not None and _same(told, message):
            return
        await self.read.wait()
        seq = await self._nats.publish(
            self._nats.subjects.outcome(key), message, expected_seq=self._seqs.get(key, 0), traceparent=traceparent
        )
        self._told[key] = message
        self._seqs[key] = max(seq, self._seqs.get(key, 0))

    async def withdraw(self, key: OriginKey) -> None:
        """Takes away what was told: the binding is gone."""
        await self.read.wait()
        self._told.pop(key, None)
        seq = self._seqs.get(key)
        if seq is None:
            return
        await self._nats.purge(subjects.STATUS, self._nats.subjects.outcome(key), up_to_seq=seq)
        if self._seqs.get(key) == seq:
            del self._seqs[key]

    def tell_again(self) -> None:
        """What was told is told once more."""
        self._told.clear()

    def _on_message(self, delivery: "bus.Delivery[_Seen]") -> None:
        key = self._nats.subjects.origin(delivery.subject)
        if delivery.seq <= self._seqs.get(key, 0):
            return
        self._seqs[key] = delivery.seq
        if delivery.message.order.epoch != self._orders.epoch:
            self._told.pop(key, None)
            self._on_change(key)

    def _anew(self) -> None:
        self._seqs.clear()
        self._told.clear()
        self._on_replay()


def _type(subject: str) -> type[_Seen]:
    return _Seen


def _same(told: Outcome, message: Outcome) -> bool:
    """Whether a message says nothing new. The template's versions alone are no news."""
    return (
        msgspec.structs.replace(message, order=told.order, template=told.template, expected=_comparable(message))
        == msgspec.structs.replace(told, expected=_comparable(told))
        and message.template.uid == told.template.uid
    )


def _comparable(message: Outcome) -> Mapping[str, object]:
    """Orders of works; a target without one (expected under the message's own order) counts as such."""
    return {c: None if order == message.order else order for c, order in message.expected.items()}

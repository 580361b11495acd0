"""Questions and answers that are done with leave the streams, and no others do."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from libs.common import bus, subjects
from libs.common.messages import BindingRequest, Order, Placed, TemplateRef
from libs.common.names import OriginKey
from libs.common.reconcile import DONE, After
from services.policy.placements import Placements
from services.policy.requests import Requests

A, B, C = (OriginKey("default", name) for name in "abc")
TEMPLATE = TemplateRef(api_version="v1", kind="ConfigMap", namespace="default", name="x", uid="u")


class Desk:
    """Policy's side of the two streams, and the scheduler's word."""

    def __init__(self, nats: bus.Bus) -> None:
        self.nats = nats
        self.requests = Requests(nats, lambda key, priority: None, window=16, timeout=timedelta(minutes=1))
        self.placements = Placements(
            nats,
            on_answer=lambda key, placed: self.requests.answered(key, placed.digest),
            on_replay=lambda: None,
            sent=self.requests.sent,
            oldest=self.requests.oldest,
        )

    async def ask(self, key: OriginKey) -> None:
        request = BindingRequest(
            hub_uid="h", namespace=key.namespace, name=key.name, template=TEMPLATE, order=Order(), digest=key.name
        )
        assert await self.requests.ask(key, request, hurry=True, traceparent="")

    async def answer(self, key: OriginKey) -> None:
        placed = Placed(
            hub_uid="h", namespace="default", name=key.name, template_uid="u", order=Order(), digest=key.name
        )
        await self.nats.publish(self.nats.subjects.binding_placed(key), placed)
        async with asyncio.timeout(5):
            while self.placements.get(key) is None:
                await asyncio.sleep(0.005)

    async def left(self) -> tuple[int, int]:
        """Messages in BINDINGS and in PLACEMENTS."""
        infos = [await self.nats.stream_info(s) for s in (subjects.BINDINGS, subjects.PLACEMENTS)]
        return infos[0].messages, infos[1].messages


@asynccontextmanager
async def opened(nats_url: str) -> AsyncIterator[Desk]:
    async with bus.connect(nats_url, name="test", prefix=f"t{uuid.uuid4().hex[:10]}") as nats:
        await nats.ensure_streams()
        desk = Desk(nats)
        async with asyncio.TaskGroup() as tasks:
            reading = tasks.create_task(desk.placements.run(), name="placements")
            yield desk
            reading.cancel()


async def test_what_is_settled_goes_together(nats_url: str) -> None:
    async with opened(nats_url) as desk:
        for key in (A, B):
            await desk.ask(key)
            await desk.answer(key)
            desk.placements.settle(key)
        assert await desk.placements.purge("") == DONE
        assert await desk.left() == (0, 0)


async def test_an_answer_that_nobody_has_taken_yet_stays_and_holds_up_no_other_for_long(nats_url: str) -> None:
    async with opened(nats_url) as desk:
        for key in (A, B):
            await desk.ask(key)
            await desk.answer(key)
        desk.placements.settle(B)
        later = await desk.placements.purge("")
        assert isinstance(later, After)
        assert await desk.left() == (2, 2)
        await asyncio.sleep(later.delay.total_seconds())
        assert await desk.placements.purge("") == DONE
        assert await desk.left() == (1, 1)


async def test_an_open_question_stays(nats_url: str) -> None:
    async with opened(nats_url) as desk:
        for key in (A, B, C):
            await desk.ask(key)
        for key in (A, C):
            await desk.answer(key)
            desk.placements.settle(key)
        assert isinstance(await desk.placements.purge(""), After)
        # A lies below the open question B and goes; C waits
        assert await desk.left() == (2, 1)

"""The bus: NATS with JetStream, and the only place that knows it."""

from libs.common import optional

with optional.hidden("aiohttp"):
    import nats  # noqa: F401 - the modules below find it without aiohttp

from libs.common.bus.client import Bus, agent_consumer, connect
from libs.common.bus.codec import Undecodable
from libs.common.bus.delivery import Delivery, StreamInfo
from libs.common.bus.errors import BusError, Closed, Overtaken, TooLarge, Unavailable
from libs.common.bus.events import CloudEvent

__all__ = [
    "Bus",
    "BusError",
    "Closed",
    "CloudEvent",
    "Delivery",
    "Overtaken",
    "StreamInfo",
    "TooLarge",
    "Unavailable",
    "Undecodable",
    "agent_consumer",
    "connect",
]

"""What the bus counts. Per message only plain numbers are raised, which a scrape turns into metrics."""

from collections import Counter as Tally
from collections.abc import Iterator
from typing import Final

from prometheus_client import REGISTRY, Counter
from prometheus_client.core import CounterMetricFamily, SummaryMetricFamily
from prometheus_client.registry import Collector


class Messages(Collector):
    """Messages sent and received: a histogram would cost a fifth of sending one."""

    def __init__(self) -> None:
        self.published = 0
        self.publish_seconds = 0.0
        """Time that streams took to confirm, in all."""
        self.received: Tally[str] = Tally()
        """By consumer."""

    def collect(self) -> Iterator[SummaryMetricFamily | CounterMetricFamily]:
        """For the registry."""
        yield SummaryMetricFamily(
            "argosy_bus_publish_seconds",
            "Time until a stream confirmed a message",
            count_value=self.published,
            sum_value=self.publish_seconds,
        )
        received = CounterMetricFamily("argosy_bus_received", "Messages delivered by streams", labels=["consumer"])
        for consumer, count in self.received.items():
            received.add_metric([consumer], count)
        yield received


MESSAGES: Final = Messages()
REGISTRY.register(MESSAGES)

DEAD_LETTERS: Final = Counter("argosy_dead_letters_total", "Messages kept aside because nobody can use them", ["kind"])
REPLAYS: Final = Counter(
    "argosy_bus_replays_total", "Times a state reader started again from the first message", ["consumer"]
)
RECONNECTS: Final = Counter("argosy_bus_reconnects_total", "Times the connection came back")
CONNECTION_ERRORS: Final = Counter("argosy_bus_errors_total", "Errors that the connection reported", ["error"])

"""What the bus counts."""

from typing import Final

from prometheus_client import Counter, Histogram

PUBLISHED: Final = Counter("argosy_bus_published_total", "Messages published to streams", ["stream", "result"])
PUBLISH_SECONDS: Final = Histogram(
    "argosy_bus_publish_seconds",
    "Time until a stream confirmed a message",
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5),
)
RECEIVED: Final = Counter("argosy_bus_received_total", "Messages delivered by streams", ["consumer"])
DEAD_LETTERS: Final = Counter("argosy_dead_letters_total", "Messages kept aside because nobody can use them", ["kind"])
REPLAYS: Final = Counter(
    "argosy_bus_replays_total", "Times a state reader started again from the first message", ["consumer"]
)
RECONNECTS: Final = Counter("argosy_bus_reconnects_total", "Times the connection came back")
CONNECTION_ERRORS: Final = Counter("argosy_bus_errors_total", "Errors that the connection reported", ["error"])

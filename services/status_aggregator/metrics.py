"""What the status-aggregator counts."""

from typing import Final

from prometheus_client import Counter, Gauge

STATUSES: Final = Counter(
    "argosy_aggregator_statuses_total",
    "Statuses of works, by what was done with them: taken, repeated, late, foreign.",
    ["result"],
)
WRITES: Final = Counter("argosy_aggregator_writes_total", "Writes to the hub.", ["what"])
ORIGINS: Final = Gauge("argosy_aggregator_origins", "Bindings that are known from the stream.")
FROZEN: Final = Gauge(
    "argosy_aggregator_frozen_clusters", "Clusters that fell silent and are not judged, because the bus is in doubt."
)

"""The scheduler's instruments."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

DECISIONS: Final = Counter("argosy_scheduler_decisions_total", "Placements answered, by outcome", ["outcome"])
DECIDE_SECONDS: Final = Histogram(
    "argosy_scheduler_decide_seconds",
    "Time of the pure decision",
    buckets=(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5),
)
WAITED: Final = Counter(
    "argosy_scheduler_waits_total", "Requests that waited for the cluster table, by what came of it", ["outcome"]
)
CLUSTERS: Final = Gauge("argosy_scheduler_clusters", "Clusters in the table; -1 while it is unknown")

"""What the agent counts."""

import contextlib
from typing import Final

import prometheus_client

ACTIONS: Final = prometheus_client.Counter(
    "argosy_agent_actions_total", "What was done to objects in members.", ["cluster", "action"]
)
FAILURES: Final = prometheus_client.Counter(
    "argosy_agent_failures_total", "Works that could not be carried out, by the error.", ["cluster", "error"]
)
DRIFT: Final = prometheus_client.Counter(
    "argosy_agent_drift_total", "Managed objects that somebody else changed or deleted.", ["cluster"]
)
REFUSED: Final = prometheus_client.Counter(
    "argosy_agent_refused_works_total", "Works that were for another hub or another cluster.", ["cluster"]
)
LATE: Final = prometheus_client.Counter(
    "argosy_agent_late_works_total", "Works that came after a later one of the same origin.", ["cluster"]
)
PUBLISHED: Final = prometheus_client.Counter(
    "argosy_agent_published_total",
    "Messages sent to the hub's side, by kind.",
    ["cluster", "kind"],
)
WORKS: Final = prometheus_client.Gauge("argosy_agent_works", "Works that are known.", ["cluster"])
WATCHES: Final = prometheus_client.Gauge("argosy_agent_watches", "Kinds that are watched in the member.", ["cluster"])
READY: Final = prometheus_client.Gauge("argosy_agent_member_ready", "1 if the member is healthy.", ["cluster"])
AGENTS: Final = prometheus_client.Gauge("argosy_agents", "Members that this process is an agent of.")


def forget(cluster: str) -> None:
    """Takes the gauges of a member away: what it has is not known any more."""
    for gauge in (WORKS, WATCHES, READY):
        with contextlib.suppress(KeyError):
            gauge.remove(cluster)

"""The instruments of the policy service."""

from typing import Final

from prometheus_client import Counter, Gauge

REQUESTS: Final = Counter("argosy_policy_requests", "Questions to the scheduler, by what became of them", ["outcome"])
PLACEMENTS: Final = Counter("argosy_policy_placements", "Answers of the scheduler, by whether they held", ["verdict"])
BINDING_WRITES: Final = Counter("argosy_policy_binding_writes", "Writes of bindings to the hub", ["verb"])
CLAIMS: Final = Counter("argosy_policy_claims", "Claims written on templates or taken away", ["operation"])
WORKS: Final = Counter("argosy_policy_works", "Works published", ["operation"])
REPAIRS: Final = Counter("argosy_policy_repairs", "Divergences found by beats and inventories, by kind", ["kind"])
WAITING: Final = Gauge("argosy_policy_waiting_requests", "Bindings that wait to be asked about")
IN_FLIGHT: Final = Gauge("argosy_policy_open_requests", "Questions that the scheduler has not answered")
WATCHED: Final = Gauge("argosy_policy_watched_kinds", "Kinds of templates that are watched on the hub")
REMOVALS_STOPPED: Final = Gauge(
    "argosy_policy_removals_stopped", "1 while the hub looks rolled back and removals wait for a user's word"
)
NOTICES_LOST: Final = Counter("argosy_policy_notices_lost", "Events that could not be said")
EPOCH: Final = Gauge("argosy_policy_epoch", "The epoch of the orders that are given now")
EPOCHS_REFUSED: Final = Counter("argosy_policy_epochs_refused", "Orders told of that nobody can have given")

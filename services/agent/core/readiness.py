"""How a member is, told from what its health endpoint answers. Texts and rules are Karmada's."""

from collections.abc import Sequence
from typing import Literal

import msgspec


class Readiness(msgspec.Struct, frozen=True, kw_only=True):
    """The raw observation; it is not smoothed over time here."""

    ready: Literal["True", "False", "Unknown"] = "Unknown"
    reason: str = ""
    message: str = ""

    @property
    def reachable(self) -> bool:
        return self.ready == "True" or self.reason == "ClusterNotReady"


def judge(status: int | None) -> Readiness:
    """From the HTTP status of `/readyz` (of `/healthz` where there is no such path); None: no answer.

    A member that answers with an error counts as not reachable; only other successes count as reachable but not ready.
    """
    if status == 200:
        return Readiness(
            ready="True", reason="ClusterReady", message="cluster is healthy and ready to accept workloads"
        )
    if status is not None and status < 400:
        return Readiness(
            ready="False",
            reason="ClusterNotReady",
            message="cluster is reachable but health endpoint responded without ok",
        )
    return Readiness(ready="False", reason="ClusterNotReachable", message="cluster is not reachable")


def unusable(why: str) -> Readiness:
    """When the credentials do not even allow asking."""
    return Readiness(ready="False", reason="StatusCollectionFailed", message=f"failed to create a ClusterClient: {why}")


def completeness(known: bool, any_kind: bool, failures: Sequence[str]) -> Literal["Complete", "Partial", "Empty", ""]:
    """How whole the list of kinds is; "" before discovery was ever read."""
    if not known:
        return ""
    if not any_kind:
        return "Empty"
    return "Partial" if failures else "Complete"

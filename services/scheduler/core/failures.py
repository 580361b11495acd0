"""Why a request finds no place.

Failure
├── Unfit           no cluster passes the filters; every cluster has its reason
├── Unschedulable   there is not enough room
└── Impossible      the placement cannot be satisfied or is not supported
"""

from collections import Counter
from collections.abc import Mapping
from typing import ClassVar

from libs.common.messages import SchedulingFailure


class Failure(Exception):
    """No placement; the message is for people, with Karmada's words."""

    kind: ClassVar[SchedulingFailure] = "SchedulerError"


class Unfit(Failure):
    """No cluster fits."""

    kind = "NoClusterFit"


class Unschedulable(Failure):
    """Not enough room."""

    kind = "Unschedulable"


class Impossible(Failure):
    """The constraints cannot be met."""


def unfit(clusters: int, reasons: Mapping[str, str]) -> Unfit:
    """The failure for clusters that were all rejected.

    Args:
        clusters: how many there are, deleting ones included.
        reasons: by cluster.
    """
    if not reasons:
        return Unfit(f"0/{clusters} clusters are available: no cluster exists.")
    lines = sorted(f"{count} {reason}" for reason, count in Counter(reasons.values()).items())
    return Unfit(f"0/{clusters} clusters are available: {', '.join(lines)}.")

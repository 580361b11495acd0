"""Conditions of workloads: what replaces what (k8s.io/kubernetes pkg/controller/deployment/util)."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from libs.sandbox.controllers import objects


def make(kind: str, status: str, reason: str, message: str, now: datetime, *, updated: bool = False) -> dict[str, Any]:
    """A condition that begins now; `updated` for those kinds that also tell when they were confirmed last."""
    stamp = objects.stamp(now)
    times = {"lastUpdateTime": stamp} if updated else {}
    return {"type": kind, "status": status, **times, "lastTransitionTime": stamp, "reason": reason, "message": message}


def put(
    standing: Iterable[Mapping[str, Any]], new: Mapping[str, Any], *, worded: bool = False
) -> list[Mapping[str, Any]]:
    """The conditions with `new` among them. One that says the same stays; a transition is a change of status.

    What it says are its status and its reason, and if `worded` also its message.
    """
    conditions = list(standing)
    old = objects.condition(conditions, new["type"])
    if old is None:
        return [*conditions, new]
    same = ("status", "reason", "message") if worded else ("status", "reason")
    if all(old.get(key) == new.get(key) for key in same):
        return conditions
    if old["status"] == new["status"]:
        new = {**new, "lastTransitionTime": old["lastTransitionTime"]}
    return [*without(conditions, new["type"]), new]


def without(standing: Iterable[Mapping[str, Any]], kind: str) -> list[Mapping[str, Any]]:
    """The conditions but that one."""
    return [each for each in standing if each["type"] != kind]

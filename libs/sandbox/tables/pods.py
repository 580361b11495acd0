"""The columns of pods: what they do now, in one word."""

from typing import Any

from libs.sandbox.store import Object
from libs.sandbox.tables import cells
from libs.sandbox.tables.cells import Cell, Column


def _ready(pod: Object) -> Cell:
    statuses = cells.get(pod, "status.containerStatuses", ())
    wanted = len(cells.get(pod, "spec.containers", ()))
    return f"{sum(bool(each.get('ready')) for each in statuses)}/{wanted}"


def _reason(state: Any) -> str:
    waiting, ended = state.get("waiting") or {}, state.get("terminated") or {}
    if waiting.get("reason"):
        return str(waiting["reason"])
    if ended.get("reason"):
        return str(ended["reason"])
    if ended.get("signal"):
        return f"Signal:{ended['signal']}"
    return f"ExitCode:{ended['exitCode']}" if "exitCode" in ended else ""


def _status(pod: Object) -> Cell:
    status = pod.get("status") or {}
    word = str(status.get("reason") or status.get("phase") or "Unknown")
    started = len(cells.get(pod, "spec.initContainers", ()))
    for place, each in enumerate(status.get("initContainerStatuses") or ()):
        state = each.get("state") or {}
        if (state.get("terminated") or {}).get("exitCode") == 0:
            continue
        reason = _reason(state)
        word = f"Init:{reason}" if reason and reason != "PodInitializing" else f"Init:{place}/{started}"
        break
    else:
        for each in reversed(status.get("containerStatuses") or ()):
            word = _reason(each.get("state") or {}) or word
    if pod["metadata"].get("deletionTimestamp"):
        return "Unknown" if status.get("reason") == "NodeLost" else "Terminating"
    return word


def _restarts(pod: Object) -> Cell:
    return str(sum(each.get("restartCount", 0) for each in cells.get(pod, "status.containerStatuses", ())))


def _gates(pod: Object) -> Cell:
    gates = cells.get(pod, "spec.readinessGates", ())
    conditions = {each["type"]: each["status"] for each in cells.get(pod, "status.conditions", ())}
    return f"{sum(conditions.get(g['conditionType']) == 'True' for g in gates)}/{len(gates)}" if gates else cells.NONE


COLUMNS = (
    Column("Ready", _ready),
    Column("Status", _status),
    Column("Restarts", _restarts),
    Column("Age", cells.age),
    Column("IP", cells.at("status.podIP"), wide=True),
    Column("Node", cells.at("spec.nodeName"), wide=True),
    Column("Nominated Node", cells.at("status.nominatedNodeName"), wide=True),
    Column("Readiness Gates", _gates, wide=True),
)

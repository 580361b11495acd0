"""The state of a pod on a simulated node: a function of the pod and the time."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from libs.sandbox.controllers import conditions, objects, simulation
from libs.sandbox.controllers.objects import Object

_CONDITIONS: Final = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")


class Stage(msgspec.Struct, frozen=True):
    """How far a pod has come. `left`: seconds to the next stage, None if there is none."""

    name: str
    left: float | None = None


def _stage(pod: Object, delay: float, start: datetime, now: datetime) -> Stage:
    elapsed = (now - start).total_seconds()
    if simulation.unpullable(pod["spec"]["containers"]):
        return Stage("unpullable")
    if elapsed < delay:
        return Stage("starting", delay - elapsed)
    time = simulation.run_time(pod)
    if time is None:
        return Stage("running")
    end = delay + _whole(time)
    return Stage("ended") if elapsed >= end else Stage("running", end - elapsed)


def _whole(seconds: float | None) -> float:
    """Start times are kept to the second, rounded down: a delay is at least as long as it says with one more."""
    return seconds + 1 if seconds else 0.0


def status(pod: Object, node: Object, now: datetime) -> tuple[dict[str, Any], float | None]:
    """The status that the node's kubelet reports, and the seconds until it would be another."""
    old = objects.status(pod)
    start_time = old.get("startTime") or objects.stamp(now)
    start = objects.moment(start_time)
    delay = _whole(simulation.start_delay(pod, node))
    stage = _stage(pod, delay, start, now)
    code = simulation.exit_code(pod)
    ready = stage.name == "running" and objects.annotations(pod).get(simulation.READY) != "false"
    phase = {"running": "Running", "ended": "Failed" if code else "Succeeded"}.get(stage.name, "Pending")
    began = objects.stamp(start + timedelta(seconds=delay))
    addresses = objects.status(node).get("addresses") or ()
    host = next((each["address"] for each in addresses if each["type"] == "InternalIP"), "127.0.0.1")
    found: dict[str, Any] = {
        "phase": phase,
        "conditions": _conditions(old, pod, stage, ready, now),
        "hostIP": host,
        "hostIPs": [{"ip": host}],
        "startTime": start_time,
        "qosClass": old.get("qosClass") or "BestEffort",
        "containerStatuses": [_container(each, pod, stage, ready, began, code) for each in pod["spec"]["containers"]],
    }
    if stage.name in ("running", "ended"):
        address = host if pod["spec"].get("hostNetwork") else _address(objects.uid(pod))
        found |= {"podIP": address, "podIPs": [{"ip": address}]}
    if pod["spec"].get("initContainers"):
        found["initContainerStatuses"] = [
            _init_container(each, pod, stage, began) for each in pod["spec"]["initContainers"]
        ]
    return found, stage.left


def _address(uid: str) -> str:
    number = int(uid.replace("-", "")[:6], 16)
    return f"10.{128 | number >> 17}.{number >> 9 & 255}.{1 + (number & 255) % 254}"


def _conditions(old: Mapping[str, Any], pod: Object, stage: Stage, ready: bool, now: datetime) -> list[Any]:
    standing = list(old.get("conditions") or ())
    names = [each["name"] for each in pod["spec"]["containers"]]
    started = stage.name in ("running", "ended")
    stamp = objects.stamp(now)
    for kind in _CONDITIONS:
        new: dict[str, Any] = {"type": kind, "status": "True", "lastProbeTime": None, "lastTransitionTime": stamp}
        if kind == "PodReadyToStartContainers" and (not started or stage.name == "ended"):
            new["status"] = "False"
        if kind in ("Ready", "ContainersReady") and not ready:
            done = stage.name == "ended"
            new |= {"status": "False", "reason": "PodCompleted" if done else "ContainersNotReady"}
            if not done:
                new["message"] = f"containers with unready status: [{' '.join(names)}]"
        standing = conditions.put(standing, new)
    return standing


def _container(
    container: Mapping[str, Any], pod: Object, stage: Stage, ready: bool, began: str, code: int
) -> dict[str, Any]:
    image = container.get("image") or ""
    found: dict[str, Any] = {
        "name": container["name"],
        "image": image,
        "imageID": "",
        "ready": ready,
        "restartCount": 0,
        "started": stage.name == "running",
        "lastState": {},
    }
    if stage.name == "running":
        state: dict[str, Any] = {"running": {"startedAt": began}}
    elif stage.name == "ended":
        reason = "Error" if code else "Completed"
        state = {"terminated": {"exitCode": code, "reason": reason, "startedAt": began, "finishedAt": began}}
    elif container["name"] in simulation.unpullable([container]):
        message = f'Back-off pulling image "{image}"'
        state = {"waiting": {"reason": "ImagePullBackOff", "message": message}}
    else:
        state = {"waiting": {"reason": "ContainerCreating"}}
    if stage.name in ("running", "ended"):
        found |= {"imageID": f"sandbox://{image}", "containerID": f"sandbox://{objects.uid(pod)}/{container['name']}"}
    return {**found, "state": state}


def _init_container(container: Mapping[str, Any], pod: Object, stage: Stage, began: str) -> dict[str, Any]:
    """Init containers are done as soon as the others run; sidecars run beside them."""
    sidecar = container.get("restartPolicy") == "Always"
    if stage.name == "running" and not sidecar:
        return {**_container(container, pod, Stage("ended"), True, began, 0), "started": False}
    return _container(container, pod, stage, sidecar and stage.name == "running", began, 0)

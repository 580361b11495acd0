"""Volume claims and volumes: a claim gets the volume that it names, one that fits, or a new one.

Upstream: k8s.io/kubernetes pkg/controller/volume/persistentvolume.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from libs.common.api import quantities
from libs.sandbox import kinds
from libs.sandbox.controllers import controller, objects
from libs.sandbox.controllers.actions import Create, Decision, Delete, Replace
from libs.sandbox.controllers.controller import Controller
from libs.sandbox.controllers.objects import Object
from libs.sandbox.controllers.view import Key, View
from libs.sandbox.store import Event

_DEFAULT_CLASS: Final = "storageclass.kubernetes.io/is-default-class"


def look_at_claim(view: View, key: Key) -> Decision:
    """Gathers volumes and classes, and decides on a claim."""
    claim = view.get(kinds.PERSISTENT_VOLUME_CLAIMS, *key)
    if claim is None or objects.terminating(claim):
        return Decision()
    classes = list(view.every(kinds.STORAGE_CLASSES.table))
    return bind(claim, list(view.every(kinds.PERSISTENT_VOLUMES.table)), classes)


def bind(claim: Object, volumes: Sequence[Object], classes: Sequence[Object]) -> Decision:
    """The next step of a claim that is not bound: its class, its volume, and then that it has it."""
    if objects.status(claim).get("phase") == "Bound":
        return Decision()
    class_name = claim["spec"].get("storageClassName")
    if class_name is None:
        default = [each for each in classes if objects.annotations(each).get(_DEFAULT_CLASS) == "true"]
        if default:
            spec = {**claim["spec"], "storageClassName": objects.name(default[0])}
            return Decision(actions=(Replace(resource=kinds.PERSISTENT_VOLUME_CLAIMS, body={**claim, "spec": spec}),))
    mine = [each for each in volumes if (each["spec"].get("claimRef") or {}).get("uid") == objects.uid(claim)]
    if mine:
        return _bound(claim, mine[0])
    fit = [each for each in volumes if _fits(claim, each)]
    if fit:
        best = min(fit, key=lambda each: quantities.nanos(each["spec"]["capacity"]["storage"]))
        spec = {**best["spec"], "claimRef": _reference(claim)}
        return Decision(actions=(Replace(resource=kinds.PERSISTENT_VOLUMES, body={**best, "spec": spec}),))
    storage_class = next((each for each in classes if objects.name(each) == class_name), None)
    if storage_class is None or claim["spec"].get("volumeName"):
        return Decision()
    return Decision(actions=(Create(resource=kinds.PERSISTENT_VOLUMES, body=_provisioned(claim, storage_class)),))


def _bound(claim: Object, volume: Object) -> Decision:
    spec = {**claim["spec"], "volumeName": objects.name(volume)}
    status = {
        **objects.status(claim),
        "phase": "Bound",
        "accessModes": volume["spec"]["accessModes"],
        "capacity": volume["spec"]["capacity"],
    }
    body = {**claim, "spec": spec, "status": status}
    return Decision(actions=(Replace(resource=kinds.PERSISTENT_VOLUME_CLAIMS, body=body, subresource="*"),))


def _fits(claim: Object, volume: Object) -> bool:
    """Whether a volume that stands ready is what a claim asks for."""
    asked, offered = claim["spec"], volume["spec"]
    reserved = offered.get("claimRef") or {}
    if reserved and (reserved.get("uid") or reserved.get("name") != objects.name(claim)):
        return False
    if reserved and reserved.get("namespace") != objects.namespace(claim):
        return False
    if asked.get("volumeName"):
        return bool(asked["volumeName"] == objects.name(volume))
    if (asked.get("storageClassName") or "") != (offered.get("storageClassName") or ""):
        return False
    if asked.get("selector") and not objects.selects(asked["selector"], objects.labels(volume)):
        return False
    need = (asked.get("resources") or {}).get("requests", {}).get("storage", "0")
    enough = quantities.nanos(offered["capacity"]["storage"]) >= quantities.nanos(need)
    return enough and set(asked.get("accessModes") or ()) <= set(offered.get("accessModes") or ())


def _reference(claim: Object) -> Mapping[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "namespace": objects.namespace(claim),
        "name": objects.name(claim),
        "uid": objects.uid(claim),
    }


def _provisioned(claim: Object, storage_class: Object) -> dict[str, Any]:
    name = f"pvc-{objects.uid(claim)}"
    spec = {
        "accessModes": claim["spec"].get("accessModes") or ["ReadWriteOnce"],
        "capacity": {"storage": (claim["spec"].get("resources") or {}).get("requests", {}).get("storage", "1Gi")},
        "claimRef": _reference(claim),
        "persistentVolumeReclaimPolicy": storage_class.get("reclaimPolicy", "Delete"),
        "storageClassName": objects.name(storage_class),
        "volumeMode": claim["spec"].get("volumeMode", "Filesystem"),
        "hostPath": {"path": f"/sandbox/{name}", "type": ""},
    }
    marks = {"pv.kubernetes.io/provisioned-by": storage_class["provisioner"]}
    metadata = {"name": name, "annotations": marks}
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": metadata, "spec": spec}


def look_at_volume(view: View, key: Key) -> Decision:
    """Gathers the claim of a volume, and decides on the volume."""
    volume = view.get(kinds.PERSISTENT_VOLUMES, *key)
    if volume is None or objects.terminating(volume):
        return Decision()
    return keep(volume, view.by_uid((volume["spec"].get("claimRef") or {}).get("uid", "")))


def keep(volume: Object, claim: Object | None) -> Decision:
    """A volume's phase; one whose claim is gone goes too, if that is its policy."""
    taken = bool((volume["spec"].get("claimRef") or {}).get("uid"))
    lost = taken and claim is None
    if lost and volume["spec"].get("persistentVolumeReclaimPolicy") == "Delete":
        return Decision(actions=(Delete(resource=kinds.PERSISTENT_VOLUMES, target=volume),))
    phase = "Released" if lost else "Bound" if taken else "Available"
    if objects.status(volume).get("phase") == phase:
        return Decision()
    body = objects.with_status(volume, {**objects.status(volume), "phase": phase})
    return Decision(actions=(Replace(resource=kinds.PERSISTENT_VOLUMES, body=body, subresource="status"),))


def _waiting(event: Event, view: View) -> Iterable[Key]:
    """The claims that a new volume or class may serve."""
    claims = view.every(kinds.PERSISTENT_VOLUME_CLAIMS.table)
    return [controller.name_of(each) for each in claims if objects.status(each).get("phase") != "Bound"]


def _of_claim(event: Event, view: View) -> Iterable[Key]:
    if event.type != "DELETED":
        return ()
    uid = objects.uid(event.object)
    volumes = view.every(kinds.PERSISTENT_VOLUMES.table)
    return [controller.name_of(each) for each in volumes if (each["spec"].get("claimRef") or {}).get("uid") == uid]


CLAIMS: Final = Controller(
    name="claims",
    routes={
        kinds.PERSISTENT_VOLUME_CLAIMS.table: controller.itself,
        kinds.PERSISTENT_VOLUMES.table: _waiting,
        kinds.STORAGE_CLASSES.table: _waiting,
    },
    look=look_at_claim,
)
VOLUMES: Final = Controller(
    name="volumes",
    routes={kinds.PERSISTENT_VOLUMES.table: controller.itself, kinds.PERSISTENT_VOLUME_CLAIMS.table: _of_claim},
    look=look_at_volume,
)

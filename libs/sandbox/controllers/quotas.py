"""ResourceQuotas: what a namespace uses of what it may (k8s.io/kubernetes pkg/quota/v1)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from libs.common.api import quantities
from libs.sandbox import kinds
from libs.sandbox.controllers import controller, load, objects, pods
from libs.sandbox.controllers.actions import Decision, Replace
from libs.sandbox.controllers.controller import Controller
from libs.sandbox.controllers.objects import Object
from libs.sandbox.controllers.view import Key, View
from libs.sandbox.store import Event

_COUNTED: Final = frozenset(
    each.table
    for each in (
        kinds.CONFIG_MAPS,
        kinds.PERSISTENT_VOLUME_CLAIMS,
        kinds.RESOURCE_QUOTAS,
        kinds.SECRETS,
        kinds.SERVICES,
    )
)
_SHORT: Final = {"cpu": "requests.cpu", "memory": "requests.memory", "ephemeral-storage": "requests.ephemeral-storage"}


def look(view: View, key: Key) -> Decision:
    """Gathers the contents of a namespace, and decides."""
    quota = view.get(kinds.RESOURCE_QUOTAS, *key)
    if quota is None:
        return Decision()
    return decide(quota, [(table, each) for (table, _, _), each in view.contents(key[0]).items()])


def decide(quota: Object, contents: Sequence[tuple[str, Object]]) -> Decision:
    """The status of a quota. `contents`: the namespace's objects with their tables."""
    hard = quota["spec"].get("hard") or {}
    running = [each for table, each in contents if table == kinds.PODS.table and not pods.finished(each)]
    used = {key: _used(key, contents, running) for key in hard}
    status = {"hard": hard, "used": used}
    if status == objects.status(quota):
        return Decision()
    body = objects.with_status(quota, status)
    return Decision(actions=(Replace(resource=kinds.RESOURCE_QUOTAS, body=body, subresource="status"),))


def _used(key: str, contents: Sequence[tuple[str, Object]], running: Sequence[Object]) -> str:
    if key == load.PODS:
        return str(len(running))
    if key.startswith("count/") or key in _COUNTED:
        table = key.removeprefix("count/")
        return str(sum(each == table for each, _ in contents))
    if key.startswith("services."):
        kind = {"services.loadbalancers": "LoadBalancer", "services.nodeports": "NodePort"}.get(key)
        return str(sum(each["spec"].get("type") == kind for table, each in contents if table == kinds.SERVICES.table))
    part, _, name = _SHORT.get(key, key).partition(".")
    if part not in ("requests", "limits"):
        return "0"
    if name == "storage":
        claims = [each for table, each in contents if table == kinds.PERSISTENT_VOLUME_CLAIMS.table]
        return _written(name, sum(_asked(claim["spec"].get("resources"), part, name) for claim in claims))
    containers = [each for pod in running for each in pod["spec"]["containers"]]
    return _written(name, sum(_asked(each.get("resources"), part, name) for each in containers))


def _asked(resources: Mapping[str, Mapping[str, str]] | None, part: str, name: str) -> int:
    return quantities.nanos(((resources or {}).get(part) or {}).get(name, 0))


def _written(name: str, amount: int) -> str:
    if name == "cpu":
        millis = quantities.millis(amount)
        return f"{millis}m" if millis % 1000 else str(millis // 1000)
    units = quantities.units(amount)
    for power, suffix in ((1 << 30, "Gi"), (1 << 20, "Mi"), (1 << 10, "Ki")):
        if units and units % power == 0:
            return f"{units // power}{suffix}"
    return str(units)


def _there(event: Event, view: View) -> Iterable[Key]:
    namespace = objects.namespace(event.object)
    if not namespace:
        return ()
    return [controller.name_of(each) for each in view.within(kinds.RESOURCE_QUOTAS, namespace)]


CONTROLLER: Final = Controller(name="quotas", routes={"": _there}, look=look)

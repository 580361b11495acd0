"""Services: which pods are behind them, and an address for load balancers.

Upstream: k8s.io/kubernetes pkg/controller/endpoint and endpointslice.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from libs.sandbox import kinds
from libs.sandbox.controllers import controller, objects, pods
from libs.sandbox.controllers.actions import Action, Create, Decision, Delete, Replace
from libs.sandbox.controllers.controller import Controller
from libs.sandbox.controllers.objects import Object
from libs.sandbox.controllers.view import Key, View
from libs.sandbox.kinds import Resource

_SERVICE_NAME: Final = "kubernetes.io/service-name"
_ZONE: Final = "topology.kubernetes.io/zone"


def look(view: View, key: Key) -> Decision:
    """Gathers the pods of a Service and what is written of them, and decides."""
    service = view.get(kinds.SERVICES, *key)
    if service is None:
        gone = view.get(kinds.ENDPOINTS, *key)
        return Decision(actions=(Delete(resource=kinds.ENDPOINTS, target=gone),) if gone else ())
    if objects.terminating(service):
        return Decision()
    selector = service["spec"].get("selector")
    if not selector:
        return Decision(actions=tuple(_balanced(service)))
    chosen = [each for each in view.within(kinds.PODS, key[0]) if selects(service, objects.labels(each))]
    zones = {objects.name(each): objects.labels(each).get(_ZONE, "") for each in view.every(kinds.NODES.table)}
    slices = view.owned(service, kinds.ENDPOINT_SLICES)
    return decide(service, chosen, zones, view.get(kinds.ENDPOINTS, *key), slices)


def selects(service: Object, marks: Mapping[str, str]) -> bool:
    """Whether a Service takes pods with these labels."""
    selector = service["spec"].get("selector")
    return bool(selector) and selector.items() <= marks.items()


def decide(
    service: Object,
    chosen: Sequence[Object],
    zones: Mapping[str, str],
    endpoints: Object | None,
    slices: Sequence[Object],
) -> Decision:
    """Endpoints and an EndpointSlice as the pods are now. `zones`: by node."""
    able = [pod for pod in chosen if objects.status(pod).get("podIP") and not pods.finished(pod)]
    able.sort(key=objects.name)
    actions = [*_balanced(service)]
    actions += _put(kinds.ENDPOINTS, endpoints, _endpoints(service, able))
    actions += _put(kinds.ENDPOINT_SLICES, slices[0] if slices else None, _slice(service, able, zones))
    actions += [Delete(resource=kinds.ENDPOINT_SLICES, target=each) for each in slices[1:]]
    return Decision(actions=tuple(actions))


def _put(resource: Resource, old: Object | None, new: dict[str, Any]) -> list[Action]:
    """Writes what is not so yet. Metadata other than labels is left as it is."""
    if old is None:
        return [Create(resource=resource, body=new)]
    metadata = {**old["metadata"], "labels": {**objects.labels(old), **new["metadata"]["labels"]}}
    body = {**new, "apiVersion": old["apiVersion"], "kind": old["kind"], "metadata": metadata}
    return [] if body == old else [Replace(resource=resource, body=body)]


def _endpoints(service: Object, able: Sequence[Object]) -> dict[str, Any]:
    ready = [_address(pod) for pod in able if _serves(service, pod)]
    waiting = [_address(pod) for pod in able if not _serves(service, pod)]
    subset: dict[str, Any] = {}
    if ready:
        subset["addresses"] = ready
    if waiting:
        subset["notReadyAddresses"] = waiting
    if ports := _ports(service, able):
        subset["ports"] = ports
    metadata = {
        "namespace": objects.namespace(service),
        "name": objects.name(service),
        "labels": {
            **objects.labels(service),
            **_headless(service),
            "endpoints.kubernetes.io/managed-by": "endpoint-controller",
        },
    }
    body: dict[str, Any] = {"apiVersion": "v1", "kind": "Endpoints", "metadata": metadata}
    return {**body, "subsets": [subset]} if able else body


def _headless(service: Object) -> dict[str, str]:
    return {"service.kubernetes.io/headless": ""} if service["spec"].get("clusterIP") == "None" else {}


def _serves(service: Object, pod: Object) -> bool:
    if objects.terminating(pod):
        return False
    return pods.ready(pod) or bool(service["spec"].get("publishNotReadyAddresses"))


def _address(pod: Object) -> dict[str, Any]:
    return {"ip": objects.status(pod)["podIP"], "nodeName": pods.node(pod), "targetRef": _reference(pod)}


def _reference(pod: Object) -> dict[str, str]:
    return {"kind": "Pod", "namespace": objects.namespace(pod), "name": objects.name(pod), "uid": objects.uid(pod)}


def _ports(service: Object, able: Sequence[Object]) -> list[dict[str, Any]]:
    ports = []
    for each in service["spec"].get("ports") or ():
        number = _number(each, able)
        if number:
            name = {"name": each["name"]} if each.get("name") else {}
            ports.append({**name, "port": number, "protocol": each.get("protocol", "TCP")})
    return ports


def _number(port: Mapping[str, Any], able: Sequence[Object]) -> int:
    """The port of the pods behind a Service's port: a number, or the name that a container gives one."""
    target = port.get("targetPort", port["port"])
    if isinstance(target, int):
        return target
    for pod in able:
        for container in pod["spec"]["containers"]:
            for each in container.get("ports") or ():
                if each.get("name") == target:
                    return int(each["containerPort"])
    return 0


def _slice(service: Object, able: Sequence[Object], zones: Mapping[str, str]) -> dict[str, Any]:
    ports = [{"name": "", **each} for each in _ports(service, able)]
    endpoints = []
    for pod in able:
        serves = _serves(service, pod)
        conditions = {"ready": serves, "serving": pods.ready(pod), "terminating": objects.terminating(pod)}
        found: dict[str, Any] = {
            "addresses": [objects.status(pod)["podIP"]],
            "conditions": conditions,
            "targetRef": _reference(pod),
            "nodeName": pods.node(pod),
        }
        if zone := zones.get(pods.node(pod)):
            found["zone"] = zone
        endpoints.append(found)
    metadata = {
        "namespace": objects.namespace(service),
        "generateName": f"{objects.name(service)}-",
        "labels": {
            **objects.labels(service),
            **_headless(service),
            _SERVICE_NAME: objects.name(service),
            "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
        },
        "ownerReferences": [objects.owner_reference("v1", "Service", service)],
    }
    head = {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": metadata}
    return {**head, "addressType": "IPv4", "endpoints": endpoints, "ports": ports}


def _balanced(service: Object) -> list[Action]:
    """A load balancer's address: one that is the Service's for ever, and leads nowhere."""
    if service["spec"].get("type") != "LoadBalancer" or (objects.status(service).get("loadBalancer") or {}).get(
        "ingress"
    ):
        return []
    number = int(objects.uid(service).replace("-", "")[:4], 16)
    ingress = [{"ip": f"172.30.{number >> 8}.{1 + number % 254}", "ipMode": "VIP"}]
    status = {**objects.status(service), "loadBalancer": {"ingress": ingress}}
    return [Replace(resource=kinds.SERVICES, body=objects.with_status(service, status), subresource="status")]


CONTROLLER: Final = Controller(
    name="services",
    routes={
        kinds.SERVICES.table: controller.itself,
        kinds.PODS.table: controller.selecting(kinds.SERVICES, selects),
        kinds.ENDPOINTS.table: controller.itself,
        kinds.ENDPOINT_SLICES.table: controller.its_owner(kinds.SERVICES),
    },
    look=look,
)

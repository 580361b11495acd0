"""v1 Service and networking.k8s.io/v1 Ingress: where members can be reached from outside."""

from typing import Any

from libs.common.api.meta import Template
from libs.common.interpreter import typed
from libs.common.interpreter.kinds import workloads
from libs.common.interpreter.rules import DependentObject, Items, Known, Rules

LOAD_BALANCER = "LoadBalancer"
_PORT = typed.struct(
    {"port": typed.integer, "protocol": typed.text, "error": typed.text},
    always={"port": 0, "protocol": ""},
    kept=("error",),
)
_POINT = typed.struct(
    {"ip": typed.text, "hostname": typed.text, "ipMode": typed.text, "ports": typed.each(_PORT)}, kept=("ipMode",)
)
_STATUS = typed.struct({"loadBalancer": typed.struct({"ingress": typed.each(_POINT)})})
_SERVICE_STATUS = typed.struct(
    {"loadBalancer": typed.struct({"ingress": typed.each(_POINT)}), "conditions": typed.each(typed.CONDITION)}
)


def is_load_balancer(obj: Template) -> bool:
    return bool(typed.at(obj, "spec", "type", form=typed.text) == LOAD_BALANCER)


def reflect(observed: Template) -> dict[str, Any] | None:
    return _STATUS(observed["status"], "status") if is_load_balancer(observed) else None


def aggregate_service(template: Template, items: Items, known: Known) -> dict[str, Any] | None:
    return aggregate(template, items, known) if is_load_balancer(template) else None


def aggregate(template: Template, items: Items, known: Known) -> dict[str, Any] | None:
    """All points, each once, with the ports of all who have it."""
    points: dict[tuple[str, str, str | None], dict[str, Any]] = {}
    for _, status in workloads.statuses(items, _STATUS):
        for point in _points(status):
            key = (point.get("hostname", ""), point.get("ip", ""), point.get("ipMode"))
            union = points.setdefault(key, {**point, "ports": []})
            for port in point.get("ports", ()):
                if port not in union["ports"]:
                    union["ports"].append(port)
    ordered = [_ordered(points[key]) for key in sorted(points, key=_rank)]
    status = {"loadBalancer": {"ingress": ordered}} if ordered else {}
    return status if status != workloads.present_status(template, _SERVICE_STATUS) else None


def _rank(key: tuple[str, str, str | None]) -> tuple[bool, str, str, bool, str]:
    hostname, ip, mode = key
    return hostname == "", hostname, ip, mode is None, mode or ""


def _ordered(point: dict[str, Any]) -> dict[str, Any]:
    ports = sorted(
        point["ports"], key=lambda p: (p["port"], p["protocol"], p.get("error") is not None, p.get("error") or "")
    )
    rest = {key: value for key, value in point.items() if key != "ports"}
    return {**rest, "ports": ports} if ports else rest


def service_health(observed: Template) -> bool:
    return not is_load_balancer(observed) or health(observed)


def health(observed: Template) -> bool:
    status = workloads.present_status(observed, _STATUS)
    return any(point.get("hostname") or point.get("ip") for point in _points(status))


def _points(status: dict[str, Any]) -> list[dict[str, Any]]:
    points: list[dict[str, Any]] = status.get("loadBalancer", {}).get("ingress", [])
    return points


def retain(desired: Template, observed: Template) -> Template:
    """Keeps the address and the health check port that the member allocated."""
    port = typed.raw(observed, "spec", "healthCheckNodePort", form=typed.json_integer)
    if port is not None and port > 0:
        desired = typed.replaced(desired, port, "spec", "healthCheckNodePort")
    address = typed.raw(observed, "spec", "clusterIP", form=typed.text)
    return typed.replaced(desired, address, "spec", "clusterIP") if address else desired


def ingress_dependencies(template: Template) -> list[DependentObject]:
    tls = typed.at(template, "spec", "tls", form=typed.each(typed.struct({"secretName": typed.text}))) or ()
    namespace = workloads.namespace(template)
    return [
        DependentObject(api_version="v1", kind="Secret", namespace=namespace, name=entry.get("secretName", ""))
        for entry in tls
    ]


SERVICE = Rules(retain=retain, reflect=reflect, aggregate=aggregate_service, health=service_health)
INGRESS = Rules(aggregate=aggregate, health=health, dependencies=ingress_dependencies)

"""Cluster IPs and node ports of Services, given out as the API server does it.

Reference: k8s.io/kubernetes pkg/registry/core/service (alloc.go, strategy.go).
"""

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address, IPv4Network
from typing import Any, Final

from libs.sandbox import kinds, statuses
from libs.sandbox.kinds import Resource
from libs.sandbox.metadata import Fault
from libs.sandbox.store import Event, Object, Table

NETWORK: Final = IPv4Network("10.96.0.0/16")
NODE_PORTS: Final = range(30000, 32768)
_HEADLESS: Final = "None"


class Addresses:
    """What is given out, kept in step with the stored Services."""

    def __init__(self, services: Table) -> None:
        self._ips: dict[str, str] = {}
        self._ports: dict[int, str] = {}
        self._next_ip = int(NETWORK.network_address) + 9
        self._next_port = NODE_PORTS.start
        for entry in services.entries.values():
            self._take(entry.object)
        services.watchers.add(self)

    def deliver(self, event: Event) -> None:
        """A Service has changed."""
        if event.old is not None:
            for ip in _ips(event.old):
                self._ips.pop(ip, None)
            for port in _node_ports(event.old):
                self._ports.pop(port, None)
        if event.type != "DELETED":
            self._take(event.object)

    def withdrawn(self, resource: Resource) -> None:
        """Services are never withdrawn."""

    def completed(self, obj: Object, old: Object | None) -> Object:
        """The Service with what it has had before, and what it needs besides. Raises Refusal for what is taken."""
        spec = dict(obj.get("spec") or {})
        before = (old or {}).get("spec") or {}
        kind = spec.get("type", "ClusterIP")
        if kind == "ExternalName":
            return obj
        if before.get("type", "ClusterIP") != "ExternalName":
            for key in ("clusterIP", "clusterIPs"):
                if key not in spec and key in before:
                    spec[key] = before[key]
        faults: list[Fault] = []
        self._address(spec, obj, faults)
        if kind in ("NodePort", "LoadBalancer"):
            spec["ports"] = [self._port(port, before, obj, faults) for port in spec.get("ports") or ()]
        elif before.get("type") in ("NodePort", "LoadBalancer"):
            kept = _by_port(before)
            spec["ports"] = [_without_kept(port, kept) for port in spec.get("ports") or ()]
        if faults:
            raise statuses.invalid(kinds.SERVICES, obj["metadata"]["name"], faults)
        return {**obj, "spec": spec}

    def _address(self, spec: dict[str, Any], obj: Object, faults: list[Fault]) -> None:
        asked = spec.get("clusterIP") or next(iter(spec.get("clusterIPs") or ()), "")
        if not asked:
            asked = self._free_ip()
        elif asked != _HEADLESS and self._ips.get(asked, _uid(obj)) != _uid(obj):
            told = f'Invalid value: ["{asked}"]: failed to allocate IP {asked}: provided IP is already allocated'
            faults.append(Fault("spec.clusterIPs", told))
        spec["clusterIP"] = asked
        spec.setdefault("clusterIPs", [asked])

    def _port(self, port: dict[str, Any], before: Object, obj: Object, faults: list[Fault]) -> dict[str, Any]:
        number = port.get("nodePort") or _by_port(before).get(_place(port))
        if number is None:
            number = self._free_port()
        elif self._ports.get(number, _uid(obj)) != _uid(obj):
            told = f"Invalid value: {number}: provided port is already allocated"
            faults.append(Fault("spec.ports[0].nodePort", told))
        return {**port, "nodePort": number}

    def _take(self, obj: Object) -> None:
        self._ips |= dict.fromkeys(_ips(obj), _uid(obj))
        self._ports |= dict.fromkeys(_node_ports(obj), _uid(obj))

    def _free_ip(self) -> str:
        for _ in range(NETWORK.num_addresses):
            self._next_ip += 1
            if self._next_ip >= int(NETWORK.broadcast_address):
                self._next_ip = int(NETWORK.network_address) + 10
            ip = str(IPv4Address(self._next_ip))
            if ip not in self._ips:
                return ip
        raise statuses.Refusal(500, "InternalError", "failed to allocate a serviceIP: range is full")

    def _free_port(self) -> int:
        for _ in NODE_PORTS:
            number = self._next_port
            self._next_port = NODE_PORTS.start if number + 1 not in NODE_PORTS else number + 1
            if number not in self._ports:
                return number
        raise statuses.Refusal(500, "InternalError", "failed to allocate a nodePort: range is full")


def _uid(obj: Object) -> str:
    return str(obj["metadata"]["uid"])


def _ips(obj: Object) -> list[str]:
    return [ip for ip in (obj.get("spec") or {}).get("clusterIPs") or () if ip != _HEADLESS]


def _node_ports(obj: Object) -> Iterator[int]:
    for port in (obj.get("spec") or {}).get("ports") or ():
        if port.get("nodePort"):
            yield port["nodePort"]


def _by_port(spec: Object) -> dict[tuple[str, int], int]:
    ports = spec.get("ports") or ()
    return {_place(port): port["nodePort"] for port in ports if port.get("nodePort")}


def _place(port: Mapping[str, Any]) -> tuple[str, int]:
    """What makes a port the same one in another state of its Service."""
    return port.get("protocol", "TCP"), port.get("port", 0)


def _without_kept(port: dict[str, Any], kept: dict[tuple[str, int], int]) -> dict[str, Any]:
    """A port that needs no node port any more, without the one it had."""
    if port.get("nodePort") and kept.get(_place(port)) == port["nodePort"]:
        return {key: value for key, value in port.items() if key != "nodePort"}
    return port

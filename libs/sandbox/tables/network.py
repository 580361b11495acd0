"""The columns of Services and what stands around them."""

from libs.sandbox.store import Object
from libs.sandbox.tables import cells
from libs.sandbox.tables.cells import Cell, Column


def _external(service: Object) -> Cell:
    spec = service.get("spec") or {}
    given = list(spec.get("externalIPs") or ())
    if spec.get("type") == "ExternalName":
        return str(spec.get("externalName"))
    if spec.get("type") == "LoadBalancer":
        found = cells.get(service, "status.loadBalancer.ingress", ())
        return cells.joined([*(each.get("ip") or each.get("hostname") for each in found), *given], "<pending>")
    return cells.joined(given)


def _ports(service: Object) -> Cell:
    told = []
    for port in cells.get(service, "spec.ports", ()):
        node = f":{port['nodePort']}" if port.get("nodePort") else ""
        told.append(f"{port['port']}{node}/{port.get('protocol', 'TCP')}")
    return cells.joined(told)


SERVICES = (
    Column("Type", cells.at("spec.type")),
    Column("Cluster-IP", cells.at("spec.clusterIP")),
    Column("External-IP", _external),
    Column("Port(s)", _ports),
    Column("Age", cells.age),
    Column("Selector", cells.selector, wide=True),
)


def _hosts(ingress: Object) -> Cell:
    return cells.joined((each["host"] for each in cells.get(ingress, "spec.rules", ()) if each.get("host")), "*")


def _addresses(ingress: Object) -> Cell:
    found = cells.get(ingress, "status.loadBalancer.ingress", ())
    return cells.joined((each.get("ip") or each.get("hostname") for each in found), "")


INGRESSES = (
    Column("Class", cells.at("spec.ingressClassName")),
    Column("Hosts", _hosts),
    Column("Address", _addresses),
    Column("Ports", lambda obj: "80, 443" if cells.get(obj, "spec.tls") else "80"),
    Column("Age", cells.age),
)
INGRESS_CLASSES = (
    Column("Controller", cells.at("spec.controller")),
    Column("Parameters", cells.at("spec.parameters.name")),
    Column("Age", cells.age),
)
NETWORK_POLICIES = (
    Column("Pod-Selector", lambda obj: cells.selector(obj, "spec.podSelector")),
    Column("Age", cells.age),
)


def _slice_ports(obj: Object) -> Cell:
    return cells.joined((port.get("port", "*") for port in obj.get("ports") or ()), "<unset>")


def _endpoints(obj: Object) -> Cell:
    return cells.joined((ip for each in obj.get("endpoints") or () for ip in each.get("addresses") or ()), "<unset>")


ENDPOINT_SLICES = (
    Column("AddressType", cells.at("addressType")),
    Column("Ports", _slice_ports),
    Column("Endpoints", _endpoints),
    Column("Age", cells.age),
)


def _subsets(obj: Object) -> Cell:
    found = []
    for subset in obj.get("subsets") or ():
        for address in subset.get("addresses") or ():
            found += [f"{address['ip']}:{port['port']}" for port in subset.get("ports") or ()]
    return cells.joined(found)


ENDPOINTS = (Column("Endpoints", _subsets), Column("Age", cells.age))

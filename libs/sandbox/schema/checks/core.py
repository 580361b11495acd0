"""Services, configuration, storage and access (pkg/apis/core, networking, autoscaling and rbac validation)."""

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from libs.common.api import quantities
from libs.common.kube.errors import Cause
from libs.sandbox.schema import faults
from libs.sandbox.schema.checks import words
from libs.sandbox.schema.checks.words import Object

_LARGEST: Final = 1 << 20
_FROZEN: Final = "field is immutable when `immutable` is set"
_SERVICE_TYPES: Final = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
_REQUIRED_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
}
_ACCOUNT_NAME: Final = "kubernetes.io/service-account.name"
_CLAIM_TEXT: Final = (
    "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"
)
_RBAC: Final = "rbac.authorization.k8s.io"


def config_map(obj: Object, old: Object | None) -> Iterator[Cause]:
    """A ConfigMap."""
    size = 0
    data, binary = obj.get("data") or {}, obj.get("binaryData") or {}
    for key, text in data.items():
        if why := words.config_key(key):
            yield faults.invalid(f"data[{key}]", key, why)
        if key in binary:
            yield faults.invalid(f"data[{key}]", key, "duplicate of key present in binaryData")
        size += len(text) if text.isascii() else len(text.encode())
    for key, text in binary.items():
        if why := words.config_key(key):
            yield faults.invalid(f"binaryData[{key}]", key, why)
        size += len(text) * 3 // 4
    if size > _LARGEST:
        yield faults.too_long("", _LARGEST)
    yield from _kept(obj, old, ("data", "binaryData"))


def secret(obj: Object, old: Object | None) -> Iterator[Cause]:
    """A Secret, whose `stringData` is in `data` already."""
    data = obj.get("data") or {}
    for key in data:
        if why := words.config_key(key):
            yield faults.invalid(f"data[{key}]", key, why)
    if sum(len(text) * 3 // 4 - text.count("=", -2) for text in data.values()) > _LARGEST:
        yield faults.too_long("data", _LARGEST)
    type_ = obj.get("type", "")
    for key in _REQUIRED_KEYS.get(type_, ()):
        if key not in data:
            yield faults.required(f"data[{key}]")
        elif type_.startswith("kubernetes.io/docker") and (why := _not_json(data[key])):
            yield faults.invalid(f"data[{key}]", "<secret contents redacted>", why)
    if type_ == "kubernetes.io/basic-auth" and not {"username", "password"} & data.keys():
        yield faults.required("data[username]")
        yield faults.required("data[password]")
    annotations = obj["metadata"].get("annotations") or {}
    if type_ == "kubernetes.io/service-account-token" and not annotations.get(_ACCOUNT_NAME):
        yield faults.required(f"metadata.annotations[{_ACCOUNT_NAME}]")
    if old is not None:
        yield from words.unchanged(obj, old, ("type",), "")
    yield from _kept(obj, old, ("data",))


def _not_json(text: str) -> str:
    try:
        msgspec.json.decode(base64.b64decode(text), type=dict[str, Any])
    except (msgspec.DecodeError, binascii.Error) as error:
        return str(error)
    return ""


def _kept(obj: Object, old: Object | None, names: tuple[str, ...]) -> Iterator[Cause]:
    if old is None or not old.get("immutable"):
        return
    if not obj.get("immutable"):
        yield faults.forbidden("immutable", _FROZEN)
    for name in names:
        if (obj.get(name) or {}) != (old.get(name) or {}):
            yield faults.forbidden(name, _FROZEN)


def service(obj: Object, old: Object | None) -> Iterator[Cause]:
    """A Service."""
    spec = obj.get("spec") or {}
    type_ = spec.get("type")
    yield from words.one_of(type_, _SERVICE_TYPES, "spec.type")
    yield from words.one_of(spec.get("sessionAffinity"), ("ClientIP", "None"), "spec.sessionAffinity")
    ports = spec.get("ports") or ()
    if type_ == "ExternalName":
        if not (name := (spec.get("externalName") or "").removesuffix(".")):
            yield faults.required("spec.externalName")
        elif why := words.subdomain(name):
            yield faults.invalid("spec.externalName", name, why)
    elif not ports and spec.get("clusterIP") != "None":
        yield faults.required("spec.ports")
    yield from _service_ports(ports, type_ in ("NodePort", "LoadBalancer"))
    if old is not None and type_ != "ExternalName":
        yield from _kept_address(spec, (old.get("spec") or {}))


def _kept_address(spec: Object, before: Object) -> Iterator[Cause]:
    """The address of a Service stays. A change of `clusterIP` alone is one of both fields."""
    if before.get("type") == "ExternalName":
        return
    was = before.get("clusterIP")
    now = [spec.get("clusterIP"), *(spec.get("clusterIPs") or ())[:1]]
    if was and (changed := [address for address in now if address and address != was][:1]):
        yield faults.invalid("spec.clusterIPs[0]", changed, "may not change once set")


def _service_ports(ports: Any, exposed: bool) -> Iterator[Cause]:
    names: set[str] = set()
    taken: set[Any] = set()
    for index, port in enumerate(ports):
        at = f"spec.ports[{index}]"
        name = port.get("name") or ""
        if not name and len(ports) > 1:
            yield faults.required(f"{at}.name")
        elif name:
            if why := words.label(name):
                yield faults.invalid(f"{at}.name", name, why)
            if name in names:
                yield faults.duplicate(f"{at}.name", name)
            names.add(name)
        yield from words.port(port.get("port"), f"{at}.port")
        yield from words.one_of(port.get("protocol"), words.PROTOCOLS, f"{at}.protocol")
        target = port.get("targetPort")
        if isinstance(target, int):
            yield from words.port(target, f"{at}.targetPort")
        elif isinstance(target, str) and (why := words.port_name(target)):
            yield faults.invalid(f"{at}.targetPort", target, why)
        if port.get("nodePort") and not exposed:
            yield faults.forbidden(f"{at}.nodePort", "may not be used when `type` is 'ClusterIP'")
        key = (port.get("port"), port.get("protocol"))
        if key in taken:
            yield faults.duplicate(at, {"port": key[0], "protocol": key[1]})
        taken.add(key)


def claim(obj: Object, old: Object | None) -> Iterator[Cause]:
    """A PersistentVolumeClaim."""
    spec = obj.get("spec") or {}
    if not spec.get("accessModes"):
        yield faults.required("spec.accessModes", "at least 1 access mode is required")
    size = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
    if size is None:
        yield faults.required("spec.resources[storage]")
    elif quantities.nanos(size) <= 0:
        yield faults.invalid("spec.resources[storage]", size, "must be greater than zero")
    if old is None:
        return
    before = old.get("spec") or {}
    free = {"volumeName"} if not before.get("volumeName") else set()
    if (obj.get("status") or {}).get("phase") == "Bound":
        free |= {"resources", "volumeAttributesClassName"}
    if {k: v for k, v in spec.items() if k not in free} != {k: v for k, v in before.items() if k not in free}:
        yield faults.forbidden("spec", _CLAIM_TEXT)


def ingress(obj: Object, old: Object | None) -> Iterator[Cause]:
    """An Ingress."""
    spec = obj.get("spec") or {}
    rules = spec.get("rules") or ()
    if not rules and not spec.get("defaultBackend"):
        yield faults.invalid("spec", None, "either `defaultBackend` or `rules` must be specified")
    if backend := spec.get("defaultBackend"):
        yield from _backend(backend, "spec.defaultBackend")
    for index, rule in enumerate(rules):
        at = f"spec.rules[{index}]"
        if (host := rule.get("host")) and (why := words.subdomain(host.removeprefix("*."))):
            yield faults.invalid(f"{at}.host", host, why)
        paths = (rule.get("http") or {}).get("paths") or ()
        if "http" in rule and not paths:
            yield faults.required(f"{at}.http.paths")
        for number, path in enumerate(paths):
            yield from _ingress_path(path, f"{at}.http.paths[{number}]")


def _ingress_path(path: Object, at: str) -> Iterator[Cause]:
    kind = path.get("pathType")
    if kind is None:
        yield faults.required(f"{at}.pathType", "pathType must be specified")
        return
    yield from words.one_of(kind, ("Exact", "ImplementationSpecific", "Prefix"), f"{at}.pathType")
    text = path.get("path") or ""
    if not text.startswith("/") and (text or kind in ("Exact", "Prefix")):
        yield faults.invalid(f"{at}.path", text, "must be an absolute path")
    yield from _backend(path.get("backend") or {}, f"{at}.backend")


def _backend(backend: Object, path: str) -> Iterator[Cause]:
    service, resource = backend.get("service"), backend.get("resource")
    if service is not None and resource is not None:
        yield faults.invalid(path, "", "cannot set both resource and service backends")
    elif service is None and resource is None:
        yield faults.invalid(path, "", "resource or service backend is required")
    elif service is not None:
        if not service.get("name"):
            yield faults.required(f"{path}.service.name")
        port = service.get("port") or {}
        if port.get("name") and port.get("number"):
            yield faults.invalid(path, "", "cannot set both port name & port number")
        elif port.get("number"):
            yield from words.port(port["number"], f"{path}.service.port.number")
        elif not port.get("name"):
            yield faults.required(path, "port name or number is required")


def autoscaler(obj: Object, old: Object | None) -> Iterator[Cause]:
    """A HorizontalPodAutoscaler."""
    spec = obj.get("spec") or {}
    least, most = spec.get("minReplicas"), spec.get("maxReplicas") or 0
    if least is not None and least < 1:
        yield faults.invalid("spec.minReplicas", least, "must be greater than or equal to 1")
    if most == 0:
        yield faults.required("spec.maxReplicas", "must be set and greater than 0")
    elif most < 0:
        yield faults.invalid("spec.maxReplicas", most, "must be greater than or equal to 1")
    if least is not None and most < least:
        yield faults.invalid("spec.maxReplicas", most, "must be greater than or equal to `minReplicas`")
    target = spec.get("scaleTargetRef") or {}
    for name in ("kind", "name"):
        if not target.get(name):
            yield faults.required(f"spec.scaleTargetRef.{name}")


def role(obj: Object, old: Object | None) -> Iterator[Cause]:
    """A Role, or a ClusterRole when it has no namespace."""
    namespaced = bool(obj["metadata"].get("namespace"))
    for index, rule in enumerate(obj.get("rules") or ()):
        at = f"rules[{index}]"
        if not rule.get("verbs"):
            yield faults.required(f"{at}.verbs", "verbs must contain at least one value")
        if urls := rule.get("nonResourceURLs"):
            if namespaced:
                text = "namespaced rules cannot apply to non-resource URLs"
                yield faults.invalid(f"{at}.nonResourceURLs", urls, text)
            if rule.get("apiGroups") or rule.get("resources"):
                text = "rules cannot apply to both regular resources and non-resource URLs"
                yield faults.invalid(f"{at}.nonResourceURLs", urls, text)
            continue
        if not rule.get("apiGroups"):
            yield faults.required(f"{at}.apiGroups", "resource rules must supply at least one api group")
        if not rule.get("resources"):
            yield faults.required(f"{at}.resources", "resource rules must supply at least one resource")


def role_binding(obj: Object, old: Object | None) -> Iterator[Cause]:
    """A RoleBinding, or a ClusterRoleBinding when it has no namespace."""
    reference = obj.get("roleRef") or {}
    kinds = ("Role", "ClusterRole") if obj["metadata"].get("namespace") else ("ClusterRole",)
    yield from words.one_of(reference.get("apiGroup", ""), (_RBAC,), "roleRef.apiGroup")
    yield from words.one_of(reference.get("kind", ""), kinds, "roleRef.kind")
    if not reference.get("name"):
        yield faults.required("roleRef.name")
    for index, subject in enumerate(obj.get("subjects") or ()):
        at = f"subjects[{index}]"
        if not subject.get("name"):
            yield faults.required(f"{at}.name")
        yield from words.one_of(subject.get("kind", ""), ("ServiceAccount", "User", "Group"), f"{at}.kind")
        if subject.get("kind") == "ServiceAccount" and not subject.get("namespace") and kinds == ("ClusterRole",):
            yield faults.required(f"{at}.namespace")
    if old is not None and old.get("roleRef") != reference:
        shown = {name: reference.get(name[0].lower() + name[1:], "") for name in ("Kind", "Name")}
        text = "cannot change roleRef"
        yield faults.invalid("roleRef", {"APIGroup": reference.get("apiGroup", ""), **shown}, text)

"""Pods and pod templates (pkg/apis/core/validation)."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from libs.common.api import quantities
from libs.common.kube.errors import Cause
from libs.sandbox.schema import faults
from libs.sandbox.schema.checks import words
from libs.sandbox.schema.checks.words import Object

_RESTART_POLICIES: Final = ("Always", "Never", "OnFailure")
_PULL_POLICIES: Final = ("Always", "IfNotPresent", "Never")
_DNS_POLICIES: Final = ("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None")
_MUTABLE: Final = frozenset({"activeDeadlineSeconds", "terminationGracePeriodSeconds", "tolerations", "nodeName"})
_HANDLERS: Final = ("exec", "httpGet", "tcpSocket", "grpc", "sleep")
_SOURCE_FIELDS: Final[Mapping[str, str]] = {
    "configMap": "name",
    "hostPath": "path",
    "persistentVolumeClaim": "claimName",
    "secret": "secretName",
}
_UPDATE_TEXT: Final = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)


def pod(obj: Object, old: Object | None) -> Iterator[Cause]:
    """A Pod."""
    yield from spec(obj.get("spec") or {}, "spec")
    policy = (obj.get("spec") or {}).get("restartPolicy")
    yield from words.one_of(policy, _RESTART_POLICIES, "spec.restartPolicy")
    if old is not None and _frozen(obj) != _frozen(old):
        yield faults.forbidden("spec", _UPDATE_TEXT)


def _frozen(obj: Object) -> Mapping[str, Any]:
    """What of a pod's spec may not change; scheduling gates may go, and the server binds the node."""
    kept = {k: v for k, v in (obj.get("spec") or {}).items() if k not in _MUTABLE and k != "schedulingGates"}
    for name in ("containers", "initContainers"):
        containers = kept.get(name) or ()
        kept[name] = [{k: v for k, v in each.items() if k not in ("image", "resources")} for each in containers]
    kept.pop("ephemeralContainers", None)
    return kept


def template(template: Object, path: str, claims: Sequence[str] = ()) -> Iterator[Cause]:
    """A pod template. `claims` names the volumes that its owner adds."""
    yield from spec(template.get("spec") or {}, f"{path}.spec", claims)


def spec(spec: Object, path: str, claims: Sequence[str] = ()) -> Iterator[Cause]:
    """The spec of a pod, but for its restart policy, which depends on the owner."""
    volumes: Sequence[Object] = spec.get("volumes") or ()
    yield from _volumes(volumes, f"{path}.volumes")
    mountable = {*claims, *(volume.get("name") for volume in volumes)}
    containers: Sequence[Object] = spec.get("containers") or ()
    if not containers:
        yield faults.required(f"{path}.containers")
    seen: set[str] = set()
    for name in ("containers", "initContainers"):
        for index, container in enumerate(spec.get(name) or ()):
            yield from _container(container, mountable, seen, f"{path}.{name}[{index}]")
    yield from words.one_of(spec.get("dnsPolicy"), _DNS_POLICIES, f"{path}.dnsPolicy")
    yield from words.not_negative(spec, ("terminationGracePeriodSeconds",), path)
    for field in ("serviceAccountName", "nodeName", "priorityClassName"):
        if (value := spec.get(field)) and (why := words.subdomain(value)):
            yield faults.invalid(f"{path}.{field}", value, why)


def _volumes(volumes: Sequence[Object], path: str) -> Iterator[Cause]:
    seen: set[str] = set()
    for index, volume in enumerate(volumes):
        at = f"{path}[{index}]"
        name = volume.get("name")
        if not name:
            yield faults.required(f"{at}.name")
            continue
        if why := words.label(name):
            yield faults.invalid(f"{at}.name", name, why)
        if name in seen:
            yield faults.duplicate(f"{at}.name", name)
        seen.add(name)
        for source, field in _SOURCE_FIELDS.items():
            if source in volume and not volume[source].get(field):
                yield faults.required(f"{at}.{source}.{field}")
        for source in [key for key in volume if key != "name"][1:]:
            yield faults.forbidden(f"{at}.{source}", "may not specify more than 1 volume type")


def _container(container: Object, mountable: set[Any], seen: set[str], path: str) -> Iterator[Cause]:
    name = container.get("name")
    if not name:
        yield faults.required(f"{path}.name")
    elif why := words.label(name):
        yield faults.invalid(f"{path}.name", name, why)
    elif name in seen:
        yield faults.duplicate(f"{path}.name", name)
    else:
        seen.add(name)
    image = container.get("image")
    if not image:
        yield faults.required(f"{path}.image")
    elif image != image.strip():
        yield faults.invalid(f"{path}.image", image, "must not have leading or trailing whitespace")
    if "ports" in container:
        yield from _ports(container["ports"], f"{path}.ports")
    yield from _handlers(container, path)
    for index, variable in enumerate(container.get("env") or ()):
        yield from _variable(variable, f"{path}.env[{index}]")
    for index, mount in enumerate(container.get("volumeMounts") or ()):
        yield from _mount(mount, mountable, f"{path}.volumeMounts[{index}]")
    yield from words.one_of(container.get("imagePullPolicy"), _PULL_POLICIES, f"{path}.imagePullPolicy")
    yield from _resources(container.get("resources") or {}, f"{path}.resources")


def _ports(ports: Sequence[Object], path: str) -> Iterator[Cause]:
    names: set[str] = set()
    for index, port in enumerate(ports):
        at = f"{path}[{index}]"
        if name := port.get("name"):
            if why := words.port_name(name):
                yield faults.invalid(f"{at}.name", name, why)
            elif name in names:
                yield faults.duplicate(f"{at}.name", name)
            names.add(name)
        if not port.get("containerPort"):
            yield faults.required(f"{at}.containerPort")
        else:
            yield from words.port(port["containerPort"], f"{at}.containerPort")
        if port.get("hostPort"):
            yield from words.port(port["hostPort"], f"{at}.hostPort")
        yield from words.one_of(port.get("protocol"), words.PROTOCOLS, f"{at}.protocol")


def _handlers(container: Object, path: str) -> Iterator[Cause]:
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        if name in container:
            yield from _handler(container[name], f"{path}.{name}")
    for name, handler in (container.get("lifecycle") or {}).items():
        if isinstance(handler, Mapping):
            yield from _handler(handler, f"{path}.lifecycle.{name}")


def _handler(handler: Object, path: str) -> Iterator[Cause]:
    """What a probe or a lifecycle hook does."""
    found = [name for name in _HANDLERS if name in handler]
    if not found:
        yield faults.required(path, "must specify a handler type")
        return
    for name in found[1:]:
        yield faults.forbidden(f"{path}.{name}", "may not specify more than 1 handler type")
    action, at = handler[found[0]], f"{path}.{found[0]}"
    match found[0]:
        case "exec" if not action.get("command"):
            yield faults.required(f"{at}.command")
        case "httpGet":
            yield from words.port_or_name(action.get("port"), f"{at}.port")
            yield from words.one_of(action.get("scheme"), ("HTTP", "HTTPS"), f"{at}.scheme")
        case "tcpSocket":
            yield from words.port_or_name(action.get("port"), f"{at}.port")


def _variable(variable: Object, path: str) -> Iterator[Cause]:
    if not variable.get("name"):
        yield faults.required(f"{path}.name")
    if "valueFrom" in variable:
        if variable.get("value"):
            yield faults.invalid(f"{path}.valueFrom", "", "may not be specified when `value` is not empty")
        elif not variable["valueFrom"]:
            at = f"{path}.valueFrom"
            text = (
                "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
            )
            yield faults.invalid(at, "", text)


def _mount(mount: Object, mountable: set[Any], path: str) -> Iterator[Cause]:
    name = mount.get("name")
    if not name:
        yield faults.required(f"{path}.name")
    if name not in mountable:
        yield Cause(reason="FieldValueNotFound", message=f"Not found: {faults.shown(name or '')}", field=f"{path}.name")
    if not mount.get("mountPath"):
        yield faults.required(f"{path}.mountPath")


def _resources(resources: Object, path: str) -> Iterator[Cause]:
    limits: Mapping[str, str] = resources.get("limits") or {}
    requests: Mapping[str, str] = resources.get("requests") or {}
    for name, listed in (("limits", limits), ("requests", requests)):
        for key, value in listed.items():
            if quantities.nanos(value) < 0:
                yield faults.invalid(f"{path}.{name}[{key}]", value, words.NOT_NEGATIVE)
    for key, value in requests.items():
        if key in limits and quantities.nanos(value) > quantities.nanos(limits[key]):
            text = f"must be less than or equal to {key} limit of {limits[key]}"
            yield faults.invalid(f"{path}.requests", value, text)

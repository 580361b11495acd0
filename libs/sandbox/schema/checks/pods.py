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
_UPDATE_TEXT: Final = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)


def pod(obj: Object, old: Object | None) -> Iterator[Cause]:
    """A Pod."""
    yield from spec(obj.get("spec") or {}, "spec")
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


def template(template: Object, path: str) -> Iterator[Cause]:
    """A pod template."""
    yield from spec(template.get("spec") or {}, f"{path}.spec")


def spec(spec: Object, path: str) -> Iterator[Cause]:
    """The spec of a pod."""
    volumes: Sequence[Object] = spec.get("volumes") or ()
    yield from _volumes(volumes, f"{path}.volumes")
    mountable = {volume.get("name") for volume in volumes}
    containers: Sequence[Object] = spec.get("containers") or ()
    if not containers:
        yield faults.required(f"{path}.containers")
    seen: set[str] = set()
    for name in ("containers", "initContainers"):
        for index, container in enumerate(spec.get(name) or ()):
            yield from _container(container, mountable, seen, f"{path}.{name}[{index}]")
    yield from words.one_of(spec.get("restartPolicy"), _RESTART_POLICIES, f"{path}.restartPolicy")
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
    elif name not in mountable:
        yield Cause(reason="FieldValueNotFound", message=f"Not found: {faults.shown(name)}", field=f"{path}.name")
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

"""What a pod template asks for: resources and nodes of a replica, and the objects it refers to."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from libs.common.api import quantities
from libs.common.api.meta import Toleration
from libs.common.api.work import NodeClaim, ReplicaRequirements
from libs.common.interpreter import typed
from libs.common.interpreter.rules import DependentObject

CPU = "cpu"
_BINARY = ("memory", "ephemeral-storage")
_QUALIFIED = re.compile(
    r"(?:[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?"
)
_DECIMAL_SUFFIXES = ("", "k", "M", "G", "T", "P", "E")
_BINARY_SUFFIXES = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")


def requirements(pod_spec: Mapping[str, Any]) -> ReplicaRequirements | None:
    """What one replica needs; None if it asks for nothing."""
    claim = _node_claim(pod_spec)
    request = _printed(_resources(pod_spec))
    if claim is None and not request:
        return None
    return ReplicaRequirements(node_claim=claim, resource_request=request or None)


def _node_claim(spec: Mapping[str, Any]) -> NodeClaim | None:
    selector = typed.at(spec, "nodeSelector", form=typed.mapping(typed.text))
    affinity = typed.at(
        spec,
        "affinity",
        "nodeAffinity",
        "requiredDuringSchedulingIgnoredDuringExecution",
        form=typed.mapping(typed.anything),
    )
    tolerations = typed.at(spec, "tolerations", form=typed.each(typed.mapping(typed.anything)))
    if selector is None and affinity is None and not tolerations:
        return None
    try:
        converted = msgspec.convert(tolerations or [], list[Toleration])
    except msgspec.ValidationError as error:
        raise typed.InterpretError(f"tolerations: {error}") from error
    return NodeClaim(node_selector=selector, hard_node_affinity=affinity, tolerations=converted or None)


def _resources(spec: Mapping[str, Any]) -> dict[str, int]:
    """Sum over containers, at least each init container, plus overhead: cpu in millis, all else in units."""
    total: dict[str, int] = {}
    for container in objects(spec, "containers"):
        for name, amount in _container(container).items():
            total[name] = total.get(name, 0) + amount
    for container in objects(spec, "initContainers"):
        for name, amount in _container(container).items():
            total[name] = max(total.get(name, 0), amount)
    for name, amount in _amounts(spec, "overhead").items():
        total[name] = total.get(name, 0) + amount
    return total


def _container(container: Mapping[str, Any]) -> dict[str, int]:
    return {**_amounts(container, "resources", "limits"), **_amounts(container, "resources", "requests")}


def _amounts(holder: Mapping[str, Any], *path: str) -> dict[str, int]:
    listed = typed.at(holder, *path, form=typed.mapping(typed.anything)) or {}
    return {name: _amount(name, quantity) for name, quantity in listed.items()}


def _amount(name: str, quantity: Any) -> int:
    if isinstance(quantity, float):
        quantity = repr(quantity)
    try:
        nanos = quantities.nanos(quantity)
    except (TypeError, ValueError) as error:
        raise typed.InterpretError(f"{name}: {error}") from error
    return quantities.millis(nanos) if name == CPU else quantities.units(nanos)


def _printed(amounts: Mapping[str, int]) -> dict[str, str | int]:
    return {name: _quantity(name, amount) for name, amount in amounts.items() if amount > 0 and _counted(name)}


def _quantity(name: str, amount: int) -> str:
    if name == CPU and amount % 1000:
        return f"{amount}m"
    if name == CPU:
        return _scaled(amount // 1000, 1000, _DECIMAL_SUFFIXES)
    binary = name in _BINARY or name.startswith("hugepages-")
    if binary and amount >= 1024:
        return _scaled(amount, 1024, _BINARY_SUFFIXES)
    return _scaled(amount, 1000, _DECIMAL_SUFFIXES)


def _scaled(amount: int, base: int, suffixes: tuple[str, ...]) -> str:
    """With the largest suffix that leaves an integer."""
    power = 0
    while power + 1 < len(suffixes) and amount % base == 0:
        amount //= base
        power += 1
    return f"{amount}{suffixes[power]}"


def _counted(name: str) -> bool:
    """Whether a resource counts: the well-known ones and what Kubernetes calls scalar resources."""
    if name in (CPU, "pods", *_BINARY):
        return True
    if "kubernetes.io/" in name or name.startswith(("hugepages-", "attachable-volumes-")):
        return True
    return "/" in name and not name.startswith("requests.") and _is_qualified(f"requests.{name}")


def _is_qualified(name: str) -> bool:
    prefix, _, local = name.rpartition("/")
    return _QUALIFIED.fullmatch(name) is not None and len(prefix) <= 253 and len(local) <= 63


# ---- dependencies ----------------------------------------------------------------------------------------------------

_SECRET_SOURCES = (
    ("azureFile", "secretName"),
    ("cephfs", "secretRef", "name"),
    ("cinder", "secretRef", "name"),
    ("flexVolume", "secretRef", "name"),
    ("projected",),
    ("rbd", "secretRef", "name"),
    ("secret", "secretName"),
    ("scaleIO", "secretRef", "name"),
    ("iscsi", "secretRef", "name"),
    ("storageos", "secretRef", "name"),
    ("csi", "nodePublishSecretRef", "name"),
)
"""Where a volume names a Secret. A volume has one source; should it have several, the first of these counts."""


def dependencies(pod_spec: Mapping[str, Any], namespace: str) -> list[DependentObject]:
    """The ConfigMaps, Secrets, ServiceAccount and PersistentVolumeClaims that pods of this spec refer to."""
    volumes = objects(pod_spec, "volumes")
    containers = [
        c for field in ("containers", "initContainers", "ephemeralContainers") for c in objects(pod_spec, field)
    ]
    account = _name(pod_spec, "serviceAccountName")
    found = {
        "ConfigMap": [*_from_environment(containers, "configMap"), *_config_map_volumes(volumes)],
        "Secret": [
            *(_name(reference, "name") for reference in objects(pod_spec, "imagePullSecrets")),
            *_from_environment(containers, "secret"),
            *(name for volume in volumes for name in _secrets_of(volume)),
        ],
        "ServiceAccount": [account] if account != "default" else [],
        "PersistentVolumeClaim": [_name(volume, "persistentVolumeClaim", "claimName") for volume in volumes],
    }
    return [
        DependentObject(api_version="v1", kind=kind, namespace=namespace, name=name)
        for kind, names in found.items()
        for name in dict.fromkeys(names)
        if name
    ]


def _from_environment(containers: Iterable[Mapping[str, Any]], source: str) -> Iterable[str]:
    for container in containers:
        for entry in objects(container, "envFrom"):
            yield _name(entry, f"{source}Ref", "name")
        for entry in objects(container, "env"):
            yield _name(entry, "valueFrom", f"{source}KeyRef", "name")


def _config_map_volumes(volumes: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    for volume in volumes:
        if volume.get("projected") is not None:
            yield from _projected(volume, "configMap")
        else:
            yield _name(volume, "configMap", "name")


def _secrets_of(volume: Mapping[str, Any]) -> Iterable[str]:
    for source, *path in _SECRET_SOURCES:
        if volume.get(source) is None:
            continue
        if path:
            yield _name(volume, source, *path)
        else:
            yield from _projected(volume, "secret")
        return


def _projected(volume: Mapping[str, Any], kind: str) -> list[str]:
    sources = typed.at(volume, "projected", "sources", form=typed.each(typed.mapping(typed.anything))) or []
    return [_name(source, kind, "name") for source in sources]


def _name(holder: Mapping[str, Any], *path: str) -> str:
    return typed.at(holder, *path, form=typed.text) or ""


def objects(holder: Mapping[str, Any], field: str) -> list[dict[str, Any]]:
    """The list of objects in a field; empty if absent."""
    return typed.at(holder, field, form=typed.each(typed.mapping(typed.anything))) or []

"""Objects as rows of a table (meta.k8s.io/v1 Table): what `kubectl get` shows."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from libs.sandbox.customs import Custom
from libs.sandbox.kinds import Resource
from libs.sandbox.store import Object
from libs.sandbox.tables import cells, cluster, network, paths, pods, workloads
from libs.sandbox.tables.cells import Cell, Column

_RBAC: Final = "rbac.authorization.k8s.io"
_BY_TABLE: Final[Mapping[str, tuple[Column, ...]]] = {
    "pods": pods.COLUMNS,
    "deployments.apps": workloads.DEPLOYMENTS,
    "replicasets.apps": workloads.REPLICA_SETS,
    "replicationcontrollers": workloads.REPLICA_SETS,
    "statefulsets.apps": workloads.STATEFUL_SETS,
    "daemonsets.apps": workloads.DAEMON_SETS,
    "jobs.batch": workloads.JOBS,
    "cronjobs.batch": workloads.CRON_JOBS,
    "services": network.SERVICES,
    "endpoints": network.ENDPOINTS,
    "ingresses.networking.k8s.io": network.INGRESSES,
    "ingressclasses.networking.k8s.io": network.INGRESS_CLASSES,
    "networkpolicies.networking.k8s.io": network.NETWORK_POLICIES,
    "endpointslices.discovery.k8s.io": network.ENDPOINT_SLICES,
    "nodes": cluster.NODES,
    "namespaces": cluster.NAMESPACES,
    "persistentvolumes": cluster.PERSISTENT_VOLUMES,
    "persistentvolumeclaims": cluster.PERSISTENT_VOLUME_CLAIMS,
    "storageclasses.storage.k8s.io": cluster.STORAGE_CLASSES,
    "configmaps": cluster.CONFIG_MAPS,
    "secrets": cluster.SECRETS,
    "serviceaccounts": cluster.SERVICE_ACCOUNTS,
    f"roles.{_RBAC}": cluster.CREATED_AT,
    f"clusterroles.{_RBAC}": cluster.CREATED_AT,
    f"rolebindings.{_RBAC}": cluster.BINDINGS,
    f"clusterrolebindings.{_RBAC}": cluster.BINDINGS,
    "customresourcedefinitions.apiextensions.k8s.io": cluster.CREATED_AT,
    "leases.coordination.k8s.io": cluster.LEASES,
    "priorityclasses.scheduling.k8s.io": cluster.PRIORITY_CLASSES,
    "resourcequotas": cluster.RESOURCE_QUOTAS,
    "poddisruptionbudgets.policy": cluster.DISRUPTION_BUDGETS,
    "horizontalpodautoscalers.autoscaling": cluster.AUTOSCALERS,
    "events": cluster.EVENTS,
}
_NAME: Final = Column("Name", cells.name)
_NAMELESS: Final = frozenset({"events"})
"""Kinds that do not begin with their name."""


def columns(resource: Resource, custom: Custom | None) -> tuple[Column, ...]:
    """The columns of a kind."""
    if custom:
        return (_NAME, *(_custom_column(each) for each in custom.columns))
    own = _BY_TABLE.get(resource.table, (cluster.AGE,))
    return own if resource.table in _NAMELESS else (_NAME, *own)


def table(
    shown: Sequence[Column],
    objects: Iterable[Object],
    metadata: Mapping[str, Any],
    include: str,
    *,
    headed: bool = True,
) -> dict[str, Any]:
    """The table of some objects. `include` says what each row carries: "Metadata", "Object" or "None"."""
    made: dict[str, Any] = {"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata}
    made["columnDefinitions"] = [_definition(each) for each in shown] if headed else None
    made["rows"] = [_row(shown, obj, include) for obj in objects]
    return made


def _row(shown: Sequence[Column], obj: Object, include: str) -> dict[str, Any]:
    row: dict[str, Any] = {"cells": [each.cell(obj) for each in shown]}
    if include == "Object":
        row["object"] = obj
    elif include != "None":
        row["object"] = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": obj["metadata"]}
    return row


def _definition(column: Column) -> dict[str, Any]:
    return {
        "name": column.name,
        "type": column.type,
        "format": "name" if column is _NAME else "",
        "description": column.description,
        "priority": int(column.wide),
    }


def _custom_column(given: Mapping[str, Any]) -> Column:
    path, kind = given.get("jsonPath", ""), given.get("type", "string")

    def cell(obj: Object) -> Cell:
        value = paths.find(path, obj)
        if value is None:
            return None
        if kind == "date":
            return _date(value)
        if kind == "string":
            return value if isinstance(value, str) else msgspec.json.encode(value).decode()
        fits = {"integer": int, "number": int | float, "boolean": bool}.get(kind)
        return value if fits and isinstance(value, fits) else None

    return Column(
        given["name"],
        cell,
        kind,
        bool(given.get("priority")),
        given.get("description", ""),
    )


def _date(value: Any) -> str:
    try:
        datetime.fromisoformat(str(value))
    except ValueError:
        return cells.UNKNOWN
    return cells.since(str(value))

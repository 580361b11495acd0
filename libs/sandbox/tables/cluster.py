"""The columns of what a cluster consists of: nodes, namespaces, storage, rights, events."""

from libs.sandbox.store import Object
from libs.sandbox.tables import cells
from libs.sandbox.tables.cells import Cell, Column

_ROLE = "node-role.kubernetes.io/"
AGE = Column("Age", cells.age)


def _node_status(node: Object) -> Cell:
    ready = {each["type"]: each["status"] for each in cells.get(node, "status.conditions", ())}.get("Ready")
    word = "Ready" if ready == "True" else "NotReady" if ready else "Unknown"
    return word + (",SchedulingDisabled" if cells.get(node, "spec.unschedulable") else "")


def _roles(node: Object) -> Cell:
    labels = node["metadata"].get("labels") or {}
    return cells.joined(sorted(key.removeprefix(_ROLE) for key in labels if key.startswith(_ROLE)))


def _address(kind: str) -> Column:
    def cell(node: Object) -> Cell:
        found = cells.get(node, "status.addresses", ())
        return next((str(each["address"]) for each in found if each["type"] == kind), cells.NONE)

    return Column("Internal-IP" if kind == "InternalIP" else "External-IP", cell, wide=True)


NODES = (
    Column("Status", _node_status),
    Column("Roles", _roles),
    AGE,
    Column("Version", cells.at("status.nodeInfo.kubeletVersion")),
    _address("InternalIP"),
    _address("ExternalIP"),
    Column("OS-Image", cells.at("status.nodeInfo.osImage", cells.UNKNOWN), wide=True),
    Column("Kernel-Version", cells.at("status.nodeInfo.kernelVersion", cells.UNKNOWN), wide=True),
    Column("Container-Runtime", cells.at("status.nodeInfo.containerRuntimeVersion", cells.UNKNOWN), wide=True),
)
NAMESPACES = (Column("Status", cells.at("status.phase")), AGE)


def _modes(path: str) -> Column:
    short = {"ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP"}
    return Column("Access Modes", lambda obj: cells.joined((short[m] for m in cells.get(obj, path, ())), ""))


PERSISTENT_VOLUMES = (
    Column("Capacity", cells.at("spec.capacity.storage", "")),
    _modes("spec.accessModes"),
    Column("Reclaim Policy", cells.at("spec.persistentVolumeReclaimPolicy", "")),
    Column("Status", lambda obj: _going(obj, "status.phase")),
    Column(
        "Claim",
        lambda obj: cells.joined(map(str, filter(None, _claim(obj))), "").replace(",", "/"),
    ),
    Column("StorageClass", cells.at("spec.storageClassName", "")),
    Column("Reason", cells.at("status.reason", "")),
    AGE,
)
PERSISTENT_VOLUME_CLAIMS = (
    Column("Status", lambda obj: _going(obj, "status.phase")),
    Column("Volume", cells.at("spec.volumeName", "")),
    Column("Capacity", cells.at("status.capacity.storage", "")),
    _modes("status.accessModes"),
    Column("StorageClass", cells.at("spec.storageClassName", "")),
    AGE,
)


def _going(obj: Object, path: str) -> Cell:
    return "Terminating" if obj["metadata"].get("deletionTimestamp") else str(cells.get(obj, path, ""))


def _claim(obj: Object) -> tuple[str | None, str | None]:
    return cells.get(obj, "spec.claimRef.namespace"), cells.get(obj, "spec.claimRef.name")


STORAGE_CLASSES = (
    Column("Provisioner", cells.at("provisioner")),
    Column("ReclaimPolicy", cells.at("reclaimPolicy", "Delete")),
    Column("VolumeBindingMode", cells.at("volumeBindingMode", "<unset>")),
    Column("AllowVolumeExpansion", lambda obj: str(bool(obj.get("allowVolumeExpansion"))).lower()),
    AGE,
)
CONFIG_MAPS = (
    Column("Data", lambda obj: len(obj.get("data") or ()) + len(obj.get("binaryData") or ()), "integer"),
    AGE,
)
SECRETS = (
    Column("Type", cells.at("type")),
    Column("Data", lambda obj: len(obj.get("data") or ()), "integer"),
    AGE,
)
SERVICE_ACCOUNTS = (Column("Secrets", lambda obj: len(obj.get("secrets") or ()), "integer"), AGE)


def _role(obj: Object) -> Cell:
    return f"{cells.get(obj, 'roleRef.kind')}/{cells.get(obj, 'roleRef.name')}"


BINDINGS = (Column("Role", _role), AGE)
CREATED_AT = (Column("Created At", cells.at("metadata.creationTimestamp")),)
LEASES = (Column("Holder", cells.at("spec.holderIdentity", "")), AGE)
PRIORITY_CLASSES = (
    Column("Value", cells.at("value", 0), "integer"),
    Column("Global-Default", lambda obj: str(bool(obj.get("globalDefault"))).lower()),
    AGE,
    Column("PreemptionPolicy", cells.at("preemptionPolicy", ""), wide=True),
)


def _quota(key: str) -> Column:
    def cell(obj: Object) -> Cell:
        hard, used = cells.get(obj, "status.hard", {}), cells.get(obj, "status.used", {})
        wanted = [each for each in sorted(hard or cells.get(obj, "spec.hard", {}))]
        told = (f"{each}: {used.get(each, 0)}/{hard.get(each, 0)}" for each in wanted)
        limits = [each for each in told if each.startswith("limits.") == (key == "Limit")]
        return ", ".join(limits)

    return Column(key, cell)


RESOURCE_QUOTAS = (_quota("Request"), _quota("Limit"), AGE)
DISRUPTION_BUDGETS = (
    Column("Min Available", cells.at("spec.minAvailable", "N/A")),
    Column("Max Unavailable", cells.at("spec.maxUnavailable", "N/A")),
    Column("Allowed Disruptions", cells.at("status.disruptionsAllowed", 0), "integer"),
    AGE,
)


def _scaled(obj: Object) -> Cell:
    return f"{cells.get(obj, 'spec.scaleTargetRef.kind')}/{cells.get(obj, 'spec.scaleTargetRef.name')}"


AUTOSCALERS = (
    Column("Reference", _scaled),
    Column("MinPods", cells.at("spec.minReplicas", "<unset>")),
    Column("MaxPods", cells.at("spec.maxReplicas", 0), "integer"),
    Column("Replicas", cells.at("status.currentReplicas", 0), "integer"),
    AGE,
)


def _seen(event: Object) -> Cell:
    last = event.get("lastTimestamp") or event.get("eventTime") or event.get("firstTimestamp")
    return cells.since(last)


def _about(event: Object) -> Cell:
    about = event.get("involvedObject") or {}
    return f"{str(about.get('kind', '')).lower()}/{about.get('name', '')}"


EVENTS = (
    Column("Last Seen", _seen),
    Column("Type", cells.at("type", "")),
    Column("Reason", cells.at("reason", "")),
    Column("Object", _about),
    Column("Source", cells.at("source.component", ""), wide=True),
    Column("Message", lambda obj: str(obj.get("message") or "").strip()),
    Column("Count", cells.at("count", 1), "integer", wide=True),
    Column("Name", cells.name, wide=True),
)

"""What a pod asks of its cluster, as billionths by resource name. Reference: Karmada's `pkg/util/resource.go`."""

from typing import Final

import msgspec

from libs.common.api import quantities
from libs.common.api.meta import ApiStruct, ResourceList

_NATIVE: Final = frozenset({"cpu", "memory", "ephemeral-storage"})


class Resources(ApiStruct, frozen=True, kw_only=True):
    requests: ResourceList | None = None


class Container(ApiStruct, frozen=True, kw_only=True):
    resources: Resources | None = None


class PodSpec(ApiStruct, frozen=True, kw_only=True):
    node_name: str = ""
    containers: list[Container] | None = None
    init_containers: list[Container] | None = None
    overhead: ResourceList | None = None


class PodStatus(ApiStruct, frozen=True, kw_only=True):
    phase: str = ""


class Pod(ApiStruct, frozen=True, kw_only=True):
    """The part of a pod that capacity needs."""

    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()


class Demand(msgspec.Struct, frozen=True):
    """What one pod takes, and where: `node` is empty until it is bound."""

    node: str
    requests: dict[str, int]
    counts: bool = True
    """False once it has run to its end."""


FINISHED: Final = Demand("", {}, counts=False)


def demand(pod: Pod) -> Demand:
    """What a pod takes of its cluster.

    Containers run together, so their requests add up; init containers run one by one before them, so the largest
    counts where it is more. Karmada compares an init container with the running sum over all pods before it, whose
    outcome depends on the order of a hash map; here each pod counts by itself.
    """
    if pod.spec.node_name and pod.status.phase in ("Succeeded", "Failed"):
        return FINISHED
    total: dict[str, int] = {}
    for container in pod.spec.containers or ():
        add(total, _requests(container))
    for container in pod.spec.init_containers or ():
        for name, amount in _requests(container).items():
            total[name] = max(total.get(name, 0), amount)
    add(total, _amounts(pod.spec.overhead))
    return Demand(pod.spec.node_name, total)


def is_counted(name: str) -> bool:
    """Whether a resource is summed up at all: the native ones, and what Kubernetes calls scalar resources."""
    if name in _NATIVE or name.startswith(("hugepages-", "attachable-volumes-")):
        return True
    domain, slash, _ = name.partition("/")
    if not slash:
        return False
    return "kubernetes.io" in domain or not name.startswith("requests.")


def rounded(name: str, amount: int) -> int:
    """Billionths as the reference keeps them: CPU in thousandths, everything else whole, rounded up."""
    if name == "cpu":
        return quantities.millis(amount) * 1_000_000
    return quantities.units(amount) * quantities.NANOS


def _requests(container: Container) -> dict[str, int]:
    return _amounts(container.resources.requests if container.resources else None)


def _amounts(resources: ResourceList | None) -> dict[str, int]:
    if not resources:
        return {}
    return {n: rounded(n, quantities.nanos(q)) for n, q in resources.items() if is_counted(n)}


def add(total: dict[str, int], amounts: dict[str, int], sign: int = 1) -> None:
    """Adds `amounts` to `total` in place, or takes them away with `sign` -1; what comes to nothing is left out."""
    for name, amount in amounts.items():
        total[name] = total.get(name, 0) + sign * amount
        if not total[name]:
            del total[name]

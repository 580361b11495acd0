"""The life of a namespace: what every one holds from the start, and its emptying in the end.

Upstream: k8s.io/kubernetes pkg/controller/namespace, serviceaccount and certificates/rootcacertpublisher.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from libs.sandbox import kinds
from libs.sandbox.controllers import conditions, controller, objects, pods
from libs.sandbox.controllers.actions import BATCH, Create, Decision, Delete, Replace
from libs.sandbox.controllers.controller import Controller
from libs.sandbox.controllers.objects import Object
from libs.sandbox.controllers.view import Key, View
from libs.sandbox.kinds import Resource
from libs.sandbox.store import Event

_FINALIZER: Final = "kubernetes"
_ROOT_CERTIFICATES: Final = "kube-root-ca.crt"
_DESCRIPTION: Final = (
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the"
    " internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes"
    " clusters."
)


def furnish(view: View, key: Key) -> Decision:
    """The default ServiceAccount of a living namespace."""
    namespace = view.get(kinds.NAMESPACES, "", key[1])
    if namespace is None or objects.terminating(namespace) or view.get(kinds.SERVICE_ACCOUNTS, key[1], "default"):
        return Decision()
    body = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"namespace": key[1], "name": "default"}}
    return Decision(actions=(Create(resource=kinds.SERVICE_ACCOUNTS, body=body),))


def certify(view: View, key: Key) -> Decision:
    """The ConfigMap with the server's root certificates: none, as the server speaks plain HTTP."""
    namespace = view.get(kinds.NAMESPACES, "", key[1])
    if namespace is None or objects.terminating(namespace):
        return Decision()
    data = {"ca.crt": ""}
    found = view.get(kinds.CONFIG_MAPS, key[1], _ROOT_CERTIFICATES)
    if found is None:
        marks = {"kubernetes.io/description": _DESCRIPTION}
        metadata = {"namespace": key[1], "name": _ROOT_CERTIFICATES, "annotations": marks}
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
        return Decision(actions=(Create(resource=kinds.CONFIG_MAPS, body=body),))
    if found.get("data") == data:
        return Decision()
    return Decision(actions=(Replace(resource=kinds.CONFIG_MAPS, body={**found, "data": data}),))


def end(view: View, key: Key) -> Decision:
    """Gathers what is left in a namespace that is to go, and decides."""
    namespace = view.get(kinds.NAMESPACES, "", key[1])
    if namespace is None or not objects.terminating(namespace):
        return Decision()
    contents = view.contents(key[1])
    return empty(namespace, [(view.resources[table], each) for (table, _, _), each in contents.items()], view.now)


def empty(namespace: Object, contents: Sequence[tuple[Resource, Object]], now: datetime) -> Decision:
    """Deletes what is in a namespace, says what stays, and lets the namespace go when it is empty."""
    alive = [(resource, each) for resource, each in contents if not objects.terminating(each)]
    actions = [
        Delete(resource=resource, target=each, now=pods.ends_at_once(each), propagation="Background")
        for resource, each in alive[:BATCH]
    ]
    finalizers = (namespace.get("spec") or {}).get("finalizers") or ()
    if not contents and _FINALIZER in finalizers:
        left = [each for each in finalizers if each != _FINALIZER]
        body = {**namespace, "spec": {**namespace["spec"], "finalizers": left}}
        return Decision(actions=(Replace(resource=kinds.NAMESPACES, body=body, subresource="finalize"),))
    staying = [(resource, each) for resource, each in contents if objects.terminating(each)]
    if actions or not staying:
        return Decision(actions=tuple(actions))
    standing = objects.status(namespace).get("conditions") or ()
    for condition in _remaining(staying, now):
        standing = conditions.put(standing, condition, worded=True)
    status = {**objects.status(namespace), "phase": "Terminating", "conditions": standing}
    if status == objects.status(namespace):
        return Decision()
    written = Replace(resource=kinds.NAMESPACES, body=objects.with_status(namespace, status), subresource="status")
    return Decision(actions=(written,))


def _remaining(staying: Sequence[tuple[Resource, Object]], now: datetime) -> Iterable[Mapping[str, Any]]:
    """The conditions of a namespace that something keeps, in upstream's words."""
    counted = Counter(resource.table for resource, _ in staying)
    held = Counter(each for _, obj in staying for each in obj["metadata"].get("finalizers") or ())
    ok = (
        ("NamespaceDeletionDiscoveryFailure", "ResourcesDiscovered", "All resources successfully discovered"),
        (
            "NamespaceDeletionGroupVersionParsingFailure",
            "ParsedGroupVersions",
            "All legacy kube types successfully parsed",
        ),
        (
            "NamespaceDeletionContentFailure",
            "ContentDeleted",
            "All content successfully deleted, may be waiting on finalization",
        ),
    )
    for kind, reason, message in ok:
        yield conditions.make(kind, "False", reason, message, now)
    some = ", ".join(f"{table} has {count} resource instances" for table, count in sorted(counted.items()))
    message = f"Some resources are remaining: {some}"
    yield conditions.make("NamespaceContentRemaining", "True", "SomeResourcesRemain", message, now)
    if held:
        some = ", ".join(f"{name} in {count} resource instances" for name, count in sorted(held.items()))
        message = f"Some content in the namespace has finalizers remaining: {some}"
        yield conditions.make("NamespaceFinalizersRemaining", "True", "SomeFinalizersRemain", message, now)


def _emptied(event: Event, view: View) -> Iterable[Key]:
    """The namespace that waits for the end of what changed."""
    name = objects.namespace(event.object)
    if event.resource.table == kinds.NAMESPACES.table:
        return (("", objects.name(event.object)),) if objects.terminating(event.object) else ()
    if not name or (event.type != "DELETED" and not objects.terminating(event.object)):
        return ()
    namespace = view.get(kinds.NAMESPACES, "", name)
    return (("", name),) if namespace is not None and objects.terminating(namespace) else ()


def _lost(name: str) -> controller.Route:
    """The namespace that lost, or got spoilt, the object of that name."""

    def route(event: Event, view: View) -> Iterable[Key]:
        return (("", objects.namespace(event.object)),) if objects.name(event.object) == name else ()

    return route


LIFE: Final = Controller(name="namespaces", routes={"": _emptied}, look=end)
ACCOUNTS: Final = Controller(
    name="serviceaccounts",
    routes={kinds.NAMESPACES.table: controller.itself, kinds.SERVICE_ACCOUNTS.table: _lost("default")},
    look=furnish,
)
CERTIFICATES: Final = Controller(
    name="rootcertificates",
    routes={kinds.NAMESPACES.table: controller.itself, kinds.CONFIG_MAPS.table: _lost(_ROOT_CERTIFICATES)},
    look=certify,
)

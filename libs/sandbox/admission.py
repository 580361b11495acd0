"""What may be written at all: the life cycle of namespaces, and the cluster's ValidatingAdmissionPolicies."""

from collections.abc import Callable

from libs.sandbox import kinds, statuses
from libs.sandbox.kinds import Resource
from libs.sandbox.schema import policies
from libs.sandbox.store import Event, Object, Table


class Admission:
    """The admission rules of one server."""

    def __init__(self, table: Callable[[Resource], Table]) -> None:
        self._namespaces = table(kinds.NAMESPACES)
        self._definitions = table(kinds.CUSTOM_RESOURCE_DEFINITIONS)
        self._policies = table(kinds.VALIDATING_ADMISSION_POLICIES)
        self._bindings = table(kinds.VALIDATING_ADMISSION_POLICY_BINDINGS)
        for each in (self._policies, self._bindings):
            each.watchers.add(self)
        self._compiled: policies.Policies | None = None

    def deliver(self, event: Event) -> None:
        """A policy or a binding has changed: they are compiled again when next needed."""
        self._compiled = None

    def withdrawn(self, resource: Resource) -> None:
        """Built-in kinds are never withdrawn."""

    def creatable(self, resource: Resource, name: str, namespace: str) -> None:
        """Refuses a creation in a namespace or of a custom kind that is not there, or that is about to go."""
        if resource.custom:
            definition = self._definitions.get(("", resource.table))
            if definition is None or definition.object["metadata"].get("deletionTimestamp"):
                refusal = statuses.bad_method(resource)
                refusal.message = "create not allowed while custom resource definition is terminating"
                raise refusal
        if not resource.namespaced:
            return
        found = self._namespaces.get(("", namespace))
        if found is None:
            raise statuses.not_found(kinds.NAMESPACES, namespace)
        if found.object["metadata"].get("deletionTimestamp"):
            cause = {
                "reason": "NamespaceTerminating",
                "message": f"namespace {namespace} is being terminated",
                "field": "metadata.namespace",
            }
            why = f"unable to create new content in namespace {namespace} because it is being terminated"
            raise statuses.forbidden(resource, name, why, [cause])

    def review(
        self, request: policies.Request, resource: Resource, obj: Object | None, old: Object | None
    ) -> tuple[str, ...]:
        """The warnings of the policies about a write. Raises Refusal if one of them is against it."""
        if self._compiled is None:
            bound = (entry.object for entry in self._bindings.entries.values())
            self._compiled = policies.Policies((entry.object for entry in self._policies.entries.values()), bound)
        namespace = self._namespaces.get(("", request.namespace)) if request.namespace else None
        verdict = self._compiled.review(request, obj, old, namespace.object if namespace else None)
        if denial := verdict.denial:
            refusal = statuses.forbidden(resource, request.name, denial.message, [{"message": denial.message}])
            refusal.code, refusal.reason = denial.code, denial.reason
            raise refusal
        return verdict.warnings

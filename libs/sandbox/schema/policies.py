"""ValidatingAdmissionPolicies and their bindings, evaluated on every write.

Left out: parameters (a policy with `paramKind` is skipped), `authorizer` and functions that `celfunctions` lacks (a
validation that needs them is skipped), audit annotations, and the equivalence of versions (a rule names the version
that is written).

Reference: k8s.io/apiserver pkg/admission/plugin/policy/validating.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

import msgspec

from libs.sandbox.schema import expressions

Object: TypeAlias = Mapping[str, Any]

_OWN_GROUP: Final = "admissionregistration.k8s.io"
_CODES: Final[Mapping[str, int]] = {"Unauthorized": 401, "Forbidden": 403, "RequestEntityTooLarge": 413}


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A write that is to be admitted. `operation` is CREATE, UPDATE, DELETE or CONNECT; `resource` a plural."""

    operation: str
    group: str
    version: str
    kind: str
    resource: str
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    username: str = ""
    groups: tuple[str, ...] = ()
    dry_run: bool = False


class Denial(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of the first policy that refuses. `message` goes into a Forbidden-shaped Status with this `code`."""

    message: str
    reason: str
    code: int


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What all policies say: at most one denial, and warnings for the client."""

    denial: Denial | None = None
    warnings: tuple[str, ...] = ()


_FINE: Final = Verdict()
_Route: TypeAlias = tuple[str, str, str, str, str]


class Policies:
    """All policies of a server with their bindings, compiled. Made anew when one of them changes."""

    def __init__(self, policies: Iterable[Object], bindings: Iterable[Object]) -> None:
        compiled = {policy["metadata"]["name"]: _Policy(policy) for policy in policies}
        self._bound = [
            _Bound(compiled[binding["spec"]["policyName"]], binding)
            for binding in bindings
            if binding["spec"].get("policyName") in compiled
        ]
        self._routes: dict[_Route, tuple[_Bound, ...]] = {}

    def review(
        self, request: Request, obj: Object | None, old: Object | None, namespace: Object | None = None
    ) -> Verdict:
        """Whether the write may be. `obj` is None on DELETE, `old` on CREATE; `namespace` is the object's Namespace."""
        route = (request.operation, request.group, request.version, request.resource, request.subresource)
        candidates = self._routes.get(route)
        if candidates is None:
            candidates = self._routes[route] = tuple(bound for bound in self._bound if bound.routes(request))
        if not candidates:
            return _FINE
        warnings: list[str] = []
        for bound in candidates:
            if not bound.selects(request, obj, old, namespace):
                continue
            for message, reason in bound.policy.failures(_variables(request, obj, old, namespace)):
                if "Warn" in bound.actions:
                    warnings.append(
                        f"Validation failed for ValidatingAdmissionPolicy '{bound.policy.name}' with binding "
                        f"'{bound.name}': {message}"
                    )
                if "Deny" in bound.actions:
                    text = (
                        f"ValidatingAdmissionPolicy '{bound.policy.name}' with binding '{bound.name}' denied request: "
                        f"{message}"
                    )
                    denial = Denial(message=text, reason=reason, code=_CODES.get(reason, 422))
                    return Verdict(denial=denial, warnings=tuple(warnings))
        return Verdict(warnings=tuple(warnings)) if warnings else _FINE


class _Policy:
    """One policy. Expressions that are not CEL fail when they are evaluated, as failurePolicy says."""

    def __init__(self, policy: Object) -> None:
        spec = policy["spec"]
        self.name: str = policy["metadata"]["name"]
        self.constraints: Object = spec.get("matchConstraints") or {}
        self.needs_parameters = "paramKind" in spec
        self._ignores_errors = spec.get("failurePolicy") == "Ignore"
        self._conditions: Sequence[Object] = spec.get("matchConditions") or ()
        self._variables: Sequence[Object] = spec.get("variables") or ()
        self._validations = [each for each in spec.get("validations") or () if not _is_beyond(each["expression"])]

    def failures(self, variables: dict[str, Any]) -> Iterator[tuple[str, str]]:
        """Message and reason of each validation that does not hold."""
        try:
            if not all(_evaluated(condition["expression"], variables) for condition in self._conditions):
                return
        except expressions.EvaluationError as error:
            if not self._ignores_errors:
                yield str(error), "Invalid"
            return
        variables["variables"] = composed = {}
        for variable in self._variables:
            try:
                composed[variable["name"]] = _evaluated(variable["expression"], variables)
            except expressions.EvaluationError:
                # whoever asks for it fails in turn
                continue
        for validation in self._validations:
            if failure := self._failure(validation, variables):
                yield failure

    def _failure(self, validation: Object, variables: Mapping[str, Any]) -> tuple[str, str] | None:
        expression = validation["expression"]
        reason = validation.get("reason") or "Invalid"
        try:
            if _evaluated(expression, variables) is True:
                return None
        except expressions.EvaluationError as error:
            if self._ignores_errors:
                return None
            return f"expression '{expression}' resulted in error: {error}", reason
        return _message(validation, variables) or f"failed expression: {expression}", reason


class _Bound:
    """A policy as one binding applies it."""

    def __init__(self, policy: _Policy, binding: Object) -> None:
        self.policy = policy
        self.name: str = binding["metadata"]["name"]
        self.actions: Sequence[str] = binding["spec"].get("validationActions") or ()
        self._narrowed: Object = binding["spec"].get("matchResources") or {}

    def routes(self, request: Request) -> bool:
        """Whether writes of this kind may concern the policy at all."""
        if request.group == _OWN_GROUP or self.policy.needs_parameters:
            return False
        constraints = self.policy.constraints
        if not any(_rule_matches(rule, request) for rule in constraints.get("resourceRules") or ()):
            return False
        narrowed = self._narrowed.get("resourceRules")
        return not narrowed or any(_rule_matches(rule, request) for rule in narrowed)

    def selects(self, request: Request, obj: Object | None, old: Object | None, namespace: Object | None) -> bool:
        """Whether the policy looks at this write."""
        return all(
            _resources_match(match, request, obj, old, namespace)
            for match in (self.policy.constraints, self._narrowed)
            if match
        )


def _variables(request: Request, obj: Object | None, old: Object | None, namespace: Object | None) -> dict[str, Any]:
    told = {
        "kind": {"group": request.group, "version": request.version, "kind": request.kind},
        "resource": {"group": request.group, "version": request.version, "resource": request.resource},
        "subResource": request.subresource,
        "name": request.name,
        "namespace": request.namespace,
        "operation": request.operation,
        "userInfo": {"username": request.username, "groups": list(request.groups)},
        "dryRun": request.dry_run,
    }
    return {"object": obj, "oldObject": old, "request": told, "namespaceObject": namespace, "params": None}


def _is_beyond(text: str) -> bool:
    """Whether an expression needs functions that are not there."""
    try:
        return bool(expressions.compiled(text).missing)
    except ValueError:
        return False


def _evaluated(text: str, variables: Mapping[str, Any]) -> Any:
    try:
        expression = expressions.compiled(text)
    except ValueError as error:
        raise expressions.EvaluationError(f"compilation error: {str(error).splitlines()[0]}") from error
    return expression.value({name: value for name, value in variables.items() if name in expression.variables})


def _message(validation: Object, variables: Mapping[str, Any]) -> str:
    if told := validation.get("messageExpression"):
        try:
            text = _evaluated(told, variables)
        except expressions.EvaluationError:
            text = None
        if isinstance(text, str) and text.strip() and "\n" not in text:
            return text
    return str(validation.get("message") or "").strip()


def _rule_matches(rule: Object, request: Request) -> bool:
    return (
        _is_listed(request.operation, rule.get("operations"))
        and _is_listed(request.group, rule.get("apiGroups"))
        and _is_listed(request.version, rule.get("apiVersions"))
        and any(_names(pattern, request) for pattern in rule.get("resources") or ())
    )


def _is_listed(value: str, listed: Sequence[str] | None) -> bool:
    return listed is not None and ("*" in listed or value in listed)


def _names(pattern: str, request: Request) -> bool:
    resource, separator, subresource = pattern.partition("/")
    if resource not in ("*", request.resource):
        return False
    if not separator:
        return not request.subresource
    return subresource in ("*", request.subresource)


def _resources_match(
    match: Object, request: Request, obj: Object | None, old: Object | None, namespace: Object | None
) -> bool:
    rules = match.get("resourceRules")
    if rules and not any(_rule_matches(rule, request) and _fits(rule, request) for rule in rules):
        return False
    if any(_rule_matches(rule, request) and _fits(rule, request) for rule in match.get("excludeResourceRules") or ()):
        return False
    if selector := match.get("namespaceSelector"):
        about = (obj or old) if request.group == "" and request.kind == "Namespace" else namespace
        if about is not None and not _selected(selector, about):
            return False
    if selector := match.get("objectSelector"):
        return any(_selected(selector, about) for about in (obj, old) if about is not None)
    return True


def _fits(rule: Object, request: Request) -> bool:
    """Whether the scope and the names of a rule fit."""
    scope = rule.get("scope") or "*"
    if scope != "*" and (scope == "Namespaced") != bool(request.namespace):
        return False
    names = rule.get("resourceNames")
    return not names or request.name in names


def _selected(selector: Object, obj: Object) -> bool:
    labels: Mapping[str, str] = (obj.get("metadata") or {}).get("labels") or {}
    for key, value in (selector.get("matchLabels") or {}).items():
        if labels.get(key) != value:
            return False
    return all(_meets(expression, labels) for expression in selector.get("matchExpressions") or ())


def _meets(expression: Object, labels: Mapping[str, str]) -> bool:
    key, values = expression["key"], expression.get("values") or ()
    match expression["operator"]:
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
    return key not in labels

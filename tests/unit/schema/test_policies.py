"""ValidatingAdmissionPolicies."""

from typing import Any

import pytest

from libs.sandbox.schema.policies import Denial, Policies, Request, Verdict

_FINE = Verdict()


def request(operation: str = "CREATE", *, resource: str = "configmaps", **fields: Any) -> Request:
    given = {"group": "", "version": "v1", "kind": "ConfigMap", "namespace": "default", "name": "a", **fields}
    return Request(operation=operation, resource=resource, **given)


def policies(
    *validations: dict[str, str],
    actions: tuple[str, ...] = ("Deny",),
    rule: dict[str, Any] | None = None,
    match: dict[str, Any] | None = None,
    **spec: Any,
) -> Policies:
    everything = {"apiGroups": [""], "apiVersions": ["*"], "operations": ["*"], "resources": ["configmaps"]}
    constraints = {"resourceRules": [{**everything, **(rule or {})}], **(match or {})}
    policy = {
        "metadata": {"name": "p"},
        "spec": {"matchConstraints": constraints, "validations": list(validations), **spec},
    }
    binding = {"metadata": {"name": "b"}, "spec": {"policyName": "p", "validationActions": list(actions)}}
    return Policies([policy], [binding])


def obj(**labels: str) -> dict[str, Any]:
    return {"metadata": {"name": "a", "namespace": "default", "labels": labels}, "data": {"a": "b"}}


def denied(message: str, reason: str = "Invalid", code: int = 422) -> Verdict:
    text = f"ValidatingAdmissionPolicy 'p' with binding 'b' denied request: {message}"
    return Verdict(denial=Denial(message=text, reason=reason, code=code))


def test_what_holds_passes() -> None:
    assert policies({"expression": "object.data.a == 'b'"}).review(request(), obj(), None) == _FINE


@pytest.mark.parametrize(
    ("validation", "verdict"),
    [
        ({"expression": "false", "message": "never"}, denied("never")),
        ({"expression": "false"}, denied("failed expression: false")),
        ({"expression": "false", "message": "m", "messageExpression": "'not ' + object.data.a"}, denied("not b")),
        ({"expression": "false", "message": "m", "reason": "Forbidden"}, denied("m", "Forbidden", 403)),
        (
            {"expression": "object.data.z == 'b'"},
            denied("expression 'object.data.z == 'b'' resulted in error: no such key: z"),
        ),
    ],
)
def test_denials(validation: dict[str, str], verdict: Verdict) -> None:
    assert policies(validation).review(request(), obj(), None) == verdict


def test_errors_can_be_ignored() -> None:
    lenient = policies({"expression": "object.data.z == 'b'"}, failurePolicy="Ignore")
    assert lenient.review(request(), obj(), None) == _FINE


def test_what_needs_an_unknown_function_is_skipped() -> None:
    asking = policies({"expression": "authorizer.group('').resource('pods').check('get').allowed()"})
    assert asking.review(request(), obj(), None) == _FINE


def test_warnings() -> None:
    warned = policies({"expression": "false", "message": "m"}, actions=("Warn",)).review(request(), obj(), None)
    assert warned == Verdict(warnings=("Validation failed for ValidatingAdmissionPolicy 'p' with binding 'b': m",))


def test_variables_and_conditions() -> None:
    policy = policies(
        {"expression": "variables.count > 1", "message": "m"},
        variables=[{"name": "count", "expression": "object.data.size()"}],
        matchConditions=[{"name": "c", "expression": "request.name == 'a'"}],
    )
    assert policy.review(request(), obj(), None) == denied("m")
    assert policy.review(request(name="z"), obj(), None) == _FINE


@pytest.mark.parametrize(
    ("rule", "seen"),
    [
        ({"operations": ["UPDATE"]}, False),
        ({"operations": ["CREATE", "UPDATE"]}, True),
        ({"resources": ["*"]}, True),
        ({"resources": ["*/*"]}, True),
        ({"resources": ["configmaps/status"]}, False),
        ({"resources": ["secrets"]}, False),
        ({"apiGroups": ["apps"]}, False),
        ({"scope": "Cluster"}, False),
        ({"scope": "Namespaced"}, True),
        ({"resourceNames": ["z"]}, False),
    ],
)
def test_resource_rules(rule: dict[str, Any], seen: bool) -> None:
    assert (policies({"expression": "false"}, rule=rule).review(request(), obj(), None) != _FINE) is seen


def test_subresources_are_asked_for_by_name() -> None:
    scale = request("UPDATE", resource="deployments", group="apps", subresource="scale")
    rule = {"apiGroups": ["apps"], "resources": ["deployments"]}
    assert policies({"expression": "false"}, rule=rule).review(scale, obj(), obj()) == _FINE
    rule["resources"] = ["deployments/scale"]
    assert policies({"expression": "false"}, rule=rule).review(scale, obj(), obj()) != _FINE


def test_an_object_selector_looks_at_both_states() -> None:
    policy = policies({"expression": "false"}, match={"objectSelector": {"matchLabels": {"a": "b"}}})
    assert policy.review(request(), obj(), None) == _FINE
    assert policy.review(request("UPDATE"), obj(), obj(a="b")) != _FINE
    assert policy.review(request("DELETE"), None, obj(a="b")) != _FINE


def test_a_namespace_selector() -> None:
    policy = policies({"expression": "false"}, match={"namespaceSelector": {"matchLabels": {"a": "b"}}})
    assert policy.review(request(), obj(), None, {"metadata": {"labels": {}}}) == _FINE
    assert policy.review(request(), obj(), None, {"metadata": {"labels": {"a": "b"}}}) != _FINE


def test_policies_do_not_bind_themselves() -> None:
    own = request(group="admissionregistration.k8s.io", resource="validatingadmissionpolicies")
    everything = {"apiGroups": ["*"], "resources": ["*"]}
    assert policies({"expression": "false"}, rule=everything).review(own, obj(), None) == _FINE

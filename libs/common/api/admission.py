"""The admission policies of a hub: what the schemas of the kinds cannot see, or not at a bounded cost.

Texts are those of Karmada's validating webhooks.
"""

from collections.abc import Sequence
from typing import Any, Final

from libs.common.api import wellknown
from libs.common.api.rules import table

_API: Final = "admissionregistration.k8s.io/v1"
_PROTECTED: Final = {wellknown.DELETION_PROTECTED_LABEL: wellknown.DELETION_PROTECTED_VALUE}

_RULES: Final = "object.spec.overrideRules"
_POINTER: Final = "({0} == '' || {0}.startsWith('/'))"
_POINTER_TEXT: Final = 'JSON pointer must be empty or start with a "/"'
_VALUE_IS_RIGHT: Final = "o.operator == 'remove' ? !has(o.value) : has(o.value)"


def _every(field: str, item: str) -> str:
    """CEL: `item`, an expression about `o`, holds for all overriders of a kind in all rules."""
    return f"!has({_RULES}) || {_RULES}.all(r, !has(r.overriders.{field}) || r.overriders.{field}.all(o, {item}))"


def _every_patch(form: str, item: str) -> str:
    """CEL: `item`, an expression about `o`, holds for all patches of that form (json, yaml) in all field overriders."""
    return (
        f"!has({_RULES}) || {_RULES}.all(r, !has(r.overriders.fieldOverrider) || "
        f"r.overriders.fieldOverrider.all(f, !has(f.{form}) || f.{form}.all(o, {item})))"
    )


def _validation(expression: str, message: str) -> dict[str, str]:
    return {"expression": expression, "message": message, "reason": "Invalid"}


def _override_validations() -> list[dict[str, str]]:
    at = "spec.overrideRules[*].overriders"
    rows = [
        _validation(
            _every("annotationsOverrider", f"o.value.all(k, {table.is_qualified_name('k.lowerAscii()')})"),
            f"{at}.annotationsOverrider[*].value: {table.QUALIFIED_NAME_TEXT}",
        ),
        _validation(
            _every("labelsOverrider", f"o.value.all(k, {table.is_qualified_name('k')})"),
            f"{at}.labelsOverrider[*].value: {table.QUALIFIED_NAME_TEXT}",
        ),
        _validation(
            _every("labelsOverrider", f"o.value.all(k, {table.is_label_value('o.value[k]')})"),
            f"{at}.labelsOverrider[*].value: {table.LABEL_VALUE_TEXT}",
        ),
        _validation(
            _every("imageOverrider", f"!has(o.predicate) || {_POINTER.format('o.predicate.path')}"),
            f"{at}.imageOverrider[*].predicate.path: {_POINTER_TEXT}",
        ),
        _validation(
            _every("fieldOverrider", _POINTER.format("o.fieldPath")),
            f"{at}.fieldOverrider[*].fieldPath: {_POINTER_TEXT}",
        ),
        _validation(
            _every("fieldOverrider", "!((has(o.json) && o.json.size() > 0) && (has(o.yaml) && o.yaml.size() > 0))"),
            f"{at}.fieldOverrider[*]: FieldOverrider has both YAML and JSON set. Only one is allowed",
        ),
        _validation(
            _every("fieldOverrider", "(has(o.json) && o.json.size() > 0) || (has(o.yaml) && o.yaml.size() > 0)"),
            f"{at}.fieldOverrider[*]: FieldOverrider must have either JSON or YAML set",
        ),
    ]
    for form in ("json", "yaml"):
        patch = f"{at}.fieldOverrider[*].{form}[*]"
        rows += [
            _validation(_every_patch(form, _POINTER.format("o.subPath")), f"{patch}.subPath: {_POINTER_TEXT}"),
            _validation(
                _every_patch(form, _VALUE_IS_RIGHT),
                f"{patch}.value: value is required for add or replace operation, "
                "value is not allowed for remove operation",
            ),
        ]
    return rows


_NAMESPACES: Final = _validation(
    "!has(object.spec.resourceSelectors) || object.spec.resourceSelectors.all(s, !has(s.namespace)"
    " || s.namespace == '' || s.namespace == object.metadata.namespace)",
    "spec.resourceSelectors[*].namespace: namespace of resource selector must be the same as the namespace of the "
    "policy",
)


_MODELS: Final = {
    "name": "models",
    "expression": "has(object.spec.resourceModels) ? object.spec.resourceModels : []",
}
_MODELS_CHANGED: Final = {
    "name": "models-changed",
    "expression": "oldObject == null || !has(object.spec.resourceModels) || !has(oldObject.spec.resourceModels)"
    " || object.spec.resourceModels != oldObject.spec.resourceModels",
}
# the lowest grade begins at 0 and the highest ends nowhere, whatever is written there
_RANGES_ARE_RANGES: Final = _validation(
    "variables.models.all(m, variables.models.all(o, o.grade <= m.grade) || m.ranges.all(r, "
    "variables.models.all(o, o.grade >= m.grade) ? quantity(string(r.max)).isGreaterThan(quantity('0')) "
    ": quantity(string(r.max)).isGreaterThan(quantity(string(r.min)))))",
    "spec.resourceModels[*].ranges[*].max: must be greater than min",
)
_RANGES_JOIN: Final = _validation(
    "variables.models.all(m, variables.models.all(n, n.grade <= m.grade "
    "|| variables.models.exists(o, o.grade > m.grade && o.grade < n.grade) || m.ranges.all(r, n.ranges.all(s, "
    "s.name != r.name || quantity(string(s.min)).compareTo(quantity(string(r.max))) == 0))))",
    "spec.resourceModels[*].ranges[*].min: each grade must begin where the grade before it ends",
)


def policies() -> Sequence[dict[str, Any]]:
    """ValidatingAdmissionPolicies and their bindings, ready to be applied to a hub."""
    protection = {
        "failurePolicy": "Fail",
        "matchConstraints": {
            "objectSelector": {"matchLabels": _PROTECTED},
            "resourceRules": [{"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["DELETE"], "resources": ["*"]}],
        },
        "validations": [
            {
                "expression": "false",
                "message": "This resource is protected, please make sure to remove the label: "
                + wellknown.DELETION_PROTECTED_LABEL,
                "reason": "Forbidden",
            }
        ],
    }
    return [
        *_policy("deletion-protection.argosy.dev", protection),
        *_policy(
            "selector-namespaces.argosy.dev", _written(("propagationpolicies", "overridepolicies"), [_NAMESPACES])
        ),
        *_policy(
            "overriders.argosy.dev", _written(("overridepolicies", "clusteroverridepolicies"), _override_validations())
        ),
        *_policy(
            "resource-models.argosy.dev",
            _written(("clusters",), [_RANGES_ARE_RANGES, _RANGES_JOIN], group="cluster.karmada.io")
            | {"variables": [_MODELS], "matchConditions": [_MODELS_CHANGED]},
        ),
    ]


def _written(
    plurals: Sequence[str], validations: Sequence[dict[str, str]], *, group: str = "policy.karmada.io"
) -> dict[str, Any]:
    """A policy over all writes of some kinds."""
    return {
        "failurePolicy": "Fail",
        "matchConstraints": {
            "resourceRules": [
                {
                    "apiGroups": [group],
                    "apiVersions": ["*"],
                    "operations": ["CREATE", "UPDATE"],
                    "resources": list(plurals),
                }
            ],
        },
        "validations": list(validations),
    }


def _policy(name: str, spec: dict[str, Any]) -> Sequence[dict[str, Any]]:
    return (
        {"apiVersion": _API, "kind": "ValidatingAdmissionPolicy", "metadata": {"name": name}, "spec": spec},
        {
            "apiVersion": _API,
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": name},
            "spec": {"policyName": name, "validationActions": ["Deny"]},
        },
    )

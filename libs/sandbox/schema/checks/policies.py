"""ValidatingAdmissionPolicies and their bindings (pkg/apis/admissionregistration/validation)."""

from collections.abc import Iterator
from typing import Final

from libs.common.kube.errors import Cause
from libs.sandbox.schema import expressions, faults
from libs.sandbox.schema.checks import words
from libs.sandbox.schema.checks.words import Object

_ACTIONS: Final = ("Audit", "Deny", "Warn")
_REASONS: Final = ("Forbidden", "Invalid", "RequestEntityTooLarge", "Unauthorized")
_FAILURE_POLICIES: Final = ("Fail", "Ignore")


def policy(obj: Object, old: Object | None) -> Iterator[Cause]:
    """A ValidatingAdmissionPolicy."""
    spec = obj.get("spec") or {}
    yield from words.one_of(spec.get("failurePolicy"), _FAILURE_POLICIES, "spec.failurePolicy")
    if "matchConstraints" not in spec:
        yield faults.required("spec.matchConstraints")
    elif not spec["matchConstraints"].get("resourceRules"):
        yield faults.required("spec.matchConstraints.resourceRules")
    validations = spec.get("validations") or ()
    if not validations and not spec.get("auditAnnotations"):
        text = "validations or auditAnnotations must contain at least one item"
        yield faults.required("spec.validations", text)
    for field in ("variables", "matchConditions"):
        for index, part in enumerate(spec.get(field) or ()):
            at = f"spec.{field}[{index}]"
            if not part.get("name"):
                yield faults.required(f"{at}.name")
            yield from _expression(part.get("expression"), f"{at}.expression")
    for index, validation in enumerate(validations):
        at = f"spec.validations[{index}]"
        yield from _expression(validation.get("expression"), f"{at}.expression")
        if told := validation.get("messageExpression"):
            yield from _expression(told, f"{at}.messageExpression")
        yield from words.one_of(validation.get("reason"), _REASONS, f"{at}.reason")


def binding(obj: Object, old: Object | None) -> Iterator[Cause]:
    """A ValidatingAdmissionPolicyBinding."""
    spec = obj.get("spec") or {}
    if not spec.get("policyName"):
        yield faults.required("spec.policyName")
    actions = spec.get("validationActions") or ()
    if not actions:
        yield faults.required("spec.validationActions")
    for index, action in enumerate(actions):
        yield from words.one_of(action, _ACTIONS, f"spec.validationActions[{index}]")
    if {"Deny", "Warn"} <= {*actions}:
        text = "must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)"  # noqa: E501
        yield faults.invalid("spec.validationActions", list(actions), text)


def _expression(text: str | None, path: str) -> Iterator[Cause]:
    if not (text or "").strip():
        yield faults.required(path, f"{path.rpartition('.')[2]} is not specified")
        return
    try:
        expressions.compiled(str(text))
    except ValueError as error:
        yield faults.invalid(path, text, f"compilation failed: {str(error).splitlines()[0]}")

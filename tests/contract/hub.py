"""A hub at the moment of a write: the schemas of its kinds, and then its admission policies."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from libs.common.api import admission, crds
from libs.sandbox.schema.policies import Policies, Request
from libs.sandbox.schema.structural import Structural


@cache
def _definition(kind: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = next(
        each["spec"] for each in crds.definitions() if each["spec"]["names"]["kind"] == kind
    )
    return found


@cache
def schema(kind: str) -> Structural:
    """The schema of a kind."""
    return Structural(_definition(kind)["versions"][0]["schema"]["openAPIV3Schema"])


@cache
def policies() -> Policies:
    """The admission policies."""
    objects = admission.policies()
    by_kind = {kind: [each for each in objects if each["kind"] == kind] for kind in {each["kind"] for each in objects}}
    return Policies(by_kind["ValidatingAdmissionPolicy"], by_kind["ValidatingAdmissionPolicyBinding"])


def told(kind: str, spec: dict[str, Any], before: dict[str, Any] | None = None, name: str = "a") -> list[str]:
    """What a hub says against a write, field and detail."""
    definition, checked = _definition(kind), schema(kind)
    metadata = {"name": name, **({"namespace": "default"} if definition["scope"] == "Namespaced" else {})}
    obj = checked.default(checked.prune({"metadata": metadata, "spec": spec}))
    old = checked.default({"metadata": metadata, "spec": before}) if before else None
    causes = [cause for cause in checked.validate(obj, old) if "rules were not checked" not in cause.message]
    refusals = [f"{cause.field}: {cause.message}" for cause in causes]
    if refusals:
        return refusals
    request = Request(
        operation="UPDATE" if before else "CREATE",
        group=definition["group"],
        version=definition["versions"][0]["name"],
        kind=kind,
        resource=definition["names"]["plural"],
        namespace=metadata.get("namespace", ""),
        name="a",
    )
    denial = policies().review(request, obj, old).denial
    return [denial.message.partition("denied request: ")[2]] if denial else []

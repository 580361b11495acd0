"""Kinds that are only asked, never stored: who am I, may I. Whoever has the token may do everything."""

from typing import Any, Final

from libs.sandbox import statuses, store
from libs.sandbox.kinds import Resource
from libs.sandbox.serving import bodies
from libs.sandbox.serving.wire import Reply, Request

_USER: Final = {"username": bodies.USER, "groups": ["system:masters", "system:authenticated"]}
_EVERYTHING: Final[list[dict[str, Any]]] = [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]
_ANYWHERE: Final[list[dict[str, Any]]] = [{"verbs": ["*"], "nonResourceURLs": ["*"]}]


def answer(resource: Resource, request: Request, token: str) -> Reply:
    """The review with its status. `token` is the one that is known."""
    body = bodies.mapping(request)
    spec = body.get("spec") or {}
    status: dict[str, Any]
    match resource.kind:
        case "SelfSubjectReview":
            status = {"userInfo": _USER}
        case "SelfSubjectRulesReview":
            status = {"resourceRules": _EVERYTHING, "nonResourceRules": _ANYWHERE, "incomplete": False}
        case "TokenReview":
            known = spec.get("token") == token
            status = {"authenticated": True, "user": _USER} if known else {"authenticated": False}
        case "SelfSubjectAccessReview" | "SubjectAccessReview" | "LocalSubjectAccessReview":
            status = {"allowed": True}
        case _:
            raise statuses.bad_method(resource)
    made = {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": {"creationTimestamp": None}}
    return Reply(code=201, body=store.encode({**made, "spec": spec, "status": status}))

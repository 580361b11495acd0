"""Refusals, worded and shaped as kube-apiserver does it (k8s.io/apimachinery pkg/api/errors)."""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from libs.sandbox.kinds import Resource


class Cause(Protocol):
    """One thing that is wrong with a field. `message` says what, without the field."""

    @property
    def reason(self) -> str: ...
    @property
    def message(self) -> str: ...
    @property
    def field(self) -> str: ...


class Refusal(Exception):
    """The server says no: an HTTP code, the machine-readable `reason`, a message for people, and what it is about."""

    def __init__(self, code: int, reason: str, message: str, details: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details or {}

    def status(self) -> dict[str, Any]:
        """The `meta/v1 Status` that goes to the client."""
        body: dict[str, Any] = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
        body["message"] = self.message
        if self.reason:
            body["reason"] = self.reason
        if self.details:
            body["details"] = self.details
        body["code"] = self.code
        return body


def success(resource: Resource, name: str, uid: str) -> dict[str, Any]:
    """The Status that answers a deletion which is done."""
    details = _details(name, resource.group, resource.plural) | {"uid": uid}
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}


def not_found(resource: Resource, name: str) -> Refusal:
    """There is no object of that name."""
    return _about(404, "NotFound", f'{resource.table} "{name}" not found', resource, name)


def already_exists(resource: Resource, name: str) -> Refusal:
    """Another object has that name."""
    return _about(409, "AlreadyExists", f'{resource.table} "{name}" already exists', resource, name)


def conflict(resource: Resource, name: str, why: str) -> Refusal:
    """The write does not fit what is stored: a stale version, another uid, a condition that stands against it."""
    return _about(409, "Conflict", f'Operation cannot be fulfilled on {resource.table} "{name}": {why}', resource, name)


def stale(resource: Resource, name: str) -> Refusal:
    """The resourceVersion of the write is not the stored one."""
    why = "the object has been modified; please apply your changes to the latest version and try again"
    return conflict(resource, name, why)


def apply_conflict(conflicts: Sequence[tuple[str, str]]) -> Refusal:
    """Server-side apply would change what others own: pairs of a field's path and its manager."""
    causes = [
        {"reason": "FieldManagerConflict", "message": f"conflict with {manager}", "field": path}
        for path, manager in conflicts
    ]
    if len(conflicts) == 1:
        text = f"Apply failed with 1 conflict: conflict with {conflicts[0][1]}: {conflicts[0][0]}"
    else:
        lines: list[str] = []
        for each in sorted({manager for _, manager in conflicts}):
            lines.append(f"conflicts with {each}:")
            lines += [f"- {path}" for path, manager in conflicts if manager == each]
        text = f"Apply failed with {len(conflicts)} conflicts: " + "\n".join(lines)
    return Refusal(409, "Conflict", text, {"causes": causes})


def invalid(resource: Resource, name: str, causes: Iterable[Cause]) -> Refusal:
    """Fields are not as they must be."""
    listed = list(causes)
    told = [f"{cause.field}: {cause.message}" if cause.field else cause.message for cause in listed]
    text = told[0] if len(told) == 1 else f"[{', '.join(told)}]"
    details = _details(name, resource.group, resource.kind)
    details["causes"] = [{"reason": cause.reason, "message": cause.message, "field": cause.field} for cause in listed]
    return Refusal(422, "Invalid", f'{resource.qualified_kind} "{name}" is invalid: {text}', details)


def forbidden(resource: Resource, name: str, why: str, causes: Sequence[dict[str, str]] = ()) -> Refusal:
    """An admission rule stands against the request."""
    quoted = f' "{name}"' if name else ""
    found = _about(403, "Forbidden", f"{resource.table}{quoted} is forbidden: {why}", resource, name)
    if causes:
        found.details["causes"] = list(causes)
    return found


def bad_request(message: str) -> Refusal:
    """The request makes no sense."""
    return Refusal(400, "BadRequest", message)


def unsupported_media(message: str) -> Refusal:
    """The body's content type is not among those that are understood here."""
    return Refusal(415, "UnsupportedMediaType", message)


def expired(message: str) -> Refusal:
    """The resourceVersion or continue token is older than what is remembered."""
    return Refusal(410, "Expired", message)


def too_old(asked: int, oldest: int) -> Refusal:
    """A watch would have to begin before what is remembered."""
    return expired(f"too old resource version: {asked} ({oldest})")


def too_large_version(asked: int, current: int) -> Refusal:
    """The resourceVersion lies in the future of this server."""
    message = f"Timeout: Too large resource version: {asked}, current: {current}"
    cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
    return Refusal(504, "Timeout", message, {"causes": [cause], "retryAfterSeconds": 1})


def too_large_request(limit: int) -> Refusal:
    """The body has more bytes than a request may have."""
    return Refusal(413, "RequestEntityTooLarge", f"Request entity too large: limit is {limit}")


def too_large_object() -> Refusal:
    """The object has more bytes than etcd takes: its words, as kube-apiserver hands them on."""
    return Refusal(500, "", "etcdserver: request is too large")


def unserved() -> Refusal:
    """The path leads nowhere."""
    return Refusal(404, "NotFound", "the server could not find the requested resource", {})


def bad_method(resource: Resource | None = None) -> Refusal:
    """The path is served, but not for this method."""
    details = _details("", resource.group, resource.plural) if resource else {}
    return Refusal(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", details)


def unauthorized() -> Refusal:
    """No credentials, or wrong ones."""
    return Refusal(401, "Unauthorized", "Unauthorized")


def fault(error: BaseException) -> Refusal:
    """The server itself broke down."""
    return Refusal(500, "InternalError", f"Internal error occurred: {error!r}", {"causes": [{"message": repr(error)}]})


def _about(code: int, reason: str, message: str, resource: Resource, name: str) -> Refusal:
    return Refusal(code, reason, message, _details(name, resource.group, resource.plural))


def _details(name: str, group: str, kind: str) -> dict[str, Any]:
    pairs = (("name", name), ("group", group), ("kind", kind))
    return {key: value for key, value in pairs if value}

"""What a write is held against: the version and the identity of what is stored, and fields that no schema knows."""

from collections.abc import Mapping
from typing import Any

from libs.sandbox import metadata, statuses, strategies
from libs.sandbox.kinds import Resource
from libs.sandbox.store import Object


def same(resource: Resource, stored: Mapping[str, Any], uid: str, version: str) -> None:
    """Refuses a deletion that is meant for another object or another state; empty words ask for nothing."""
    for noun, asked, found, hint in (
        ("UID", uid, stored["uid"], "deleted and then recreated"),
        ("ResourceVersion", version, stored["resourceVersion"], "modified"),
    ):
        if asked and asked != found:
            why = (
                f"the {noun} in the precondition ({asked}) does not match the {noun} in record ({found})."
                f" The object might have been {hint}"
            )
            raise statuses.conflict(resource, stored["name"], why)


def current(resource: Resource, given: Mapping[str, Any], stored: Mapping[str, Any], *, needed: bool) -> None:
    """Refuses an update whose metadata names another object or another state than the stored.

    `needed` tells whether kinds that take no unconditional updates insist on a version here.
    """
    name, version = stored["name"], given.get("resourceVersion")
    if given.get("uid") and given["uid"] != stored["uid"]:
        parts = ("/registry", resource.table, stored.get("namespace"), name)
        why = (
            f"StorageError: invalid object, Code: 4, Key: {'/'.join(filter(None, parts))}, ResourceVersion: 0,"
            f" AdditionalErrorMsg: Precondition failed: UID in precondition: {given['uid']},"
            f" UID in object meta: {stored['uid']}"
        )
        raise statuses.conflict(resource, name, why)
    if not version and needed and strategies.needs_version(resource):
        message = "Invalid value: 0x0: must be specified for an update"
        raise statuses.invalid(resource, name, [metadata.Fault("metadata.resourceVersion", message)])
    if version and version != stored["resourceVersion"]:
        raise statuses.stale(resource, name)


def known(resource: Resource, unknown: list[str], *, strict: bool) -> list[str]:
    """The warnings about fields that the schema does not know. If `strict`, refuses them."""
    told = [f'unknown field "{path}"' for path in unknown]
    if told and strict:
        about = f'{resource.kind} in version "{resource.version}" cannot be handled as a {resource.kind}'
        raise statuses.bad_request(f"{about}: strict decoding error: {', '.join(told)}")
    return told


def declared(resource: Resource, unknown: list[str], body: Object) -> None:
    """Refuses an applied configuration that has fields which the schema does not know."""
    if not unknown:
        return
    meta = body.get("metadata") or {}
    place = "/".join(filter(None, (meta.get("namespace"), meta.get("name"))))
    about = f"failed to create typed patch object ({place}; {resource.api_version}, Kind={resource.kind})"
    raise statuses.Refusal(500, "", f"{about}: .{unknown[0]}: field not declared in schema")

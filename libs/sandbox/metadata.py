"""The part of objects that is the same for all kinds: what the server sets, keeps and checks in `metadata`.

Reference: k8s.io/apiserver pkg/registry/rest (BeforeCreate, BeforeUpdate), k8s.io/apimachinery pkg/api/validation.
"""

import random
import re
import uuid
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from libs.sandbox.kinds import Resource
from libs.sandbox.store import Object

ALPHABET: Final = "bcdfghjklmnpqrstvwxz2456789"
"""Letters of generated names (k8s.io/apimachinery util/rand)."""
ANNOTATIONS_LIMIT: Final = 256 << 10

_SUBDOMAIN: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LABEL: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_NAME_PART: Final = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")
_LABEL_NAMES: Final = frozenset({"namespaces", "services"})
_PATH_NAMES: Final = frozenset(
    f"{plural}.rbac.authorization.k8s.io" for plural in ("roles", "rolebindings", "clusterroles", "clusterrolebindings")
)
_SERVER_SET: Final = ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation")
_KEPT: Final = ("name", "generateName", "namespace", "uid", "resourceVersion", *_SERVER_SET[1:])
_SUBDOMAIN_TEXT: Final = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and"
    " end with an alphanumeric character (e.g. 'example.com', regex used for validation is"
    r" '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
_LABEL_TEXT: Final = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with"
    " an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is"
    " '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
_VALUE_TEXT: Final = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and"
    " end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is"
    " '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)
_KEY_TEXT: Final = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric"
    " character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is"
    " '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)


class Fault(msgspec.Struct, frozen=True):
    """One thing that is wrong with a field."""

    field: str
    message: str
    reason: str = "FieldValueInvalid"


def stamp(moment: datetime) -> str:
    """A time as the API writes it, to the second."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def generated(prefix: str) -> str:
    """A name that begins with `prefix`, cut so that it stays a name."""
    return prefix[:58] + "".join(random.choices(ALPHABET, k=5))


def fresh(resource: Resource, body: Object, namespace: str, now: datetime) -> dict[str, Any]:
    """The metadata of an object that is being created."""
    given: dict[str, Any] = dict(body.get("metadata") or {})
    for key in ("selfLink", "resourceVersion", "managedFields", *_SERVER_SET):
        given.pop(key, None)
    if given.get("generateName") and not given.get("name"):
        given["name"] = generated(given["generateName"])
    made: dict[str, Any] = {"name": given.pop("name", "")}
    if "generateName" in given:
        made["generateName"] = given.pop("generateName")
    given.pop("namespace", None)
    if resource.namespaced:
        made["namespace"] = namespace
    made |= {"uid": str(uuid.uuid4()), "resourceVersion": "", "creationTimestamp": stamp(now)}
    if resource.generation or resource.custom:
        made["generation"] = 1
    return made | _without_empty(given)


def carried(old: Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    """The metadata of an update: the client's, with what only the server sets as it was."""
    given = dict(body.get("metadata") or {})
    for key in ("selfLink", "managedFields", "name", "generateName", "namespace", "resourceVersion", *_SERVER_SET):
        given.pop(key, None)
    return {key: old[key] for key in _KEPT if key in old} | _without_empty(given)


def versioned(meta: Mapping[str, Any], version: str) -> dict[str, Any]:
    """The metadata at a version, or at none if it is empty."""
    made = {**meta, "resourceVersion": version}
    if not version:
        del made["resourceVersion"]
    return made


def _without_empty(given: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in given.items() if value not in (None, "", {}, [])}


def faults(resource: Resource, obj: Object, old: Object | None) -> list[Fault]:
    """What is wrong with the metadata of an object that is to be stored."""
    meta: Mapping[str, Any] = obj["metadata"]
    found = [] if old is not None else list(_name_faults(resource, meta))
    before = old["metadata"] if old is not None else {}
    if meta.get("labels") != before.get("labels"):
        found += _label_faults(meta.get("labels") or {}, "metadata.labels")
    if meta.get("annotations") != before.get("annotations"):
        found += _annotation_faults(meta.get("annotations") or {})
    if meta.get("finalizers") != before.get("finalizers"):
        found += _finalizer_faults(meta, before)
    if meta.get("ownerReferences") != before.get("ownerReferences"):
        found += _owner_faults(meta.get("ownerReferences") or ())
    return found


def _name_faults(resource: Resource, meta: Mapping[str, Any]) -> Iterator[Fault]:
    name = meta["name"]
    if not name:
        yield Fault("metadata.name", "Required value: name or generateName is required", "FieldValueRequired")
    elif resource.table in _PATH_NAMES:
        if name in (".", "..") or "/" in name or "%" in name:
            yield Fault("metadata.name", f"Invalid value: \"{name}\": may not contain '/' or '%'")
    elif resource.table in _LABEL_NAMES:
        if len(name) > 63:
            yield Fault("metadata.name", f'Invalid value: "{name}": must be no more than 63 characters')
        if not _LABEL.fullmatch(name):
            yield Fault("metadata.name", f'Invalid value: "{name}": {_LABEL_TEXT}')
    else:
        if len(name) > 253:
            yield Fault("metadata.name", f'Invalid value: "{name}": must be no more than 253 characters')
        if not _SUBDOMAIN.fullmatch(name):
            yield Fault("metadata.name", f'Invalid value: "{name}": {_SUBDOMAIN_TEXT}')


def _key_fault(key: str, field: str) -> Fault | None:
    prefix, slash, name = key.rpartition("/")
    if slash and (not prefix or not _SUBDOMAIN.fullmatch(prefix) or len(prefix) > 253):
        return Fault(field, f'Invalid value: "{key}": prefix part {_SUBDOMAIN_TEXT}')
    if not _NAME_PART.fullmatch(name):
        return Fault(field, f'Invalid value: "{key}": {_KEY_TEXT}')
    if len(name) > 63:
        return Fault(field, f'Invalid value: "{key}": name part must be no more than 63 characters')
    return None


def _label_faults(labels: Mapping[str, Any], field: str) -> Iterator[Fault]:
    for key, value in labels.items():
        if wrong := _key_fault(key, field):
            yield wrong
        if not isinstance(value, str):
            yield Fault(field, f"Invalid value: {value!r}: must be a string")
        elif len(value) > 63:
            yield Fault(field, f'Invalid value: "{value}": must be no more than 63 bytes')
        elif value and not _NAME_PART.fullmatch(value):
            yield Fault(field, f'Invalid value: "{value}": {_VALUE_TEXT}')


def _annotation_faults(annotations: Mapping[str, Any]) -> Iterator[Fault]:
    size = 0
    for key, value in annotations.items():
        if wrong := _key_fault(key.lower(), "metadata.annotations"):
            yield wrong
        size += len(key) + len(str(value).encode())
    if size > ANNOTATIONS_LIMIT:
        message = f"Too long: may not be more than {ANNOTATIONS_LIMIT} bytes"
        yield Fault("metadata.annotations", message, "FieldValueTooLong")


def _finalizer_faults(meta: Mapping[str, Any], before: Mapping[str, Any]) -> Iterator[Fault]:
    finalizers = meta.get("finalizers") or []
    for each in finalizers:
        if wrong := _key_fault(each, "metadata.finalizers"):
            yield wrong
    new = [each for each in finalizers if each not in (before.get("finalizers") or ())]
    if new and before.get("deletionTimestamp"):
        told = ", ".join(f'"{each}"' for each in new)
        message = (
            "Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers"
            f" []string{{{told}}}"
        )
        yield Fault("metadata.finalizers", message, "FieldValueForbidden")


def _owner_faults(owners: Any) -> Iterator[Fault]:
    for place, owner in enumerate(owners):
        for key in ("apiVersion", "kind", "name", "uid"):
            if not owner.get(key):
                message = f'Invalid value: "": {"version" if key == "apiVersion" else key} must not be empty'
                yield Fault(f"metadata.ownerReferences[{place}].{key}", message)
    if sum(bool(owner.get("controller")) for owner in owners) > 1:
        yield Fault("metadata.ownerReferences", "Invalid value: Only one reference can have Controller set to true.")

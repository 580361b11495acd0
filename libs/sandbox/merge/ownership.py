"""Field managers: who owns which fields of an object, after an update and after a server-side apply.

Reference: k8s.io/apimachinery pkg/util/managedfields, sigs.k8s.io/structured-merge-diff merge (Updater).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from libs.sandbox.merge import fields, typed
from libs.sandbox.merge.fields import Fields
from libs.sandbox.schema.nodes import Node
from libs.sandbox.store import Object

Entry = Mapping[str, Any]
"""One entry of `metadata.managedFields`."""

UPDATERS: Final = 10
"""Managers by update that are kept one by one; the oldest beyond are put together."""
_FIRST: Final = "before-first-apply"
"""Who owns all that stands in an object without entries when something is first applied to it."""
_ANCIENT: Final = "ancient-changes"
_LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
_UNOWNED: Final = frozenset(
    f"f:{name}"
    for name in (
        "name",
        "namespace",
        "creationTimestamp",
        "selfLink",
        "uid",
        "generation",
        "managedFields",
        "resourceVersion",
    )
)
"""Fields of metadata that nobody owns."""


class Manager(NamedTuple):
    """Who writes: the name, through which subresource, in which version of the kind.

    `foreign` are the top-level fields that cannot be written so, and therefore not be owned.
    """

    name: str
    subresource: str
    api_version: str
    foreign: tuple[str, ...] = ()


class Conflict(NamedTuple):
    """A field that another manager owns, and that manager as messages name it."""

    path: str
    manager: str


def readable(entries: Any) -> bool:
    """Whether entries that a client has written can be taken as they are."""
    if not isinstance(entries, list):
        return False
    return all(
        isinstance(each, Mapping)
        and each.get("operation") in ("Apply", "Update")
        and all(isinstance(each.get(key), str) for key in ("manager", "apiVersion"))
        and _is_tree(each.get("fieldsV1"))
        for each in entries
    )


def _is_tree(value: Any) -> bool:
    return isinstance(value, dict) and all(_is_tree(each) for each in value.values())


def updated(node: Node, old: Object | None, new: Object, manager: Manager, now: str) -> list[Entry]:
    """The entries after `manager` has changed `old` into `new` other than by applying.

    `old` carries the entries there were; None stands for an object that is created. `now` is when. An object that has
    no entries gets none by an update.
    """
    entries: Sequence[Entry] = old["metadata"].get("managedFields") or () if old else ()
    if old and not entries:
        return []
    found = fields.compare(node, _bare(old) if old else {}, _bare(new))
    changed = _owned_part(fields.union(found.added, found.modified), manager)
    made = _released(entries, changed, found.removed, keep=lambda entry: _is(entry, manager, "Update"))
    mine = next((entry for entry in entries if _is(entry, manager, "Update")), None)
    before = mine["fieldsV1"] if mine else {}
    after = fields.union(fields.difference(before, found.removed), changed)
    made = [entry for entry in made if not _is(entry, manager, "Update")]
    if after:
        when = mine.get("time", now) if mine and after == before else now
        made.append(_entry(manager, "Update", after, when))
    return _capped(_sorted(made))


class Applied(NamedTuple):
    """What an apply makes: the object, not yet defaulted, its entries, and the conflicts that forbid it."""

    object: Object
    entries: list[Entry]
    conflicts: list[Conflict]


def applied(node: Node, live: Object | None, body: Object, manager: Manager, now: str, *, force: bool) -> Applied:
    """Lays an applied configuration over the live object: fields it no longer has are removed if nobody else owns them.

    With `force` there are no conflicts: others lose what is applied over them.
    """
    wanted = _owned_part(fields.of_value(node, _bare(body)), manager)
    if live is None:
        return Applied(body, [_entry(manager, "Apply", wanted, now)], [])
    entries: Sequence[Entry] = live["metadata"].get("managedFields") or ()
    if not entries:
        entries = updated(node, None, live, Manager(_FIRST, "", manager.api_version), now)
    mine = next((entry for entry in entries if _is(entry, manager, "Apply")), None)
    others = [entry for entry in entries if entry is not mine]
    bare = _bare(live)
    made = typed.merged(node, bare, _bare(body))
    if mine:
        owned = wanted
        for entry in others:
            owned = fields.union(owned, entry["fieldsV1"])
        kept = typed.pruned(node, made, mine["fieldsV1"], owned)
        made = {"metadata": {}} if kept is None else kept
    found = fields.compare(node, bare, made)
    changed = fields.union(found.added, found.modified)
    conflicts = [] if force else _conflicts(others, changed, _handed_over(node, bare, manager))
    same = not changed and not found.removed
    left = _released(others, changed, found.removed, keep=lambda entry: False)
    when = mine.get("time", now) if mine and same else now
    if wanted:
        left.append(_entry(manager, "Apply", wanted, when))
    return Applied(made, _sorted(left), conflicts)


def _bare(obj: Object) -> Object:
    meta = obj.get("metadata") or {}
    if "managedFields" not in meta:
        return obj
    return {**obj, "metadata": {key: value for key, value in meta.items() if key != "managedFields"}}


def _owned_part(found: Fields, manager: Manager) -> Fields:
    made = {element: tree for element, tree in found.items() if element not in ("f:apiVersion", "f:kind")}
    if "f:metadata" in made:
        metadata = {element: tree for element, tree in made["f:metadata"].items() if element not in _UNOWNED}
        if metadata:
            made["f:metadata"] = metadata
        else:
            del made["f:metadata"]
    for name in manager.foreign:
        made.pop(f"f:{name}", None)
    return made


def _is(entry: Entry, manager: Manager, operation: str) -> bool:
    return (
        entry["manager"] == manager.name
        and entry["operation"] == operation
        and entry.get("subresource", "") == manager.subresource
        and (operation == "Apply" or entry["apiVersion"] == manager.api_version)
    )


def _entry(manager: Manager, operation: str, owned: Fields, now: str) -> Entry:
    entry = {
        "manager": manager.name,
        "operation": operation,
        "apiVersion": manager.api_version,
        "time": now,
        "fieldsType": "FieldsV1",
        "fieldsV1": owned,
    }
    return entry | ({"subresource": manager.subresource} if manager.subresource else {})


def _released(entries: Sequence[Entry], changed: Fields, removed: Fields, *, keep: Any) -> list[Entry]:
    """The entries of others, without what was changed or removed under them."""
    made: list[Entry] = []
    for entry in entries:
        if keep(entry):
            made.append(entry)
            continue
        owned = fields.difference(fields.difference(entry["fieldsV1"], changed), removed)
        if owned:
            made.append(entry if owned is entry["fieldsV1"] else {**entry, "fieldsV1": owned})
    return made


def _conflicts(others: Sequence[Entry], changed: Fields, free: Fields) -> list[Conflict]:
    found: list[Conflict] = []
    for entry in others:
        shared = fields.difference(fields.intersection(entry["fieldsV1"], changed), free)
        found += [Conflict(path, _named(entry)) for path in fields.paths(shared)]
    return found


def _handed_over(node: Node, live: Object, manager: Manager) -> Fields:
    """What kubectl may take from anybody, because its client-side apply has set it and it stands so still."""
    text = (live["metadata"].get("annotations") or {}).get(_LAST_APPLIED)
    if manager.name != "kubectl" or not text:
        return {}
    try:
        last = msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.DecodeError:
        return {}
    found = fields.compare(node, last, live)
    differing = fields.union(fields.union(found.added, found.modified), found.removed)
    return fields.difference(fields.of_value(node, last), differing)


def _named(entry: Entry) -> str:
    text = f'"{entry["manager"]}"'
    if entry.get("subresource"):
        text += f' with subresource "{entry["subresource"]}"'
    if entry["operation"] == "Update":
        text += f" using {entry['apiVersion']}"
        text += f" at {entry['time']}" if entry.get("time") else ""
    return text


def _sorted(entries: list[Entry]) -> list[Entry]:
    return sorted(entries, key=lambda each: (each["operation"], each.get("time", ""), each["manager"]))


def _capped(entries: list[Entry]) -> list[Entry]:
    updaters = [entry for entry in entries if entry["operation"] == "Update"]
    if len(updaters) <= UPDATERS:
        return entries
    old = updaters[: len(updaters) - UPDATERS + 1]
    together: Fields = {}
    for entry in old:
        together = fields.union(together, entry["fieldsV1"])
    ancient = {key: value for key, value in old[-1].items() if key != "subresource"}
    ancient |= {"manager": _ANCIENT, "fieldsV1": together}
    return _sorted([entry for entry in entries if entry not in old] + [ancient])

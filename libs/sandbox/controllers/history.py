"""ControllerRevisions: the templates that a StatefulSet or DaemonSet has had (upstream: pkg/controller/history)."""

from collections.abc import Collection, Sequence
from typing import Any, Final

import msgspec

from libs.sandbox import kinds
from libs.sandbox.controllers import objects
from libs.sandbox.controllers.actions import Action, Create, Delete, Replace
from libs.sandbox.controllers.objects import Object
from libs.sandbox.kinds import Resource

HASH: Final = "controller.kubernetes.io/hash"
POD_HASH: Final = "controller-revision-hash"


class Latest(msgspec.Struct, frozen=True, kw_only=True):
    """The revision of the present template, and what has to be written so that it stands as the latest."""

    name: str
    hash: str
    action: Action | None


def latest(owner: Object, resource: Resource, revisions: Sequence[Object]) -> Latest:
    """The revision of the owner's present template: made, found, or taken up again."""
    data = {"spec": {"template": {**owner["spec"]["template"], "$patch": "replace"}}}
    highest = max((int(each["revision"]) for each in revisions), default=0)
    same = [each for each in revisions if each.get("data") == data]
    if same:
        found = max(same, key=lambda each: int(each["revision"]))
        bumped = None
        if int(found["revision"]) != highest:
            bumped = Replace(resource=kinds.CONTROLLER_REVISIONS, body={**found, "revision": highest + 1})
        return Latest(name=objects.name(found), hash=objects.labels(found).get(HASH, ""), action=bumped)
    mark = objects.digest(data)
    labels = (owner["spec"]["template"].get("metadata") or {}).get("labels") or {}
    body = {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": {
            "namespace": objects.namespace(owner),
            "name": f"{objects.name(owner)}-{mark}",
            "labels": {**labels, HASH: mark},
            "ownerReferences": [objects.owner_reference(resource.api_version, resource.kind, owner)],
        },
        "data": data,
        "revision": highest + 1,
    }
    return Latest(
        name=f"{objects.name(owner)}-{mark}", hash=mark, action=Create(resource=kinds.CONTROLLER_REVISIONS, body=body)
    )


def surplus(owner: Object, revisions: Sequence[Object], used: Collection[str]) -> list[Action]:
    """The deletions of old revisions that nothing uses and history does not keep; `used` are names or hashes."""
    limit = int(owner["spec"].get("revisionHistoryLimit", 10))
    idle = [each for each in revisions if objects.name(each) not in used and objects.labels(each).get(HASH) not in used]
    idle.sort(key=lambda each: int(each["revision"]))
    return [Delete(resource=kinds.CONTROLLER_REVISIONS, target=each) for each in idle[: max(0, len(idle) - limit)]]


def template(revision: Object) -> dict[str, Any]:
    """The template that a revision keeps."""
    return {key: value for key, value in revision["data"]["spec"]["template"].items() if key != "$patch"}

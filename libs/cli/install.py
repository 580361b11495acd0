"""Puts Argosy's APIs on a hub: CRDs and admission policies, by server-side apply, so that it can be repeated."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec

from libs.common.api import admission, wellknown
from libs.common.api import crds as definitions
from libs.common.kube.client import APPLY, Client
from libs.common.kube.credentials import Credentials
from libs.common.kube.errors import NotFound
from libs.common.kube.resources import CUSTOM_RESOURCE_DEFINITIONS, ObjectKey, Resource

MANAGER = "argosy-install"
_ESTABLISH = timedelta(seconds=30)


async def crds(hub: Credentials, report: Callable[[str], None]) -> None:
    """Applies all definitions and waits until the hub serves them.

    Raises:
        TimeoutError: the hub did not establish one within 30 s.
    """
    async with Client(hub, user_agent="argosy-install") as api:
        wanted = definitions.definitions()
        async with asyncio.timeout(_ESTABLISH.total_seconds()), asyncio.TaskGroup() as tasks:
            for definition in wanted:
                tasks.create_task(_establish(api, definition), name=definition["metadata"]["name"])
        policies = admission.policies()
        async with asyncio.TaskGroup() as tasks:
            for name in (wellknown.SYSTEM_NAMESPACE, wellknown.CLUSTER_NAMESPACE):
                tasks.create_task(_apply(api, _system_namespace(name)), name=name)
            for policy in policies:
                tasks.create_task(_apply(api, policy), name=policy["metadata"]["name"])
    report(f"{len(wanted)} CRDs and {len(policies)} admission objects on the hub")


async def _establish(api: Client, definition: dict[str, Any]) -> None:
    key = ObjectKey("", definition["metadata"]["name"])
    body = await api.patch(
        CUSTOM_RESOURCE_DEFINITIONS, key, definition, content_type=APPLY, manager=MANAGER, force=True
    )
    while not _is_established(body):
        await asyncio.sleep(0.1)
        body = await api.get(CUSTOM_RESOURCE_DEFINITIONS, key)


def _system_namespace(name: str) -> dict[str, Any]:
    """Holds Leases of the services, or credentials of members."""
    metadata = {"name": name, "labels": {wellknown.SYSTEM_LABEL: "true"}}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}


def _is_established(body: bytes) -> bool:
    conditions = msgspec.json.decode(body).get("status", {}).get("conditions") or ()
    return any(c["type"] == "Established" and c["status"] == "True" for c in conditions)


async def _apply(api: Client, body: dict[str, Any]) -> None:
    group, _, version = body["apiVersion"].rpartition("/")
    resource = Resource(
        group=group, version=version, kind=body["kind"], plural=_PLURALS[body["kind"]], namespaced=False
    )
    try:
        await api.patch(
            resource, ObjectKey("", body["metadata"]["name"]), body, content_type=APPLY, manager=MANAGER, force=True
        )
    except NotFound as missing:
        raise RuntimeError(
            f"the hub does not serve {body['apiVersion']} {body['kind']}; Argosy needs Kubernetes 1.30 or later"
        ) from missing


_PLURALS = {
    "Namespace": "namespaces",
    "ValidatingAdmissionPolicy": "validatingadmissionpolicies",
    "ValidatingAdmissionPolicyBinding": "validatingadmissionpolicybindings",
}

"""What an API server serves: by aggregated discovery (KEP-3352), or group by group where that is not known."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Final, TypeVar

import msgspec

from libs.common.kube import errors
from libs.common.kube.client import Client
from libs.common.kube.resources import Resource

S = TypeVar("S")

_AGGREGATED: Final = (
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json"
)


class Discovery(msgspec.Struct, frozen=True, kw_only=True):
    """The kinds that are served, each group's versions in the order of the server's preference.

    `failed` has, for each group and version that could not be read (an aggregated API that is down), the reason.
    """

    resources: list[Resource]
    failed: Mapping[str, str] = {}


async def served(api: Client) -> list[Resource]:
    """All kinds in all versions that the server serves now. See `discover` for what could not be read."""
    return (await discover(api)).resources


async def discover(api: Client) -> Discovery:
    """All kinds in all versions, and which groups did not answer. Raises KubeError if the server itself does not."""
    found: list[Resource] = []
    failed: dict[str, str] = {}
    for part in (await _root(api, "/api"), await _root(api, "/apis")):
        found += part.resources
        failed.update(part.failed)
    return Discovery(resources=found, failed=failed)


def preferred(resources: Iterable[Resource]) -> list[Resource]:
    """Each kind once, in the version that the server prefers."""
    first: dict[tuple[str, str], Resource] = {}
    for resource in resources:
        first.setdefault((resource.group, resource.kind), resource)
    return list(first.values())


async def _root(api: Client, path: str) -> Discovery:
    body = _decode(await api.raw("GET", path, accept=_AGGREGATED), _Root)
    if body.kind == "APIGroupDiscoveryList":
        return _aggregated(body)
    versions = list(body.versions or ())
    if body.groups is not None:
        versions = [version.group_version for group in body.groups for version in group.ordered()]
    async with asyncio.TaskGroup() as tasks:
        asked = [tasks.create_task(_group_version(api, path, version), name=version) for version in versions]
    answers = dict(zip(versions, (task.result() for task in asked), strict=True))
    return Discovery(
        resources=[r for answer in answers.values() if not isinstance(answer, str) for r in answer],
        failed={version: answer for version, answer in answers.items() if isinstance(answer, str)},
    )


def _aggregated(body: "_Root") -> Discovery:
    resources: list[Resource] = []
    failed: dict[str, str] = {}
    for group in body.items or ():
        for version in group.versions or ():
            if version.freshness == "Stale":
                name = f"{group.metadata.name}/{version.version}" if group.metadata.name else version.version
                failed[name] = "the API behind this group does not answer; what is served may be out of date"
            resources += [
                Resource(
                    group=(each.response_kind.group if each.response_kind else "") or group.metadata.name,
                    version=(each.response_kind.version if each.response_kind else "") or version.version,
                    kind=each.response_kind.kind if each.response_kind else "",
                    plural=each.resource,
                    namespaced=each.scope == "Namespaced",
                    verbs=tuple(each.verbs or ()),
                    subresources=tuple(sub.subresource for sub in each.subresources or ()),
                    short_names=tuple(each.short_names or ()),
                    singular=each.singular_resource,
                    categories=tuple(each.categories or ()),
                )
                for each in version.resources or ()
                if each.response_kind is not None
            ]
    return Discovery(resources=resources, failed=failed)


async def _group_version(api: Client, root: str, version: str) -> list[Resource] | str:
    try:
        body = _decode(await api.raw("GET", f"{root}/{version}"), _ResourceList)
    except errors.KubeError as error:
        return str(error)
    group, _, number = version.rpartition("/")
    subresources: dict[str, list[str]] = {}
    for each in body.resources or ():
        plural, slash, subresource = each.name.partition("/")
        if slash:
            subresources.setdefault(plural, []).append(subresource)
    return [
        Resource(
            group=group,
            version=number,
            kind=each.kind,
            plural=each.name,
            namespaced=each.namespaced,
            verbs=tuple(each.verbs or ()),
            subresources=tuple(subresources.get(each.name, ())),
            short_names=tuple(each.short_names or ()),
            singular=each.singular_name,
            categories=tuple(each.categories or ()),
        )
        for each in body.resources or ()
        if "/" not in each.name
    ]


# ---- what servers say ------------------------------------------------------------------------------------------------


class _Shape(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Servers write null for empty lists."""


class _ResponseKind(_Shape, frozen=True, kw_only=True):
    group: str = ""
    version: str = ""
    kind: str = ""


class _Subresource(_Shape, frozen=True, kw_only=True):
    subresource: str = ""


class _AggregatedResource(_Shape, frozen=True, kw_only=True):
    resource: str
    response_kind: _ResponseKind | None = None
    scope: str = "Namespaced"
    singular_resource: str = ""
    verbs: list[str] | None = None
    short_names: list[str] | None = None
    categories: list[str] | None = None
    subresources: list[_Subresource] | None = None


class _AggregatedVersion(_Shape, frozen=True, kw_only=True):
    version: str
    freshness: str = "Current"
    resources: list[_AggregatedResource] | None = None


class _Name(_Shape, frozen=True, kw_only=True):
    name: str = ""


class _AggregatedGroup(_Shape, frozen=True, kw_only=True):
    metadata: _Name = _Name()
    versions: list[_AggregatedVersion] | None = None


class _GroupVersion(_Shape, frozen=True, kw_only=True):
    group_version: str


class _Group(_Shape, frozen=True, kw_only=True):
    versions: list[_GroupVersion] | None = None
    preferred_version: _GroupVersion | None = None

    def ordered(self) -> list[_GroupVersion]:
        versions = list(self.versions or ())
        return sorted(versions, key=lambda version: version != self.preferred_version)


class _Root(_Shape, frozen=True, kw_only=True):
    """`APIGroupDiscoveryList` (items), `APIVersions` (versions) or `APIGroupList` (groups)."""

    kind: str = ""
    items: list[_AggregatedGroup] | None = None
    versions: list[str] | None = None
    groups: list[_Group] | None = None


class _PlainResource(_Shape, frozen=True, kw_only=True):
    name: str
    kind: str = ""
    namespaced: bool = False
    singular_name: str = ""
    verbs: list[str] | None = None
    short_names: list[str] | None = None
    categories: list[str] | None = None


class _ResourceList(_Shape, frozen=True, kw_only=True):
    resources: list[_PlainResource] | None = None


def _decode(body: bytes, shape: type[S]) -> S:
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.DecodeError, RecursionError) as error:
        raise errors.Garbled(f"the server's discovery cannot be read: {error}") from error

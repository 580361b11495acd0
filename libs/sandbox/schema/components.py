"""The types of the Kubernetes API, as kube-apiserver publishes them in OpenAPI v3. Made by `libs.sandbox.data.pack`.

Types are found by name (`io.k8s.api.apps.v1.Deployment`) or by group, version and kind. Nothing is decoded before it is
asked for.
"""

import gzip
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any, Final

import msgspec

from libs.sandbox.schema import defaults
from libs.sandbox.schema.nodes import Node

OBJECT_META: Final = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
LIST_META: Final = "io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta"


class _Kinds(msgspec.Struct):
    kinds: list[dict[str, str]] = msgspec.field(name="x-kubernetes-group-version-kind", default_factory=list)


@cache
def node(name: str) -> Node:
    """The node of a type. There is one for each, shared by all that refer to it. KeyError if there is no such type."""
    made = Node(raw(name), node, name)
    made.complete = defaults.BY_COMPONENT.get(name)
    return made


def raw(name: str) -> dict[str, Any]:
    """The schema of a type, with references by bare name. KeyError if there is no such type."""
    schema: dict[str, Any] = msgspec.json.decode(_types()[name])
    return schema


def exists(name: str) -> bool:
    """Whether there is a type of that name."""
    return name in _types()


@cache
def of_kind(group: str, version: str, kind: str) -> str:
    """The name of the type of a kind, empty if it is not built in."""
    return _by_kind().get((group, version, kind), "")


@cache
def descriptions(name: str) -> Mapping[str, str]:
    """Field to prose, of one type; the type's own goes by the empty name."""
    found = _descriptions().get(name)
    decoded: dict[str, str] = msgspec.json.decode(found) if found else {}
    return decoded


@cache
def _types() -> dict[str, msgspec.Raw]:
    return _unpack("types")


@cache
def _descriptions() -> dict[str, msgspec.Raw]:
    return _unpack("descriptions")


@cache
def _by_kind() -> dict[tuple[str, str, str], str]:
    decoder = msgspec.json.Decoder(_Kinds)
    return {
        (kind["group"], kind["version"], kind["kind"]): name
        for name, schema in _types().items()
        for kind in decoder.decode(schema).kinds
    }


def _unpack(name: str) -> dict[str, msgspec.Raw]:
    packed = resources.files("libs.sandbox.data").joinpath(f"{name}.json.gz").read_bytes()
    return msgspec.json.decode(gzip.decompress(packed), type=dict[str, msgspec.Raw])

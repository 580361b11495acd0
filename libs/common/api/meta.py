"""Object metadata and the few shared shapes of the Kubernetes API (reference: k8s.io/apimachinery meta/v1, core/v1)."""

from typing import Annotated, Any, Literal, TypeAlias

import msgspec

Template: TypeAlias = dict[str, Any]
"""A Kubernetes object as it came: never forced through a type, so that unknown fields survive."""


def schema(**keywords: Any) -> msgspec.Meta:
    """Says something of a field to the generated CRD (`minimum=1`, `default="Abort"`, `format="date-time"`).

    It is a rule for the API server alone: decoding does not check it, so that one odd object stops no reader.
    """
    return msgspec.Meta(extra_json_schema=keywords)


Time: TypeAlias = Annotated[str, schema(format="date-time")]
"""RFC 3339, as Kubernetes writes it."""

Int32: TypeAlias = Annotated[int, schema(format="int32")]

Quantity: TypeAlias = str | int
ResourceList: TypeAlias = dict[str, Quantity]


class ApiStruct(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What all Kubernetes shapes share: camelCase names, absent fields left out."""


class OwnerReference(ApiStruct, frozen=True, kw_only=True):
    api_version: str = ""
    kind: str = ""
    name: str = ""
    uid: str = ""
    controller: bool | None = None
    block_owner_deletion: bool | None = None


class ObjectMeta(ApiStruct, frozen=True, kw_only=True):
    """The part of metadata that Argosy reads and writes. Never used to rewrite a user's object."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    creation_timestamp: Time | None = None
    deletion_timestamp: Time | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    finalizers: list[str] | None = None
    owner_references: list[OwnerReference] | None = None


class PartialObject(ApiStruct, frozen=True, kw_only=True):
    """Any object, of which only identity and metadata are decoded."""

    api_version: str = ""
    kind: str = ""
    metadata: ObjectMeta = ObjectMeta()


class LabelSelectorRequirement(ApiStruct, frozen=True, kw_only=True):
    key: str
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"]
    values: list[str] | None = None


class LabelSelector(ApiStruct, frozen=True, kw_only=True):
    match_labels: dict[str, str] | None = None
    match_expressions: list[LabelSelectorRequirement] | None = None


class Condition(ApiStruct, frozen=True, kw_only=True, omit_defaults=False):
    type: str
    status: Literal["True", "False", "Unknown"]
    reason: str = ""
    message: str = ""
    last_transition_time: Time | None = None


class Taint(ApiStruct, frozen=True, kw_only=True):
    key: str
    effect: str = ""
    value: str = ""
    time_added: Time | None = None


class Toleration(ApiStruct, frozen=True, kw_only=True):
    key: str = ""
    operator: str = ""
    value: str = ""
    effect: str = ""
    toleration_seconds: int | None = None

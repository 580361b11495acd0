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
    """The label key."""
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"]
    """How `values` are meant: In, NotIn, Exists or DoesNotExist."""
    values: list[str] | None = None
    """Values for In and NotIn; empty for the others."""


class LabelSelector(ApiStruct, frozen=True, kw_only=True):
    match_labels: dict[str, str] | None = None
    """Labels that must all be there with these values."""
    match_expressions: list[LabelSelectorRequirement] | None = None
    """Conditions that must all hold."""


class Condition(ApiStruct, frozen=True, kw_only=True, omit_defaults=False):
    type: str
    """What the condition is about."""
    status: Literal["True", "False", "Unknown"]
    """True, False or Unknown."""
    reason: str = ""
    """One word for programs."""
    message: str = ""
    """A sentence for people."""
    last_transition_time: Time | None = None
    """When `status` last changed."""


class Taint(ApiStruct, frozen=True, kw_only=True):
    key: str
    """The taint key."""
    effect: str = ""
    """NoSchedule keeps new objects away; NoExecute also evicts what is there."""
    value: str = ""
    """A value that tolerations may ask for."""
    time_added: Time | None = None
    """When the taint was put on; evictions count from it."""


class Toleration(ApiStruct, frozen=True, kw_only=True):
    key: str = ""
    """The taint key; empty, with operator Exists, tolerates every taint."""
    operator: str = ""
    """Exists or Equal (the default)."""
    value: str = ""
    """The value that Equal compares."""
    effect: str = ""
    """The effect that is tolerated; empty for all."""
    toleration_seconds: int | None = None
    """How long a NoExecute taint is tolerated, in seconds; absent for ever, 0 or less not at all."""

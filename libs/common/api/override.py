"""`policy.karmada.io/v1alpha1`: OverridePolicy and ClusterOverridePolicy."""

from typing import Annotated, Any, Literal

import msgspec

from libs.common.api.meta import ApiStruct, ObjectMeta, schema
from libs.common.api.policy import ClusterAffinity, ResourceSelector

Operator = Literal["add", "remove", "replace"]


class PlaintextOverrider(ApiStruct, frozen=True, kw_only=True):
    path: str
    """JSON pointer of the field."""
    operator: Operator
    """add, remove or replace."""
    value: Any = msgspec.UNSET
    """The new value; any JSON."""


class ImagePredicate(ApiStruct, frozen=True, kw_only=True):
    path: str
    """JSON pointer of the field that holds the image."""


class ImageOverrider(ApiStruct, frozen=True, kw_only=True):
    predicate: ImagePredicate | None = None
    """The image to change; the images of the object's pods if absent."""
    component: Literal["Registry", "Repository", "Tag"]
    """The part of the image that changes: Registry, Repository or Tag."""
    operator: Operator
    """add, remove or replace."""
    value: str = ""
    """The new part."""


class CommandArgsOverrider(ApiStruct, frozen=True, kw_only=True):
    container_name: str
    """The container to change."""
    operator: Literal["add", "remove"]
    """add appends, remove takes out."""
    value: list[str] | None = None
    """The words to add or remove."""


class LabelAnnotationOverrider(ApiStruct, frozen=True, kw_only=True):
    operator: Operator
    """add, remove or replace."""
    value: Annotated[dict[str, str] | None, schema(required=True)] = None
    """Keys and values; remove looks at the keys."""


class FieldPatchOperation(ApiStruct, frozen=True, kw_only=True):
    sub_path: str
    """JSON pointer within the document."""
    operator: Operator
    """add, remove or replace."""
    value: Any = msgspec.UNSET
    """The new value; any JSON."""


class FieldOverrider(ApiStruct, frozen=True, kw_only=True):
    field_path: str
    """JSON pointer of a field whose text is itself a document."""
    json: list[FieldPatchOperation] | None = None
    """Changes of a JSON document."""
    yaml: list[FieldPatchOperation] | None = None
    """Changes of a YAML document."""


class Overriders(ApiStruct, frozen=True, kw_only=True):
    plaintext: list[PlaintextOverrider] | None = None
    """Changes of any fields."""
    image_overrider: list[ImageOverrider] | None = None
    """Changes of images."""
    command_overrider: list[CommandArgsOverrider] | None = None
    """Changes of containers' commands."""
    args_overrider: list[CommandArgsOverrider] | None = None
    """Changes of containers' arguments."""
    labels_overrider: list[LabelAnnotationOverrider] | None = None
    """Changes of labels."""
    annotations_overrider: list[LabelAnnotationOverrider] | None = None
    """Changes of annotations."""
    field_overrider: list[FieldOverrider] | None = None
    """Changes inside documents that fields hold."""


class RuleWithCluster(ApiStruct, frozen=True, kw_only=True):
    target_cluster: ClusterAffinity | None = None
    """The clusters that the changes are for; all if absent."""
    overriders: Annotated[Overriders, schema(required=True)] = Overriders()
    """The changes."""


class OverrideSpec(ApiStruct, frozen=True, kw_only=True):
    resource_selectors: list[ResourceSelector] | None = None
    """The templates that are changed; all if absent."""
    override_rules: list[RuleWithCluster] | None = None
    """Changes and the clusters that they are for, in order."""
    target_cluster: ClusterAffinity | None = None
    """Deprecated: use `overrideRules`."""
    overriders: Overriders | None = None
    """Deprecated: use `overrideRules`."""


class OverridePolicy(ApiStruct, frozen=True, kw_only=True):
    """An OverridePolicy, or a ClusterOverridePolicy when `metadata.namespace` is empty."""

    api_version: str = ""
    kind: str = ""
    metadata: ObjectMeta = ObjectMeta()
    spec: OverrideSpec
    """What is changed on the way to which clusters."""

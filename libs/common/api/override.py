"""`policy.karmada.io/v1alpha1`: OverridePolicy and ClusterOverridePolicy."""

from typing import Annotated, Any, Literal

import msgspec

from libs.common.api.meta import ApiStruct, ObjectMeta, schema
from libs.common.api.policy import ClusterAffinity, ResourceSelector

Operator = Literal["add", "remove", "replace"]


class PlaintextOverrider(ApiStruct, frozen=True, kw_only=True):
    path: str
    operator: Operator
    value: Any = msgspec.UNSET


class ImagePredicate(ApiStruct, frozen=True, kw_only=True):
    path: str


class ImageOverrider(ApiStruct, frozen=True, kw_only=True):
    predicate: ImagePredicate | None = None
    component: Literal["Registry", "Repository", "Tag"]
    operator: Operator
    value: str = ""


class CommandArgsOverrider(ApiStruct, frozen=True, kw_only=True):
    container_name: str
    operator: Literal["add", "remove"]
    value: list[str] | None = None


class LabelAnnotationOverrider(ApiStruct, frozen=True, kw_only=True):
    operator: Operator
    value: Annotated[dict[str, str] | None, schema(required=True)] = None


class FieldPatchOperation(ApiStruct, frozen=True, kw_only=True):
    sub_path: str
    operator: Operator
    value: Any = msgspec.UNSET


class FieldOverrider(ApiStruct, frozen=True, kw_only=True):
    field_path: str
    json: list[FieldPatchOperation] | None = None
    yaml: list[FieldPatchOperation] | None = None


class Overriders(ApiStruct, frozen=True, kw_only=True):
    plaintext: list[PlaintextOverrider] | None = None
    image_overrider: list[ImageOverrider] | None = None
    command_overrider: list[CommandArgsOverrider] | None = None
    args_overrider: list[CommandArgsOverrider] | None = None
    labels_overrider: list[LabelAnnotationOverrider] | None = None
    annotations_overrider: list[LabelAnnotationOverrider] | None = None
    field_overrider: list[FieldOverrider] | None = None


class RuleWithCluster(ApiStruct, frozen=True, kw_only=True):
    target_cluster: ClusterAffinity | None = None
    overriders: Annotated[Overriders, schema(required=True)] = Overriders()


class OverrideSpec(ApiStruct, frozen=True, kw_only=True):
    resource_selectors: list[ResourceSelector] | None = None
    override_rules: list[RuleWithCluster] | None = None
    target_cluster: ClusterAffinity | None = None
    overriders: Overriders | None = None


class OverridePolicy(ApiStruct, frozen=True, kw_only=True):
    """An OverridePolicy, or a ClusterOverridePolicy when `metadata.namespace` is empty."""

    api_version: str = ""
    kind: str = ""
    metadata: ObjectMeta = ObjectMeta()
    spec: OverrideSpec

"""`policy.karmada.io/v1alpha1`: OverridePolicy and ClusterOverridePolicy."""

from typing import Any, Literal

import msgspec

from libs.common.api.meta import ApiStruct, ObjectMeta
from libs.common.api.policy import ClusterAffinity, ResourceSelector

Operator = Literal["add", "remove", "replace"]


class PlaintextOverrider(ApiStruct, kw_only=True):
    path: str
    operator: Operator
    value: Any = msgspec.UNSET


class ImagePredicate(ApiStruct, kw_only=True):
    path: str


class ImageOverrider(ApiStruct, kw_only=True):
    predicate: ImagePredicate | None = None
    component: Literal["Registry", "Repository", "Tag"]
    operator: Operator
    value: str = ""


class CommandArgsOverrider(ApiStruct, kw_only=True):
    container_name: str
    operator: Literal["add", "remove"]
    value: list[str] | None = None


class LabelAnnotationOverrider(ApiStruct, kw_only=True):
    operator: Operator
    value: dict[str, str] | None = None


class FieldPatchOperation(ApiStruct, kw_only=True):
    sub_path: str
    operator: Operator
    value: Any = msgspec.UNSET


class FieldOverrider(ApiStruct, kw_only=True):
    field_path: str
    json: list[FieldPatchOperation] | None = None
    yaml: list[FieldPatchOperation] | None = None


class Overriders(ApiStruct, kw_only=True):
    plaintext: list[PlaintextOverrider] | None = None
    image_overrider: list[ImageOverrider] | None = None
    command_overrider: list[CommandArgsOverrider] | None = None
    args_overrider: list[CommandArgsOverrider] | None = None
    labels_overrider: list[LabelAnnotationOverrider] | None = None
    annotations_overrider: list[LabelAnnotationOverrider] | None = None
    field_overrider: list[FieldOverrider] | None = None


class RuleWithCluster(ApiStruct, kw_only=True):
    target_cluster: ClusterAffinity | None = None
    overriders: Overriders = Overriders()


class OverrideSpec(ApiStruct, kw_only=True):
    resource_selectors: list[ResourceSelector] | None = None
    override_rules: list[RuleWithCluster] | None = None
    target_cluster: ClusterAffinity | None = None
    overriders: Overriders | None = None


class OverridePolicy(ApiStruct, kw_only=True):
    """An OverridePolicy, or a ClusterOverridePolicy when `metadata.namespace` is empty."""

    api_version: str = "policy.karmada.io/v1alpha1"
    kind: str = "OverridePolicy"
    metadata: ObjectMeta = ObjectMeta()
    spec: OverrideSpec

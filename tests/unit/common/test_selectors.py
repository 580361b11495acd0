"""Selectors: objects by kind, labels and name, clusters by names, labels and fields."""

from typing import Any

import msgspec
import pytest

from libs.common.api import selectors
from libs.common.api.cluster import Cluster, ClusterSpec
from libs.common.api.meta import LabelSelector, ObjectMeta
from libs.common.api.policy import ClusterAffinity, ResourceSelector

LABELS = {"app": "web", "tier": ""}
MEMBER = selectors.facts(
    Cluster(
        metadata=ObjectMeta(name="m1", labels={"env": "prod"}),
        spec=ClusterSpec(sync_mode="Push", provider="p", zones=["z1", "z2"]),
    )
)


@pytest.mark.parametrize(
    ("selector", "matches"),
    [
        pytest.param({}, True, id="empty takes all"),
        pytest.param({"matchLabels": {"app": "web"}}, True, id="equal"),
        pytest.param({"matchLabels": {"app": "db"}}, False, id="another value"),
        pytest.param({"matchLabels": {"tier": ""}}, True, id="an empty value is a value"),
        pytest.param({"matchLabels": {"a b": "x"}}, False, id="no key at all"),
        pytest.param({"matchExpressions": [{"key": "app", "operator": "In", "values": ["a", "web"]}]}, True, id="In"),
        pytest.param({"matchExpressions": [{"key": "app", "operator": "In"}]}, False, id="In without values"),
        pytest.param(
            {"matchExpressions": [{"key": "x", "operator": "NotIn", "values": ["a"]}]}, True, id="NotIn absent"
        ),
        pytest.param({"matchExpressions": [{"key": "app", "operator": "Exists"}]}, True, id="Exists"),
        pytest.param({"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}, False, id="DoesNotExist"),
        pytest.param(
            {"matchExpressions": [{"key": "app", "operator": "Exists", "values": ["x"]}]},
            False,
            id="Exists with values",
        ),
        pytest.param({"matchExpressions": [{"key": "example.com/x", "operator": "DoesNotExist"}]}, True, id="prefix"),
    ],
)
def test_labels(selector: dict[str, Any], matches: bool) -> None:
    assert selectors.match_labels(msgspec.convert(selector, LabelSelector), LABELS) == matches


@pytest.mark.parametrize(
    ("selector", "rank"),
    [
        pytest.param({}, selectors.ALL_OF_KIND, id="kind alone"),
        pytest.param({"namespace": "default"}, selectors.ALL_OF_KIND, id="its namespace"),
        pytest.param({"namespace": "other", "name": "a"}, selectors.NO_MATCH, id="another namespace"),
        pytest.param(
            {"name": "a", "labelSelector": {"matchLabels": {"x": "y"}}}, selectors.BY_NAME, id="name alone counts"
        ),
        pytest.param({"name": "b"}, selectors.NO_MATCH, id="another name"),
        pytest.param({"labelSelector": {"matchLabels": {"app": "web"}}}, selectors.BY_LABELS, id="labels"),
        pytest.param({"kind": "Secret"}, selectors.NO_MATCH, id="another kind"),
        pytest.param({"apiVersion": "v2"}, selectors.NO_MATCH, id="another version"),
    ],
)
def test_resources(selector: dict[str, Any], rank: int) -> None:
    wanted = msgspec.convert({"apiVersion": "v1", "kind": "ConfigMap"} | selector, ResourceSelector)
    metadata = ObjectMeta(name="a", namespace="default", labels=LABELS)

    assert selectors.match_resource([wanted], "v1", "ConfigMap", metadata) == rank


def field(key: str, operator: str, *values: str) -> dict[str, Any]:
    return {"fieldSelector": {"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}}


@pytest.mark.parametrize(
    ("affinity", "matches"),
    [
        pytest.param({}, True, id="empty takes all"),
        pytest.param({"clusterNames": ["m1", "m2"]}, True, id="named"),
        pytest.param({"clusterNames": ["m2"]}, False, id="not named"),
        pytest.param({"clusterNames": ["m1"], "exclude": ["m1"]}, False, id="excluded goes first"),
        pytest.param({"labelSelector": {"matchLabels": {"env": "prod"}}}, True, id="labels"),
        pytest.param(
            {"labelSelector": {"matchLabels": {"env": "prod"}}, "clusterNames": ["m2"]}, False, id="all of it"
        ),
        pytest.param(field("provider", "In", "p"), True, id="provider"),
        pytest.param(field("region", "NotIn", "r"), True, id="an empty region is absent"),
        pytest.param(field("region", "In", ""), False, id="and equals nothing"),
        pytest.param(field("zone", "In", "z2", "z9"), True, id="any zone"),
        pytest.param(field("zone", "NotIn", "z2"), False, id="no zone"),
        pytest.param(field("zone", "Gt", "1"), False, id="an unknown operator"),
    ],
)
def test_clusters(affinity: dict[str, Any], matches: bool) -> None:
    assert selectors.match_cluster(msgspec.convert(affinity, ClusterAffinity), MEMBER) == matches

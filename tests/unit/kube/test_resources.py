"""Where objects live, and what their bytes are made to begin with."""

import msgspec
import pytest

from libs.common.kube import resources
from libs.common.kube.resources import CLUSTERS, CONFIG_MAPS, RESOURCE_BINDINGS


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param(CONFIG_MAPS.path(), "/api/v1/configmaps", id="core-all-namespaces"),
        pytest.param(CONFIG_MAPS.path("ns", "a"), "/api/v1/namespaces/ns/configmaps/a", id="core-object"),
        pytest.param(
            RESOURCE_BINDINGS.path("ns", "a", "status"),
            "/apis/work.karmada.io/v1alpha2/namespaces/ns/resourcebindings/a/status",
            id="group-subresource",
        ),
        pytest.param(
            CLUSTERS.path("ignored", "m1"), "/apis/cluster.karmada.io/v1alpha1/clusters/m1", id="cluster-scoped"
        ),
        pytest.param(CONFIG_MAPS.path("ns", "a%b c"), "/api/v1/namespaces/ns/configmaps/a%25b%20c", id="escaped"),
        pytest.param(CONFIG_MAPS.path("ns", "system:x"), "/api/v1/namespaces/ns/configmaps/system:x", id="colon"),
    ],
)
def test_paths(path: str, expected: str) -> None:
    assert path == expected


@pytest.mark.parametrize("name", ["..", ".", "a/b"])
def test_a_name_that_leaves_its_place_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="cannot be the name"):
        CONFIG_MAPS.path("ns", name)


@pytest.mark.parametrize(
    "item",
    [
        pytest.param(b'{"metadata":{"name":"a"}}', id="built-in"),
        pytest.param(b'{ "metadata": {"name": "a"} }', id="spaces"),
        pytest.param(b'{"data":{},"metadata":{"name":"a"}}', id="other-order"),
        pytest.param(b'{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"a"}}', id="typed"),
        pytest.param(b'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"}}', id="typed-custom"),
        pytest.param(b'{"metadata":{"name":"a"},"extra":"kind"}', id="kind-in-a-string"),
        pytest.param(b'{"Extra":1,"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"}}', id="typed-late"),
        pytest.param(b"{}", id="empty"),
    ],
)
def test_a_typed_item_says_its_kind_once_and_keeps_the_rest(item: bytes) -> None:
    typed = CONFIG_MAPS.typed(item)
    assert typed.count(b'"kind":') == 1
    expected = {**msgspec.json.decode(item), "apiVersion": "v1", "kind": "ConfigMap"}
    assert msgspec.json.decode(typed) == expected


@pytest.mark.parametrize(
    ("text", "number"), [("", 0), ("12", 12), ("a1", 0), ("-1", 0), ("99999999999999999999", 10**20 - 1)]
)
def test_versions_as_numbers(text: str, number: int) -> None:
    assert resources.version_number(text) == number

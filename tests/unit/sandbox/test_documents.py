"""JSON merge patch (RFC 7386, appendix A) and JSON patch (RFC 6902, appendix A)."""

import copy
from typing import Any

import pytest

from libs.sandbox.merge import documents

MERGES: list[tuple[Any, Any, Any]] = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    (["a", "b"], ["c", "d"], ["c", "d"]),
    ({"a": "foo"}, None, None),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]

PATCHES: list[tuple[Any, list[dict[str, Any]], Any]] = [
    ({"foo": "bar"}, [{"op": "add", "path": "/baz", "value": "qux"}], {"foo": "bar", "baz": "qux"}),
    ({"foo": ["a", "c"]}, [{"op": "add", "path": "/foo/1", "value": "b"}], {"foo": ["a", "b", "c"]}),
    ({"foo": ["a"]}, [{"op": "add", "path": "/foo/-", "value": ["b"]}], {"foo": ["a", ["b"]]}),
    ({"a": 1, "b": 2}, [{"op": "remove", "path": "/a"}], {"b": 2}),
    ({"foo": ["a", "b", "c"]}, [{"op": "remove", "path": "/foo/1"}], {"foo": ["a", "c"]}),
    ({"a": 1}, [{"op": "replace", "path": "/a", "value": None}], {"a": None}),
    ({"a": {"b": 1}, "c": {}}, [{"op": "move", "from": "/a/b", "path": "/c/d"}], {"a": {}, "c": {"d": 1}}),
    ({"a": {"b": [1]}}, [{"op": "copy", "from": "/a", "path": "/c"}], {"a": {"b": [1]}, "c": {"b": [1]}}),
    ({"a/b": {"~": 1}}, [{"op": "replace", "path": "/a~1b/~0", "value": 2}], {"a/b": {"~": 2}}),
    ({"a": 1}, [{"op": "test", "path": "/a", "value": 1}, {"op": "remove", "path": "/a"}], {}),
    ({"a": 1}, [{"op": "test", "path": "/b", "value": None}], {"a": 1}),
    ({"a": 1}, [{"op": "replace", "path": "", "value": [1]}], [1]),
]

UNFIT: list[list[dict[str, Any]]] = [
    [{"op": "test", "path": "/a", "value": 2}],
    [{"op": "remove", "path": "/nothing"}],
    [{"op": "remove", "path": ""}],
    [{"op": "replace", "path": "/nothing", "value": 1}],
    [{"op": "add", "path": "/no/where", "value": 1}],
    [{"op": "add", "path": "/list/7", "value": 1}],
    [{"op": "add", "path": "/x"}],
    [{"op": "explode", "path": "/a", "value": 1}],
    [{"op": "add", "value": 1}],
]


@pytest.mark.parametrize(("target", "patch", "wanted"), MERGES)
def test_merge_patch(target: Any, patch: Any, wanted: Any) -> None:
    assert documents.merged(target, patch) == wanted


def test_merge_patch_leaves_the_target_as_it_is() -> None:
    target = {"a": {"b": 1}}
    documents.merged(target, {"a": {"b": 2, "c": 3}})
    assert target == {"a": {"b": 1}}


@pytest.mark.parametrize(("document", "operations", "wanted"), PATCHES)
def test_json_patch(document: Any, operations: list[dict[str, Any]], wanted: Any) -> None:
    assert documents.patched(copy.deepcopy(document), operations) == wanted


@pytest.mark.parametrize("operations", UNFIT)
def test_json_patch_that_does_not_fit(operations: list[dict[str, Any]]) -> None:
    with pytest.raises(documents.Unfit):
        documents.patched({"a": 1, "list": [1]}, operations)

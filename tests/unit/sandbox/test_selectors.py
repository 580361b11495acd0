"""Selectors and their text form."""

from typing import Any

import pytest

from libs.sandbox import kinds, selectors

MARKS = {"app": "web", "tier": "2"}
TEXTS: list[tuple[str, bool]] = [
    ("app=web", True),
    ("app==web,tier!=3", True),
    ("app in (web,api)", True),
    ("app notin (web)", False),
    ("app,!gone", True),
    ("gone!=x", True),
    ("tier>1,tier<3", True),
    ("app>1", False),
    ("gone notin (a)", True),
]
SELECTORS: list[tuple[dict[str, Any], str]] = [
    ({"b": "2", "a": "1"}, "a=1,b=2"),
    ({"matchLabels": {"a": "1"}}, "a=1"),
    ({"matchExpressions": [{"key": "a", "operator": "In", "values": ["1", "2"]}]}, "a in (1,2)"),
    ({"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["1"]}]}, "a notin (1)"),
    ({"matchLabels": {"a": "1"}, "matchExpressions": [{"key": "b", "operator": "Exists"}]}, "a=1,b"),
    ({"matchExpressions": [{"key": "b", "operator": "DoesNotExist"}]}, "!b"),
    ({}, ""),
]
FIELDS: list[tuple[str, bool]] = [
    ("spec.nodeName=n1", True),
    ("spec.nodeName!=n1", False),
    ("status.phase=Running,metadata.name=p", True),
    ("spec.hostNetwork=false", True),
    ("status.podIP=", True),
]


@pytest.mark.parametrize(("text", "wanted"), TEXTS)
def test_labels(text: str, wanted: bool) -> None:
    test = selectors.labels(text)
    assert test is not None
    assert test({"metadata": {"labels": MARKS}}) is wanted


@pytest.mark.parametrize(("selector", "wanted"), SELECTORS)
def test_text(selector: dict[str, Any], wanted: str) -> None:
    assert selectors.text(selector) == wanted


@pytest.mark.parametrize(("text", "wanted"), FIELDS)
def test_fields_of_a_pod(text: str, wanted: bool) -> None:
    pod = {"metadata": {"name": "p"}, "spec": {"nodeName": "n1"}, "status": {"phase": "Running"}}
    test = selectors.fields(text, kinds.PODS)
    assert test is not None
    assert test(pod) is wanted


def test_no_selector_is_no_test() -> None:
    assert selectors.labels(" ") is None
    assert selectors.fields("", kinds.PODS) is None

"""Reading fields as Go's types do."""

from typing import Any

import pytest

from libs.common.interpreter import typed
from libs.common.interpreter.typed import InterpretError

POINT = typed.struct({"ip": typed.text, "port": typed.integer}, always={"port": 0}, kept=("ip",))


@pytest.mark.parametrize(
    ("form", "value", "canonical"),
    [
        (typed.integer, 3.0, 3),
        (typed.time, "2026-01-01T02:00:00.75+02:00", "2026-01-01T00:00:00Z"),
        (POINT, {"ip": "", "other": 1}, {"ip": "", "port": 0}),
        (POINT, {"port": None}, {"port": 0}),
        (typed.each(POINT), [None, {"port": 1}], [{"port": 0}, {"port": 1}]),
        (typed.mapping(typed.integer), {"a": 1, "b": None}, {"a": 1}),
    ],
)
def test_canonical_form(form: typed.Form, value: Any, canonical: Any) -> None:
    assert form(value, "x") == canonical


@pytest.mark.parametrize(
    ("form", "value"),
    [
        (typed.integer, "3"),
        (typed.integer, True),
        (typed.integer, 3.5),
        (typed.json_integer, 3.0),
        (typed.text, 3),
        (typed.boolean, "true"),
        (typed.time, "yesterday"),
        (typed.time, "2026-01-01T00:00:00"),
        (POINT, []),
        (typed.each(typed.text), {}),
        (typed.mapping(typed.text), []),
    ],
)
def test_another_type_is_an_error_that_names_the_field(form: typed.Form, value: Any) -> None:
    with pytest.raises(InterpretError, match=r"spec\.x"):
        form(value, "spec.x")


def test_a_null_counts_as_absent_for_types_and_as_wrong_for_raw_fields() -> None:
    obj = {"spec": {"replicas": None}}
    assert typed.at(obj, "spec", "replicas", form=typed.integer) is None
    with pytest.raises(InterpretError):
        typed.raw(obj, "spec", "replicas", form=typed.json_integer)
    assert typed.raw({"spec": None}, "spec", "replicas", form=typed.json_integer) is None


def test_copies_share_what_they_do_not_change() -> None:
    obj = {"metadata": {"labels": {"a": "b"}}, "spec": {"x": 1}}
    changed = typed.replaced(obj, 2, "spec", "y")
    assert changed == {"metadata": {"labels": {"a": "b"}}, "spec": {"x": 1, "y": 2}}
    assert changed["metadata"] is obj["metadata"]
    assert typed.without(obj, "spec", "x") == {"metadata": {"labels": {"a": "b"}}, "spec": {}}
    assert typed.without(obj, "spec", "absent", "x") is obj

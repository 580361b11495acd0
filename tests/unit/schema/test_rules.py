"""CEL rules as Kubernetes writes them."""

from typing import Any

import pytest

from libs.sandbox.schema import celtext, expressions
from libs.sandbox.schema.structural import Structural


def ruled(type_: str, **rule: Any) -> Structural:
    value = {"type": type_, "x-kubernetes-validations": [rule]}
    if type_ == "object":
        value["x-kubernetes-preserve-unknown-fields"] = True
    return Structural({"type": "object", "properties": {"value": value}})


def told(structural: Structural, value: Any, *old: Any) -> list[str]:
    before = {"value": old[0]} if old else None
    return [f"{cause.field}: {cause.message}" for cause in structural.validate({"value": value}, before)]


@pytest.mark.parametrize(
    ("kubernetes", "plain"),
    [
        ("self.__namespace__ == 'a'", "self.namespace == 'a'"),
        ("self.a__dash__b == 'x.__in__'", "self[\"a-b\"] == 'x.__in__'"),
        ("has(self.a__dot__b)", '("a.b" in self)'),
        ("self.?a.orValue('')", "optionalField(self, \"a\").orValue('')"),
        ("x && f(self.b).?c.?d.hasValue()", 'x && optionalField(optionalField(f(self.b), "c"), "d").hasValue()'),
        ("self.a == '.?'", "self.a == '.?'"),
    ],
)
def test_kubernetes_dialect(kubernetes: str, plain: str) -> None:
    assert celtext.translated(kubernetes) == plain


@pytest.mark.parametrize(
    "expression",
    [
        "quantity('1Gi').isGreaterThan(quantity('1Mi'))",
        "quantity('500m').compareTo(quantity('0.5')) == 0",
        "isQuantity('1Gi') && !isQuantity('lots')",
        "url('https://a.io:1/b?c=d').getHost() == 'a.io:1'",
        "!isURL('nowhere')",
        "isIP('10.0.0.1') && cidr('10.0.0.0/8').containsIP('10.1.2.3')",
        "[1, 2, 2].isSorted() && [1, 2].indexOf(2) == 1 && 'abc'.find('b.') == 'bc'",
        "'%s-%d'.format(['a', 3]) == 'a-3'",
        "{'a': {'b': 1}}.?a.?b.orValue(0) == 1 && {'a': 1}.?z.orValue(7) == 7",
        "'a,b'.split(',').size() == 2 && 'A'.lowerAscii() == 'a'",
    ],
)
def test_functions_that_kubernetes_adds(expression: str) -> None:
    assert expressions.compiled(expression).value({}) is True


def test_a_value_stands_in_the_message_of_a_scalar() -> None:
    assert told(ruled("string", rule="self == 'a'", message="must be a"), "b") == [
        'value: Invalid value: "b": must be a'
    ]


def test_an_object_does_not() -> None:
    structural = ruled("object", rule="has(self.a)", message="needs a")
    assert told(structural, {"b": 1}) == ["value: Invalid value: needs a"]


def test_without_a_message_the_rule_is_told() -> None:
    assert told(ruled("integer", rule="self > 1"), 1) == ["value: Invalid value: 1: failed rule: self > 1"]


def test_a_message_may_be_computed() -> None:
    structural = ruled("integer", rule="self > 1", message="m", messageExpression="string(self) + ' is small'")
    assert told(structural, 1) == ["value: Invalid value: 1: 1 is small"]


def test_another_place_and_reason() -> None:
    structural = ruled("object", rule="false", message="no", fieldPath=".a", reason="FieldValueForbidden")
    assert told(structural, {"a": 1}) == ["value.a: Forbidden: no"]


def test_transition_rules_wait_for_a_change() -> None:
    structural = ruled("string", rule="self == oldSelf", message="is fixed")
    assert told(structural, "a") == []
    assert told(structural, "b", "a") == ['value: Invalid value: "b": is fixed']
    assert told(structural, "a", "a") == []


def test_an_optional_old_value() -> None:
    structural = ruled("string", rule="oldSelf.hasValue() || self == 'new'", message="m", optionalOldSelf=True)
    assert told(structural, "new") == []
    assert told(structural, "x") == ['value: Invalid value: "x": m']
    assert told(structural, "x", "y") == []


def test_a_rule_that_has_no_value_refuses() -> None:
    assert told(ruled("object", rule="self.a == 1", message="m"), {}) == [
        "value: Invalid value: no such key: a evaluating rule: m"
    ]


def test_a_rule_that_is_not_cel() -> None:
    with pytest.raises(ValueError, match="Failed to parse"):
        ruled("string", rule="self ==")


@pytest.mark.parametrize(
    "rule",
    ["self.conjured() == 'x'", "[self].all(i, item, i > 0)", "cel.bind(x, self, x == 'b')"],
)
def test_a_rule_that_needs_what_is_not_there_is_skipped_and_named(rule: str) -> None:
    structural = ruled("string", rule=rule)
    assert structural.skipped_rules == (rule,)
    assert told(structural, "a") == []


def test_items_of_a_map_list_keep_their_old_values() -> None:
    items = {
        "type": "object",
        "required": ["name"],
        "properties": {"name": {"type": "string"}, "size": {"type": "integer"}},
        "x-kubernetes-validations": [{"rule": "self.size >= oldSelf.size", "message": "may only grow"}],
    }
    listed = {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"], "items": items}
    structural = Structural({"type": "object", "properties": {"value": listed}})
    old = [{"name": "a", "size": 1}, {"name": "b", "size": 5}]
    new = [{"name": "c", "size": 0}, {"name": "b", "size": 4}, {"name": "a", "size": 2}]
    assert told(structural, new, old) == ["value[1]: Invalid value: may only grow"]


def test_rules_wait_until_the_types_are_right() -> None:
    schema = {"type": "string", "enum": ["a"], "x-kubernetes-validations": [{"rule": "self == 'b'"}]}
    structural = Structural({"type": "object", "properties": {"value": schema}})
    enum, unchecked = told(structural, "c")
    assert enum == 'value: Unsupported value: "c": supported values: "a"'
    assert unchecked.startswith("<nil>: Invalid value: null: some validation rules were not checked")

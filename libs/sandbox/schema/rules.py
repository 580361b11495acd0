"""`x-kubernetes-validations`: the CEL rules of a structural schema, found once and run on every write.

Reference: k8s.io/apiextensions-apiserver pkg/apiserver/schema/cel. Left out: cost limits, and functions that
`celfunctions` lacks; a rule that needs one is skipped and named in `Rules.skipped`.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from libs.common.kube.errors import Cause
from libs.sandbox.schema import expressions, faults
from libs.sandbox.schema.engine import cel

NOTHING: Final = object()
"""Stands for an old value that is not there."""


class Rule:
    """One rule. Raises ValueError if it, or its messageExpression, is not CEL."""

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self.raw = raw
        self.expression = expressions.compiled(raw["rule"])
        told = raw.get("messageExpression")
        self._message = expressions.compiled(told) if told else None
        self._is_transition = "oldSelf" in self.expression.variables
        self._takes_absent_old = bool(raw.get("optionalOldSelf"))

    def check(self, value: Any, old: Any, path: str) -> Cause | None:
        """What is wrong with the value, or with the change from `old`."""
        variables = {"self": value}
        if self._is_transition:
            if self._takes_absent_old:
                variables["oldSelf"] = cel.OptionalValue.none() if old is NOTHING else cel.OptionalValue.of(old)
            elif old is NOTHING:
                return None
            else:
                variables["oldSelf"] = old
        at = (path + self.raw.get("fieldPath", "")).removeprefix(".") or "<nil>"
        try:
            holds = self.expression.value(variables)
        except expressions.EvaluationError as error:
            return faults.invalid(at, faults.NO_VALUE, f"{error} evaluating rule: {self._named()}")
        if holds is True:
            return None
        return faults.of_rule(self.raw.get("reason", ""), at, value, self._told(variables))

    def _named(self) -> str:
        return str(self.raw.get("message") or self.raw["rule"]).strip()

    def _told(self, variables: Mapping[str, Any]) -> str:
        if self._message is not None:
            try:
                text = self._message.value(variables)
            except expressions.EvaluationError:
                text = None
            if isinstance(text, str) and text.strip() and "\n" not in text:
                return text
        return str(self.raw.get("message") or f"failed rule: {self.raw['rule']}").strip()


class Rules:
    """The rules at one place of a schema and below it.

    Raises:
        ValueError: one of them is not CEL.
    """

    def __init__(self, raw: Mapping[str, Any]) -> None:
        found = [Rule(rule) for rule in raw.get("x-kubernetes-validations", ())]
        self.here = tuple(rule for rule in found if not rule.expression.missing)
        self._skipped = [rule.raw["rule"] for rule in found if rule.expression.missing]
        below = {name: Rules(part) for name, part in raw.get("properties", {}).items()}
        self.fields = {name: rules for name, rules in below.items() if rules}
        self.items = _nonempty(raw.get("items"))
        self.values = _nonempty(raw.get("additionalProperties"))
        self._keys: tuple[str, ...] = tuple(raw.get("x-kubernetes-list-map-keys", ()))

    def __bool__(self) -> bool:
        return bool(self.here or self.fields or self.items or self.values or self._skipped)

    def skipped(self) -> Iterator[str]:
        """Rules that need functions which are not there."""
        yield from self._skipped
        for part in (*self.fields.values(), self.items, self.values):
            if part is not None:
                yield from part.skipped()

    def check(self, value: Any, old: Any, path: str) -> Iterator[Cause]:
        """What the rules say against a value that has the right types. What did not change is not looked at again."""
        if value is None or (old is not NOTHING and old == value):
            return
        for rule in self.here:
            if cause := rule.check(value, old, path):
                yield cause
        if type(value) is dict:
            yield from self._check_object(value, old if type(old) is dict else {}, path)
        elif type(value) is list and self.items is not None:
            before = self._by_key(old)
            for index, item in enumerate(value):
                yield from self.items.check(item, before.get(self._key(item), NOTHING), f"{path}[{index}]")

    def _check_object(self, value: Mapping[str, Any], old: Mapping[str, Any], path: str) -> Iterator[Cause]:
        for name, rules in self.fields.items():
            if name in value:
                at = f"{path}.{name}" if path else name
                yield from rules.check(value[name], old.get(name, NOTHING), at)
        if self.values is not None:
            for name, item in value.items():
                yield from self.values.check(item, old.get(name, NOTHING), f"{path}[{name}]")

    def _by_key(self, old: Any) -> Mapping[Any, Any]:
        if not self._keys or type(old) is not list:
            return {}
        return {self._key(item): item for item in old}

    def _key(self, item: Any) -> Any:
        return tuple(item.get(key) for key in self._keys) if type(item) is dict else None


def _nonempty(raw: Any) -> Rules | None:
    if not isinstance(raw, Mapping):
        return None
    rules = Rules(raw)
    return rules if rules else None

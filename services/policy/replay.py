"""Recorded overrides, made anew: `python -m services.policy.replay [--check] FILE` (see `libs.common.replay`).

A case has an `object` and `overriders`; the answer is the `object` after them, or the `error`.
"""

import json
from typing import Any

import msgspec
import yaml

from libs.common import replay
from libs.common.api.meta import Template
from libs.common.api.override import Overriders
from services.policy.core import overriders


class Case(msgspec.Struct, frozen=True, kw_only=True):
    object: Template
    overriders: Overriders
    id: str = ""
    want: dict[str, Any] = {}


class Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    object: Template | None = None
    error: str | None = None


def answer(case: Case) -> Answer:
    try:
        return Answer(object=overriders.apply(case.object, case.overriders))
    except overriders.MisfitError as error:
        return Answer(error=str(error))


def difference(case: Case, given: Answer) -> str:
    """How an answer differs from the recorded one; empty if it does not. Texts of errors are free."""
    if "error" in case.want:
        return "" if given.error is not None else f"no error, wanted {case.want['error']!r}"
    if given.error is not None:
        return f"failed with {given.error!r}"
    agree = comparable(given.object) == comparable(case.want.get("object"))
    return "" if agree else f"made {_text(given.object)}, wanted {_text(case.want.get('object'))}"


def _text(value: Any) -> str:
    return msgspec.json.encode(value, order="deterministic").decode()


def comparable(value: Any) -> Any:
    """Null, empty and absent are the same; text that holds a document is equal if it parses equal."""
    if isinstance(value, dict):
        return {k: c for k, v in value.items() if (c := comparable(v)) not in (None, {}, [])}
    if isinstance(value, list):
        return [comparable(v) for v in value]
    return _document(value) if isinstance(value, str) else value


def _document(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        pass  # perhaps it is YAML
    try:
        parsed = yaml.safe_load(text)
    except yaml.YAMLError:
        return text
    return parsed if isinstance(parsed, dict | list) else text


if __name__ == "__main__":
    replay.main(Case, answer, difference)

"""What Kubernetes itself makes of random objects, and what the embedded API servers make of them.

The answers in `tests/data/api-server-*.jsonl.gz` were given by the code of kube-apiserver 1.36: pruning, defaults and
validation of k8s.io/apiextensions-apiserver for custom kinds (whose schemas stand in the first line), decoding,
defaults and strategies of k8s.io/kubernetes for built-in ones.
"""

import gzip
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from libs.common.kube.errors import Cause
from libs.sandbox import kinds
from libs.sandbox.schema import builtin
from libs.sandbox.schema.structural import Structural

_DATA = Path(__file__).parents[1] / "data"
_OTHERS_WRITE = ("metadata.resourceVersion", "metadata.uid")
"""Fields that are set and checked elsewhere than in schemas."""


def _lines(name: str) -> Iterator[Any]:
    for line in gzip.decompress((_DATA / f"api-server-{name}.jsonl.gz").read_bytes()).splitlines():
        yield msgspec.json.decode(line)


def _told(causes: Sequence[Cause]) -> list[str]:
    return sorted(f"{cause.field}|{cause.message}" for cause in causes if cause.field not in _OTHERS_WRITE)


def _without_metadata(obj: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in obj.items() if name != "metadata"}


def _without_nothing(value: Any) -> Any:
    """The value without what Go leaves out or writes as zero: whether it does is of no meaning."""
    if isinstance(value, list):
        return [_without_nothing(item) for item in value]
    if isinstance(value, dict):
        made = {name: _without_nothing(item) for name, item in value.items()}
        return {name: item for name, item in made.items() if item or isinstance(item, float)}
    return value


def _without_second_names(obj: dict[str, Any]) -> dict[str, Any]:
    """The object without what kube-apiserver adds only when it answers."""
    for claim in obj.get("spec", {}).get("volumeClaimTemplates", ()):
        for name in ("apiVersion", "kind", "status", "spec"):
            claim.pop(name, None)
    pod = obj.get("spec", {}).get("jobTemplate", obj).get("spec", {}).get("template", {}).get("spec", {})
    pod.pop("serviceAccount", None)
    return obj


def test_custom_objects() -> None:
    lines = _lines("custom")
    schemas = {kind: Structural(schema) for kind, schema in next(lines)["schemas"].items()}
    for case in lines:
        schema = schemas[case["kind"]]
        made = schema.default(schema.prune(case["given"]))
        old = schema.default(schema.prune(case["old"])) if "old" in case else None
        assert _without_metadata(made) == _without_metadata(case["made"]), case
        assert _told(schema.validate(made, old)) == case["refusals"], case


def test_built_in_objects() -> None:
    of_kind = {resource.kind: resource for resource in kinds.BUILT_IN}
    for case in _lines("builtin"):
        resource = of_kind[case["given"]["kind"]]
        malformed = builtin.of(resource).malformed(case["given"])
        if "malformed" in case:
            assert malformed.partition(": ")[2] == case["malformed"], case
            continue
        assert not malformed, case
        made = builtin.of(resource).default(case["given"])
        old = builtin.of(resource).default(case["old"]) if "old" in case else None
        assert _told(builtin.of(resource).validate(made, old)) == case["refusals"], case
        expected = _without_second_names(_without_nothing(case["made"]))
        assert _without_second_names(_without_nothing(made)) == expected, case

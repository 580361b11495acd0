"""Packs the OpenAPI documents of a Kubernetes release for the embedded API servers.

    go mod download -json k8s.io/kubernetes@v1.36.0        # names the directory
    python -m libs.sandbox.data.pack DIRECTORY/api/openapi-spec/v3

`types.json.gz` has what decoding, defaulting and merging need, `descriptions.json.gz` what people read (`kubectl
explain`): most processes never open the second. Both are derived from k8s.io/kubernetes (Apache License 2.0, copyright
The Kubernetes Authors).
"""

import gzip
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

_HERE: Final = Path(__file__).parent
_REFERENCE: Final = "#/components/schemas/"
_ZERO: Final[tuple[Any, ...]] = ("", 0, False, {}, [], None)
_SHARED: Final = ("DeleteOptions", "WatchEvent")
"""Kinds that belong to every group version."""


def main(documents: Path) -> None:
    """Reads all `*_openapi.json` files in a directory and writes the two packs beside this module."""
    schemas: dict[str, dict[str, Any]] = {}
    for path in sorted(documents.glob("*_openapi.json")):
        schemas |= msgspec.json.decode(path.read_bytes()).get("components", {}).get("schemas", {})
    _write("types", {name: _type(schema) for name, schema in sorted(schemas.items())})
    _write("descriptions", {name: dict(_descriptions(schema)) for name, schema in sorted(schemas.items())})


def _type(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema without prose, and without defaults that only repeat the zero value of their Go type."""
    packed: dict[str, Any] = {}
    for key, value in schema.items():
        match key:
            case "description":
                continue
            case "default" if value in _ZERO:
                continue
            case "allOf":
                packed["$ref"] = value[0]["$ref"].removeprefix(_REFERENCE)
            case "$ref":
                packed["$ref"] = value.removeprefix(_REFERENCE)
            case "properties":
                packed[key] = {name: _type(part) for name, part in value.items()}
            case "items" | "additionalProperties" if isinstance(value, dict):
                packed[key] = _type(value)
            case "x-kubernetes-group-version-kind" if value[0]["kind"] in _SHARED:
                continue
            case _:
                packed[key] = value
    return packed


def _descriptions(schema: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Property name to description; the schema's own goes by the empty name."""
    for name, part in {"": schema, **schema.get("properties", {})}.items():
        if "description" in part:
            yield name, part["description"]


def _write(name: str, content: Mapping[str, Any]) -> None:
    packed = gzip.compress(msgspec.json.encode(content), compresslevel=9, mtime=0)
    (_HERE / f"{name}.json.gz").write_bytes(packed)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""JSON and YAML documents that stand as text in a field of an object: patched, and written as Karmada writes them."""

import json
import math
import re
from collections.abc import Sequence
from typing import Any

import yaml

from services.policy.core import jsonpatch
from services.policy.core.jsonpatch import Operation, PatchError


class DocumentError(ValueError):
    """The text is no document that can be patched."""


def patch_json(text: str, operations: Sequence[Operation]) -> str:
    """The JSON text after the operations, compact, in the order it had. An empty text stays empty.

    Raises DocumentError, PatchError.
    """
    if text == "":
        return text
    try:
        document = json.loads(text, parse_float=_Number, parse_int=_Number, parse_constant=_no_constant)
    except ValueError as error:
        raise DocumentError(f"no JSON: {error}") from error
    if isinstance(document, list) and not text.startswith("["):
        raise DocumentError("a JSON list must begin with its first character")
    return _compact(_patched(document, operations))


def patch_yaml(text: str, operations: Sequence[Operation]) -> str:
    """The first YAML document of the text after the operations, in block style with sorted keys.

    Raises DocumentError, PatchError.
    """
    try:
        document = _plain(next(iter(yaml.load_all(text, Loader=_Loader)), None))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise DocumentError(f"no YAML: {error}") from error
    document = _sorted(_plain(_patched(document, operations)))
    return yaml.dump(document, Dumper=_Dumper, default_flow_style=False, sort_keys=False, allow_unicode=True, width=80)


def _patched(document: Any, operations: Sequence[Operation]) -> Any:
    operations = list(operations)
    while document is None and operations and operations[0].path == "":
        document = jsonpatch.apply(document, [operations.pop(0)])
    if not isinstance(document, dict | list):
        raise DocumentError("the document is neither an object nor a list")
    return jsonpatch.apply(document, operations)


# ---- JSON: numbers stay as they were written ----

_HTML = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
_HTML_CHARACTERS = re.compile("[<>&\u2028\u2029]")


class _Number(str):
    """A number as it stands in the text."""


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is no JSON number")


def _compact(value: Any) -> str:
    if isinstance(value, _Number):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{_compact(str(k))}:{_compact(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_compact, value)) + "]"
    return _HTML_CHARACTERS.sub(lambda m: _HTML[m[0]], json.dumps(_plain(value), ensure_ascii=False))


# ---- YAML 1.1 as go-yaml reads it ----


class _Loader(yaml.SafeLoader):
    """Booleans `y` and `n` too, numbers as in Go, dates as text."""


class _Dumper(yaml.SafeDumper):
    """Quotes what `_Loader` would not read back as text."""


_BOOL, _INT, _FLOAT = (f"tag:yaml.org,2002:{name}" for name in ("bool", "int", "float"))
_BOOLEANS = re.compile(r"(?:y|Y|yes|Yes|YES|n|N|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)")
_INTEGERS = re.compile(r"[-+]?(?:0b[01_]+|0o[0-7_]+|0x[0-9a-fA-F_]+|[0-9][0-9_]*)")
_FLOATS = re.compile(
    r"[-+]?(?:\.[0-9]+|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)
_KEEP = ("tag:yaml.org,2002:null", "tag:yaml.org,2002:merge")


def _read_bool(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> bool:
    return loader.construct_scalar(node).lower() in ("y", "yes", "true", "on")


def _read_int(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> int | float:
    text = loader.construct_scalar(node).replace("_", "")
    sign, digits = (-1, text[1:]) if text.startswith("-") else (1, text.removeprefix("+"))
    if digits[:1] == "0" and digits[1:].isdigit():
        # octal in YAML 1.1; what has an 8 or 9 in it is a number all the same
        return sign * int(digits, 8) if not set(digits) & set("89") else sign * float(digits)
    return sign * int(digits, 0)


def _read_float(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> float:
    text = loader.construct_scalar(node).replace("_", "").lower()
    if text.lstrip("+-") in (".inf", ".nan"):
        raise DocumentError(f"{text} has no place in JSON")
    return float(text)


def _teach(kind: Any) -> None:
    kind.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in known if tag in _KEEP]
        for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    kind.add_implicit_resolver(_BOOL, re.compile(f"^{_BOOLEANS.pattern}$"), list("yYnNtTfFoO"))
    kind.add_implicit_resolver(_INT, re.compile(f"^{_INTEGERS.pattern}$"), list("-+0123456789"))
    kind.add_implicit_resolver(_FLOAT, re.compile(f"^(?:{_FLOATS.pattern})$"), list("-+.0123456789"))


_teach(_Loader)
_teach(_Dumper)
_Loader.add_constructor(_BOOL, _read_bool)
_Loader.add_constructor(_INT, _read_int)
_Loader.add_constructor(_FLOAT, _read_float)


def _plain(value: Any) -> Any:
    """As JSON would carry it: keys are text, whole floats are integers, integers beyond 64 bits are floats."""
    if isinstance(value, dict):
        return {_key(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_plain(v) for v in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e18:
        return int(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise DocumentError(f"{value} has no place in JSON")
    if isinstance(value, int) and not isinstance(value, bool) and not -(2**63) <= value < 2**64:
        return float(value)
    return value


def _key(key: Any) -> str:
    if isinstance(key, bool):
        return "true" if key else "false"
    if isinstance(key, float):
        return str(int(key)) if key.is_integer() else repr(key)
    if key is None:
        return "null"
    if isinstance(key, str | int):
        return str(key)
    raise DocumentError(f"{key!r} cannot be a key in JSON")


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _sorted(value[k]) for k in sorted(value, key=_natural)}
    return [_sorted(v) for v in value] if isinstance(value, list) else value


def _natural(key: str) -> list[tuple[int, int, str]]:
    """Runs of digits compare as numbers."""
    return [(1, int(p), "") if p.isdigit() else (0, 0, p) for p in re.split(r"([0-9]+)", key) if p]


__all__ = ["DocumentError", "PatchError", "patch_json", "patch_yaml"]

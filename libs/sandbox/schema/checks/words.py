"""Syntaxes and phrases that many checks share (k8s.io/apimachinery pkg/util/validation)."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, TypeAlias

from libs.common.kube.errors import Cause
from libs.sandbox.schema import faults

Object: TypeAlias = Mapping[str, Any]

IMMUTABLE: Final = "field is immutable"
NOT_NEGATIVE: Final = "must be greater than or equal to 0"
PORT_RANGE: Final = "must be between 1 and 65535, inclusive"
PROTOCOLS: Final = ("SCTP", "TCP", "UDP")

_LABEL: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_LABEL_1035: Final = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_PORT_NAME: Final = re.compile(r"[-a-z0-9]+")
_CONFIG_KEY: Final = re.compile(r"[-._a-zA-Z0-9]+")
_LABEL_TEXT: Final = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
    "an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
_LABEL_1035_TEXT: Final = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, "
    "and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is "
    "'[a-z]([-a-z0-9]*[a-z0-9])?')"
)
_SUBDOMAIN_TEXT: Final = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    r"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
_CONFIG_KEY_TEXT: Final = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or "
    "'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
)


def label(text: str) -> str:
    """What keeps a text from being an RFC 1123 label; empty if nothing does."""
    if len(text) > 63:
        return "must be no more than 63 bytes"
    return "" if _LABEL.fullmatch(text) else _LABEL_TEXT


def label_1035(text: str) -> str:
    """What keeps a text from being an RFC 1035 label; empty if nothing does."""
    if len(text) > 63:
        return "must be no more than 63 bytes"
    return "" if _LABEL_1035.fullmatch(text) else _LABEL_1035_TEXT


def subdomain(text: str) -> str:
    """What keeps a text from being an RFC 1123 subdomain; empty if nothing does."""
    if len(text) > 253:
        return "must be no more than 253 bytes"
    return "" if _SUBDOMAIN.fullmatch(text) else _SUBDOMAIN_TEXT


def port_name(text: str) -> str:
    """What keeps a text from being the name of a port; empty if nothing does."""
    if len(text) > 15:
        return "must be no more than 15 characters"
    if "--" in text:
        return "must not contain consecutive hyphens"
    if not _PORT_NAME.fullmatch(text):
        return "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)"
    return "" if any(symbol.isalpha() for symbol in text) else "must contain at least one letter (a-z)"


def config_key(text: str) -> str:
    """What keeps a text from being a key of a ConfigMap or Secret; empty if nothing does."""
    if len(text) > 253:
        return "must be no more than 253 characters"
    if text in (".", ".."):
        return f"must not be '{text}'"
    return "" if _CONFIG_KEY.fullmatch(text) else _CONFIG_KEY_TEXT


def not_negative(obj: Object, names: Iterable[str], path: str) -> Iterator[Cause]:
    """Numbers that are below zero."""
    for name in names:
        value = obj.get(name)
        if isinstance(value, int) and value < 0:
            yield faults.invalid(f"{path}.{name}", value, NOT_NEGATIVE)


def unchanged(new: Object, old: Object, names: Iterable[str], path: str) -> Iterator[Cause]:
    """Fields that must stay as they are, and did not."""
    for name in names:
        if new.get(name) != old.get(name):
            yield faults.invalid(f"{path}.{name}" if path else name, new.get(name), IMMUTABLE)


def one_of(value: Any, supported: Iterable[str], path: str) -> Iterator[Cause]:
    """A value that is none of those that there are. Absent values pass."""
    if value is not None and value not in (listed := tuple(supported)):
        yield faults.unsupported(path, value, listed)


def port(value: Any, path: str) -> Iterator[Cause]:
    """A number that is no port."""
    if not isinstance(value, int) or not 0 < value < 65536:
        yield faults.invalid(path, value, PORT_RANGE)


def port_or_name(value: Any, path: str) -> Iterator[Cause]:
    """What is neither a port nor the name of one."""
    if isinstance(value, str):
        if why := port_name(value):
            yield faults.invalid(path, value, why)
    else:
        yield from port(value or 0, path)


def selected(selector: Object, labels: Mapping[str, str]) -> bool:
    """Whether a label selector matches."""
    for key, value in (selector.get("matchLabels") or {}).items():
        if labels.get(key) != value:
            return False
    return all(_meets(expression, labels) for expression in selector.get("matchExpressions") or ())


def _meets(expression: Object, labels: Mapping[str, str]) -> bool:
    key, values = expression.get("key", ""), expression.get("values") or ()
    match expression.get("operator"):
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
    return key not in labels


def selector(selector: Object, path: str) -> Iterator[Cause]:
    """What is wrong with a label selector."""
    for index, expression in enumerate(selector.get("matchExpressions") or ()):
        at = f"{path}.matchExpressions[{index}]"
        operator, values = expression.get("operator"), expression.get("values")
        if operator in ("In", "NotIn") and not values:
            yield faults.required(f"{at}.values", "must be specified when `operator` is 'In' or 'NotIn'")
        elif operator in ("Exists", "DoesNotExist") and values:
            yield faults.forbidden(f"{at}.values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")
        elif operator not in ("In", "NotIn", "Exists", "DoesNotExist"):
            yield faults.invalid(f"{at}.operator", operator, "not a valid selector operator")

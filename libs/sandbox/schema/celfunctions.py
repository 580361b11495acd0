"""The functions that Kubernetes adds to CEL, as far as rules in the field use them.

Reference: k8s.io/apiserver pkg/cel/library. Quantities, URLs and addresses are carried as their texts.
"""

import ipaddress
import itertools
import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib import parse

from libs.common.api import quantities
from libs.sandbox.schema import quantities as forms
from libs.sandbox.schema.engine import cel, stdlib

Function = Callable[..., Any]


def _optional_field(value: Any, name: str) -> cel.OptionalValue:
    if isinstance(value, cel.OptionalValue):
        if not value.has_value():
            return value
        value = value.value()
    return cel.OptionalValue.of(value[name]) if name in value else cel.OptionalValue.none()


def _is_sorted(items: list[Any]) -> bool:
    return all(first <= second for first, second in itertools.pairwise(items))


def _index_of(value: Any, item: Any, offset: int = 0) -> int:
    if isinstance(value, str):
        return value.find(item, offset)
    return value.index(item) if item in value else -1


def _last_index_of(value: Any, item: Any) -> int:
    if isinstance(value, str):
        return value.rfind(item)
    return len(value) - 1 - value[::-1].index(item) if item in value else -1


def _find(text: str, pattern: str) -> str:
    match = re.search(pattern, text)
    return match.group() if match else ""


def _find_all(text: str, pattern: str, limit: int = -1) -> list[str]:
    found = [match.group() for match in re.finditer(pattern, text)]
    return found if limit < 0 else found[:limit]


def _format(template: str, values: list[Any]) -> str:
    rest = iter(values)
    return re.sub(r"%(?:\.\d+)?[sdfexXob]", lambda match: _formatted(match.group(), next(rest)), template)


def _formatted(verb: str, value: Any) -> str:
    if verb == "%s":
        return str(value).lower() if isinstance(value, bool) else str(value)
    return format(value, verb[1:])


def _is_quantity(text: Any) -> bool:
    try:
        quantities.nanos(text)
    except ValueError:
        return False
    return True


def _compare(first: str, second: str) -> int:
    difference = quantities.nanos(first) - quantities.nanos(second)
    return (difference > 0) - (difference < 0)


def _added(first: str, second: str | int) -> str:
    return forms.canonical(_nano_text(quantities.nanos(first) + quantities.nanos(second)))


def _subtracted(first: str, second: str | int) -> str:
    return forms.canonical(_nano_text(quantities.nanos(first) - quantities.nanos(second)))


def _nano_text(nanos: int) -> str:
    return f"{nanos}n"


def _is_url(text: str) -> bool:
    try:
        url = parse.urlsplit(text)
    except ValueError:
        return False
    return text.startswith("/") or bool(url.scheme and (url.netloc or url.path))


def _url(text: str) -> str:
    if not _is_url(text):
        raise ValueError(f"URL parse error during conversion from string: {text}")
    return text


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_cidr(text: str) -> bool:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return "/" in text


def _contains_ip(network: str, address: str) -> bool:
    return ipaddress.ip_address(address) in ipaddress.ip_network(network, strict=False)


def _family(address: str) -> int:
    return ipaddress.ip_address(address).version


FUNCTIONS: Final[Mapping[str, Function]] = {
    "optionalField": _optional_field,
    "isSorted": _is_sorted,
    "indexOf": _index_of,
    "lastIndexOf": _last_index_of,
    "find": _find,
    "findAll": _find_all,
    "format": _format,
    "quantity": lambda text: forms.canonical(text),
    "isQuantity": _is_quantity,
    "compareTo": _compare,
    "isGreaterThan": lambda first, second: _compare(first, second) > 0,
    "isLessThan": lambda first, second: _compare(first, second) < 0,
    "add": _added,
    "sub": _subtracted,
    "sign": lambda text: _compare(text, "0"),
    "asInteger": lambda text: quantities.units(quantities.nanos(text)),
    "isInteger": lambda text: quantities.nanos(text) % quantities.NANOS == 0,
    "asApproximateFloat": lambda text: quantities.nanos(text) / quantities.NANOS,
    "url": _url,
    "isURL": _is_url,
    "getScheme": lambda text: parse.urlsplit(text).scheme,
    "getHost": lambda text: parse.urlsplit(text).netloc.rpartition("@")[2],
    "getHostname": lambda text: parse.urlsplit(text).hostname or "",
    "getPort": lambda text: str(parse.urlsplit(text).port or ""),
    "getEscapedPath": lambda text: parse.urlsplit(text).path,
    "getQuery": lambda text: parse.parse_qs(parse.urlsplit(text).query, keep_blank_values=True),
    "ip": lambda text: str(ipaddress.ip_address(text)),
    "isIP": _is_ip,
    "family": _family,
    "cidr": lambda text: str(ipaddress.ip_network(text, strict=False)),
    "isCIDR": _is_cidr,
    "containsIP": _contains_ip,
}
NATIVE: Final = frozenset(
    """
    bool bytes contains double duration dyn endsWith hasValue int matches none of ofNonZeroValue or orValue size
    startsWith string timestamp type uint value getDate getDayOfMonth getDayOfWeek getDayOfYear getFullYear getHours
    getMilliseconds getMinutes getMonth getSeconds
    """.split()  # noqa: SIM905 - a table reads better than a column of thirty lines
)
"""Functions of the `cel` package itself. Macros are not among them: one that is still a call was not understood, as
`all` over two variables."""


def context() -> cel.Context:
    """A new context that has all functions."""
    made = cel.Context()
    stdlib.add_stdlib_to_context(made)
    for name, function in FUNCTIONS.items():
        made.add_function(name, function)
    return made

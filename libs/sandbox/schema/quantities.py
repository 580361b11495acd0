"""Quantities in the one form that an API server writes (k8s.io/apimachinery pkg/api/resource)."""

from decimal import Decimal
from functools import lru_cache
from typing import Final

from libs.common.api import quantities

_DECIMAL: Final = ("n", "u", "m", "", "k", "M", "G", "T", "P", "E")
_BINARY: Final = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")


@lru_cache(maxsize=8192)
def canonical(text: str | int | float) -> str:
    """The quantity with the largest suffix that leaves no fraction: `1000m` is `1`, `1024Mi` is `1Gi`, `0.5` is `500m`.

    Raises:
        ValueError: it is no quantity.
    """
    written = str(text) if not isinstance(text, float) else format(Decimal(repr(text)), "f")
    nanos = quantities.nanos(written)
    if nanos == 0:
        return "0"
    sign = "-" if nanos < 0 else ""
    if written.endswith("i") and abs(nanos) >= 1024 * quantities.NANOS and nanos % quantities.NANOS == 0:
        return sign + _binary(abs(nanos) // quantities.NANOS)
    if "e" in written.lower() and not written.endswith("E"):
        return sign + _decimal(abs(nanos), exponents=True)
    return sign + _decimal(abs(nanos))


def _binary(units: int) -> str:
    index = 0
    while units % 1024 == 0 and index < len(_BINARY) - 1:
        units //= 1024
        index += 1
    return f"{units}{_BINARY[index]}"


def _decimal(nanos: int, *, exponents: bool = False) -> str:
    index = 0
    while nanos % 1000 == 0 and index < len(_DECIMAL) - 1:
        nanos //= 1000
        index += 1
    if not exponents:
        return f"{nanos}{_DECIMAL[index]}"
    power = 3 * index - 9
    return f"{nanos}e{power}" if power else str(nanos)

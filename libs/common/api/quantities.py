"""Kubernetes quantities (`500m`, `1Gi`, `1e3`): exact integers of a billionth of a unit, never floats.

Reference: k8s.io/apimachinery pkg/api/resource. What is finer than a billionth is rounded away from zero, as there.
"""

import re
from decimal import ROUND_UP, Decimal
from functools import lru_cache
from typing import Final

NANOS: Final = 10**9
_SUFFIXES: Final = {
    "": 1,
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    **{suffix: 10 ** (3 * power) for power, suffix in enumerate("kMGTPE", start=1)},
    **{suffix: 1024**power for power, suffix in enumerate(("Ki", "Mi", "Gi", "Ti", "Pi", "Ei"), start=1)},
}
_DECIMAL: Final = ("n", "u", "m", "", "k", "M", "G", "T", "P", "E")
_BINARY: Final = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_QUANTITY: Final = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))(?:[eE]([+-]?\d{1,2})|([numkMGTPE]|[KMGTPE]i)?)")


@lru_cache(maxsize=16384)
def nanos(quantity: str | int) -> int:
    """A quantity in billionths of its unit.

    Raises:
        ValueError: the text is no quantity.
    """
    if isinstance(quantity, int):
        return quantity * NANOS
    match = _QUANTITY.fullmatch(quantity)
    if match is None:
        raise ValueError(
            f"{quantity!r} is not a quantity; expected a number with an optional suffix such as m, k, Mi, Gi"
        )
    number, exponent, suffix = match.groups()
    scale = Decimal(10) ** int(exponent) if exponent else Decimal(_SUFFIXES[suffix or ""])
    return int((Decimal(number) * scale * NANOS).to_integral_value(ROUND_UP))


def units(amount: int) -> int:
    """Billionths as whole units, rounded up (Go: `Value`)."""
    return -(-amount // NANOS)


def millis(amount: int) -> int:
    """Billionths as thousandths, rounded up (Go: `MilliValue`)."""
    return -(-amount // 1_000_000)


def text(amount: int, *, binary: bool = False) -> str:
    """Billionths as a quantity in its canonical form: the largest suffix that leaves a whole number.

    With `binary` the suffixes are Ki, Mi...; below 1024 units there are none, and fractions are rounded up.
    """
    if binary and abs(amount) >= 1024 * NANOS:
        number, power = units(amount), 0
        while number % 1024 == 0 and power < len(_BINARY) - 1:
            number, power = number // 1024, power + 1
        return f"{number}{_BINARY[power]}"
    number, power = amount, 0
    while number and number % 1000 == 0 and power < len(_DECIMAL) - 1:
        number, power = number // 1000, power + 1
    return f"{number}{_DECIMAL[power]}" if number else "0"

"""Quantities in their canonical form, as Kubernetes prints them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.api import quantities


@pytest.mark.parametrize(
    ("given_text", "binary", "expected"),
    [
        ("0", False, "0"),
        ("100m", False, "100m"),
        ("1000m", False, "1"),
        ("1500m", False, "1500m"),
        ("4000", False, "4k"),
        ("4001", False, "4001"),
        ("0.1m", False, "100u"),
        ("-2000", False, "-2k"),
        ("1e9", False, "1G"),
        ("0", True, "0"),
        ("1023", True, "1023"),
        ("1024", True, "1Ki"),
        ("16Gi", True, "16Gi"),
        ("16384Mi", True, "16Gi"),
        ("1536Mi", True, "1536Mi"),
        ("1000", True, "1k"),
        ("2048.5", True, "2049"),
        ("9223372036854775807", False, "9223372036854775807"),
    ],
)
def test_canonical(given_text: str, binary: bool, expected: str) -> None:
    assert quantities.text(quantities.nanos(given_text), binary=binary) == expected


@given(st.integers(-(2**63) * quantities.NANOS, 2**63 * quantities.NANOS))
def test_decimal_text_is_read_back(amount: int) -> None:
    assert quantities.nanos(quantities.text(amount)) == amount

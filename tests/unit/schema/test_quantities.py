"""Quantities in the form that an API server writes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.api.quantities import nanos
from libs.sandbox.schema import quantities


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("1000m", "1"),
        (0.5, "500m"),
        (2, "2"),
        ("1024Mi", "1Gi"),
        ("1536Mi", "1536Mi"),
        ("1000", "1k"),
        ("0.1Gi", "107374182400m"),
        ("512", "512"),
        ("0Gi", "0"),
        ("1e3", "1e3"),
        ("-1500m", "-1500m"),
    ],
)
def test_canonical(given: str | float, written: str) -> None:
    assert quantities.canonical(given) == written


def test_what_is_no_quantity_is_refused() -> None:
    with pytest.raises(ValueError, match="not a quantity"):
        quantities.canonical("lots")


@given(
    number=st.decimals(min_value=-(10**6), max_value=10**6, places=3),
    suffix=st.sampled_from(["", "m", "k", "M", "Ki", "Mi", "Gi"]),
)
def test_the_amount_stays_and_the_form_is_final(number: object, suffix: str) -> None:
    text = f"{number}{suffix}"
    written = quantities.canonical(text)
    assert nanos(written) == nanos(text)
    assert quantities.canonical(written) == written

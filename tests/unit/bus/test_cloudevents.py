"""CloudEvents in binary mode."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.bus import cloudevents
from libs.common.bus.cloudevents import Event

attributes = st.text(min_size=1, max_size=60).map(str.strip).filter(bool)
REQUIRED = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "ci", "ce-type": "t"}


@given(id=attributes, source=attributes, type=attributes, subject=attributes)
def test_headers_say_the_event_in_ascii(id: str, source: str, type: str, subject: str) -> None:
    event = Event(id=id, source=source, type=type, subject=subject)
    headers = cloudevents.headers(event)
    assert all(value.isascii() and "\n" not in value for value in headers.values())
    assert cloudevents.parse(headers) == event


def test_header_names_in_any_case() -> None:
    assert cloudevents.parse({k.upper(): v for k, v in REQUIRED.items()}) == Event(id="1", source="ci", type="t")


@pytest.mark.parametrize("missing", REQUIRED)
def test_what_is_missing_is_named(missing: str) -> None:
    with pytest.raises(cloudevents.NoEvent, match=missing):
        cloudevents.parse({k: v for k, v in REQUIRED.items() if k != missing})


def test_another_version_is_refused() -> None:
    with pytest.raises(cloudevents.NoEvent, match=r"0\.3"):
        cloudevents.parse({**REQUIRED, "ce-specversion": "0.3"})

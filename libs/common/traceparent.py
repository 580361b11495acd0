"""Names of spans that travel: W3C `traceparent`, and the computed id of the root span of a trace."""

import hashlib
import re
from typing import Final, Literal, NamedTuple

Kind = Literal["internal", "producer", "consumer", "client"]
Attribute = str | bool | int | float

_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")


class Parent(NamedTuple):
    """A parsed `traceparent`: ids as hex digits, `flags` bit 0 says that the trace is sampled."""

    trace_id: str
    span_id: str
    flags: int


def parse(traceparent: str) -> Parent | None:
    """The parts of a traceparent; None for "" and for what is none."""
    match = _TRACEPARENT.fullmatch(traceparent)
    if match is None or not match[1].strip("0") or not match[2].strip("0"):
        return None
    return Parent(match[1], match[2], int(match[3], 16))


def root_span_id(trace_id: str) -> str:
    """The id, 16 hex digits, of the root span of a trace: anyone who knows the trace can name its root."""
    return hashlib.sha256(trace_id.encode()).digest()[:8].hex()


def root(trace_id: str) -> str:
    """The traceparent of the root span of the change whose trace id this is (32 hex digits)."""
    return f"00-{trace_id}-{root_span_id(trace_id)}-01"

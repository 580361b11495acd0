"""What a reader gets."""

from collections.abc import Mapping
from typing import Final, Generic, TypeVar

import msgspec

M = TypeVar("M")

TRACEPARENT: Final = "traceparent"
"""W3C trace context."""


class Delivery(msgspec.Struct, Generic[M], frozen=True, kw_only=True):
    """A message and how it came."""

    subject: str
    message: M
    seq: int = 0
    """Its sequence in the stream; 0 on core NATS."""
    traceparent: str = ""
    headers: Mapping[str, str] = {}
    reply: str = ""


class StreamInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A stream's life and extent. `created` differs when the stream was made anew."""

    created: str
    first_seq: int
    last_seq: int
    messages: int = 0


def made(subject: str, message: M, headers: Mapping[str, str], *, seq: int = 0, reply: str = "") -> Delivery[M]:
    """A delivery, with the trace context that its headers carry."""
    traceparent = headers.get(TRACEPARENT, "")
    return Delivery(subject=subject, message=message, seq=seq, traceparent=traceparent, headers=headers, reply=reply)

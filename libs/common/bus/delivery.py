"""What a reader gets."""

from collections.abc import Mapping
from typing import Generic, TypeVar

import msgspec

M = TypeVar("M")


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

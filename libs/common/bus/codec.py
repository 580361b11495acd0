"""Bytes and headers of a message: JSON, zstd when large, and the check of its size. Pure."""

from collections.abc import Hashable, Mapping
from functools import cache
from typing import Any, Final, cast

import msgspec
import zstandard

from libs.common.bus.errors import TooLarge

ENCODING: Final = "Content-Encoding"
ZSTD: Final = "zstd"

COMPRESS_ABOVE: Final = 64 * 1024
"""Payloads above this many bytes travel compressed."""
EXPANDED_LIMIT: Final = 64 * 1024 * 1024
"""No payload may expand beyond this many bytes: what is larger is no message of ours."""
SIZE_RESERVE: Final = 4 * 1024
"""The server counts subject, reply and framing too; so much is kept free for them."""

_encoder: Final = msgspec.json.Encoder()


class Undecodable(Exception):
    """The bytes are no message of the expected type."""


def encode(message: Any) -> bytes:
    """A message as JSON."""
    return _encoder.encode(message)


def compress(payload: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=1).compress(payload)


def decode(payload: bytes, headers: Mapping[str, str], type_: type[Any]) -> Any:
    """The message of that type in a payload.

    Raises:
        Undecodable: the payload is not zstd though it says so, no JSON, or of another type.
    """
    try:
        encoding = headers.get(ENCODING)
        if encoding == ZSTD:
            payload = zstandard.ZstdDecompressor().decompress(payload, max_output_size=EXPANDED_LIMIT)
        elif encoding:
            raise Undecodable(f"Content-Encoding is {encoding!r}, expected zstd or none")
        return _decoder(cast(Hashable, type_)).decode(payload)
    except (msgspec.DecodeError, zstandard.ZstdError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise Undecodable(f"no {type_.__name__}: {error}") from error


def check_size(subject: str, payload: bytes, headers: Mapping[str, str], limit: int) -> None:
    """Refuses what the server would answer by closing the connection for good.

    Raises:
        TooLarge: payload and headers exceed `limit` bytes, less what is kept free.
    """
    size = len(payload) + sum(len(k) + len(v.encode()) + 4 for k, v in headers.items())
    if size > limit - SIZE_RESERVE:
        raise TooLarge(
            f"a message on {subject} has {size} bytes, and the server takes {limit - SIZE_RESERVE}; "
            "raise max_payload of nats-server (up to 64MB)"
        )


@cache
def _decoder(type_: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(type_)

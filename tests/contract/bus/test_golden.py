"""Messages as they were written once are read for ever: agents and hub are not upgraded in the same moment.

`tests/data/messages.jsonl` only grows. A line that no longer reads shows a change that breaks a running fleet.
"""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from libs.common import channels, messages
from libs.common.bus import codec


class Golden(msgspec.Struct, frozen=True):
    """A message of a type as it travelled."""

    type: str
    message: msgspec.Raw


LINES = [
    msgspec.json.decode(line, type=Golden)
    for line in (Path(__file__).parents[2] / "data" / "messages.jsonl").read_bytes().splitlines()
]


@pytest.mark.parametrize("golden", LINES, ids=[line.type for line in LINES])
def test_an_old_message_is_read_and_nothing_of_it_is_lost(golden: Golden) -> None:
    read = codec.decode(bytes(golden.message), {}, getattr(messages, golden.type))
    written = msgspec.json.decode(codec.encode(read))
    assert _lost(msgspec.json.decode(golden.message), written) == []


@pytest.mark.parametrize("golden", LINES, ids=[line.type for line in LINES])
def test_a_message_with_what_a_later_version_adds_is_read(golden: Golden) -> None:
    later = {**msgspec.json.decode(golden.message), "somethingNew": {"a": [1]}}
    codec.decode(msgspec.json.encode(later), {}, getattr(messages, golden.type))


def test_every_payload_has_its_line() -> None:
    payloads = {t.__name__ for channel in channels.CHANNELS for t in (channel.payload, channel.reply) if t is not None}
    assert payloads <= {line.type for line in LINES}


def _lost(old: Any, new: Any, path: str = "$") -> list[str]:
    """Where `new` does not say what `old` says."""
    if isinstance(old, dict) and isinstance(new, dict):
        return [lost for key, value in old.items() for lost in _lost(value, new.get(key), f"{path}.{key}")]
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        pairs = zip(old, new, strict=True)
        return [lost for number, (a, b) in enumerate(pairs) for lost in _lost(a, b, f"{path}[{number}]")]
    return [] if old == new else [path]

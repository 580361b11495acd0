"""The bytes of watches: lines of any length in chunks of any size, and events in any spelling."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.kube import wire
from libs.common.kube.errors import Garbled


@given(st.lists(st.binary(min_size=1).filter(lambda line: b"\n" not in line and line.strip(b"\r \t\v\f"))), st.data())
def test_lines_are_the_same_however_they_are_cut(lines: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(line + b"\n" for line in lines)
    splitter, found = wire.Lines(), []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        found += splitter.feed(stream[:size])
        stream = stream[size:]
    assert found == [line.rstrip(b"\r") for line in lines]


def test_a_line_of_some_megabytes_passes() -> None:
    splitter, line = wire.Lines(), b"x" * 3_000_000
    found = [each for start in range(0, len(line), 65536) for each in splitter.feed(line[start : start + 65536])]
    assert [*found, *splitter.feed(b"\n")] == [line]


def test_an_endless_line_is_refused() -> None:
    splitter = wire.Lines()
    for _ in range(32):
        splitter.feed(b"x" * 2**20)
    with pytest.raises(Garbled, match="line of more than"):
        splitter.feed(b"x")


def test_empty_lines_say_nothing() -> None:
    assert wire.Lines().feed(b"\n\r\n  \na\n") == [b"a"]


@pytest.mark.parametrize(
    ("line", "type_", "body"),
    [
        pytest.param(b'{"type":"ADDED","object":{"a":{"b":1}}}', "ADDED", b'{"a":{"b":1}}', id="as-servers-write-it"),
        pytest.param(b'{"type":"ADDED","object":{}}', "ADDED", b"{}", id="empty"),
        pytest.param(b'{ "type": "ADDED", "object": {"a": 1} }', "ADDED", b'{"a": 1}', id="spaces"),
        pytest.param(b'{"object":{"a":1},"type":"DELETED"}', "DELETED", b'{"a":1}', id="other-order"),
        pytest.param(b'{"type":"BOOKMARK","object":{"a":1},"more":1}', "BOOKMARK", b'{"a":1}', id="more-fields"),
        pytest.param(
            b'{"type":"ADDED","object":{"note":"\\",\\"object\\":{}"}}',
            "ADDED",
            b'{"note":"\\",\\"object\\":{}"}',
            id="the-mark-in-a-string",
        ),
    ],
)
def test_an_event_is(line: bytes, type_: str, body: bytes) -> None:
    event = wire.event(line)
    assert (event.type, event.object) == (type_, body)


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b"<html>502 Bad Gateway</html>", id="html"),
        pytest.param(b'{"type":"ADDED","obj', id="cut-off"),
        pytest.param(b'{"kind":"Status","code":500}', id="no-event"),
        pytest.param(b"\xff\xfe", id="binary"),
    ],
)
def test_garbage_is_refused(line: bytes) -> None:
    with pytest.raises(Garbled):
        wire.event(line)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(["ADDED", "MODIFIED", "DELETED"]), st.dictionaries(st.text(), _JSON, max_size=4))
def test_the_object_is_cut_out_whole(type_: str, body: dict[str, object]) -> None:
    line = msgspec.json.encode({"type": type_, "object": body})
    event = wire.event(line)
    assert (event.type, msgspec.json.decode(event.object)) == (type_, body)


@pytest.mark.parametrize(
    ("body", "version", "ends"),
    [
        pytest.param(b'{"kind":"Pod","metadata":{"resourceVersion":"7"}}', "7", False, id="plain"),
        pytest.param(
            b'{"metadata":{"resourceVersion":"7","annotations":{"k8s.io/initial-events-end":"true"}}}',
            "7",
            True,
            id="ends-initial",
        ),
        pytest.param(b'{"metadata":{"resourceVersion":"7","annotations":null}}', "7", False, id="null-annotations"),
    ],
)
def test_a_bookmark_says(body: bytes, version: str, ends: bool) -> None:
    mark = wire.bookmark(body)
    assert (mark.metadata.resource_version, mark.ends_initial) == (version, ends)

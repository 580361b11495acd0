"""Spans of one change of one object, across all services, without any implicit context.

A parent is always a W3C `traceparent` that came in a message, and `Span.traceparent` is what goes on to the next. The
trace id is computed from the object (`names.trace_id`) and so is the id of the root span: any service can name the root
before anybody has recorded it.

Without an OTLP endpoint in the environment the OpenTelemetry SDK is not even imported, and `span` hands on the parent
it was given. With one, spans go there by OTLP (HTTP, protobuf); the standard `OTEL_*` variables apply.
"""

import asyncio
import os
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Final, Protocol, Self

from libs.common.traceparent import Attribute, Kind, Parent, parse, root

__all__ = ["Attribute", "Kind", "Span", "enabled", "messaging", "messaging_name", "root", "setup", "span"]


class Recorder(Protocol):
    """What records spans when tracing is on; `otlp` has the only one."""

    def start(
        self, name: str, parent: Parent | None, root_of: str, kind: Kind, attributes: Mapping[str, Attribute]
    ) -> "Recording": ...

    def shutdown(self) -> None: ...


class Recording(Protocol):
    """One span that is being recorded."""

    @property
    def traceparent(self) -> str: ...

    def set(self, key: str, value: Attribute) -> None: ...

    def end(self, error: BaseException | None) -> None: ...


_recorder: Recorder | None = None


class Span:
    """A span, as a context manager. Reads and sets are cheap when tracing is off."""

    __slots__ = ("_recording", "traceparent")

    def __init__(self, traceparent: str, recording: Recording | None = None) -> None:
        self.traceparent = traceparent
        """What to send on, so that what follows becomes a child of this span."""
        self._recording = recording

    def set(self, key: str, value: Attribute) -> None:
        """Sets an attribute."""
        if self._recording is not None:
            self._recording.set(key, value)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._recording is not None:
            self._recording.end(None if isinstance(error, asyncio.CancelledError | GeneratorExit) else error)


def setup(service: str) -> Callable[[], None]:
    """Turns tracing on if the environment names an OTLP endpoint; to be called once, before the first span.

    `service` is the short name, such as "policy". The returned function flushes and ends tracing; it blocks, for a few
    seconds at most, so call it after the event loop has ended.
    """
    global _recorder
    if not _wanted(os.environ):
        return lambda: None
    from libs.common import otlp  # the SDK costs memory and start time: only for those who asked for it

    recorder = otlp.Spans(service)
    _recorder = recorder

    def shutdown() -> None:
        global _recorder
        _recorder = None
        recorder.shutdown()

    return shutdown


def enabled() -> bool:
    """Whether spans are recorded."""
    return _recorder is not None


def span(
    name: str,
    *,
    parent: str = "",
    kind: Kind = "internal",
    root_of: str = "",
    attributes: Mapping[str, Attribute] | None = None,
) -> AbstractContextManager[Span]:
    """A span around a block, which also records the exception that leaves the block.

    `parent` is a traceparent; with `root_of`, a trace id, this becomes the root span of that trace, under its computed
    id. Without either a new trace begins. When tracing is off the span's traceparent is that of the parent or root.
    """
    recorder = _recorder
    if recorder is None:
        return Span(root(root_of) if root_of else parent)
    recording = recorder.start(name, None if root_of else parse(parent), root_of, kind, attributes or {})
    return Span(recording.traceparent, recording)


# ---- messaging: OpenTelemetry semantic conventions 1.43, docs/messaging/messaging-spans.md (development) ------------

_OPERATION_TYPES: Final = {"publish": "send", "receive": "receive", "process": "process", "settle": "settle"}


def messaging(operation: str, template: str, destination: str) -> dict[str, Attribute]:
    """The attributes of a span about a message.

    `operation` is publish, receive, process or settle; `template` is the subject with its variable tokens named, such
    as `work.{cluster}.{namespace}.{binding}`; `destination` is the subject itself.
    """
    return {
        "messaging.system": "nats",
        "messaging.operation.name": operation,
        "messaging.operation.type": _OPERATION_TYPES.get(operation, operation),
        "messaging.destination.name": destination,
        "messaging.destination.template": template,
    }


def messaging_name(operation: str, template: str) -> str:
    """The name of a span about a message."""
    return f"{operation} {template}"


def _wanted(environ: Mapping[str, str]) -> bool:
    if environ.get("OTEL_SDK_DISABLED", "").lower() == "true" or environ.get("OTEL_TRACES_EXPORTER") == "none":
        return False
    return bool(environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"))

"""Records spans with the OpenTelemetry SDK and exports them by OTLP over HTTP. Imported by `telemetry` when needed."""

import os
import threading
import uuid
from collections.abc import Mapping, Sequence
from datetime import timedelta
from importlib import metadata
from typing import Final

import prometheus_client
import structlog
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

from libs.common import traceparent

log = structlog.get_logger(__name__)

DROPPED: Final = prometheus_client.Counter(
    "argosy_spans_dropped_total", "Spans that were lost because the exporter did not keep up."
)
FAILED: Final = prometheus_client.Counter("argosy_spans_failed_total", "Spans that the collector did not take.")

_QUEUE_SIZE = 16384
_SCHEDULE_DELAY_MS = 1000
_SHUTDOWN_LIMIT = timedelta(seconds=5)
_KINDS: Final[dict[traceparent.Kind, trace.SpanKind]] = {
    "internal": trace.SpanKind.INTERNAL,
    "producer": trace.SpanKind.PRODUCER,
    "consumer": trace.SpanKind.CONSUMER,
    "client": trace.SpanKind.CLIENT,
}


class Spans:
    """The recorder of one process."""

    def __init__(self, service: str, exporter: SpanExporter | None = None) -> None:
        protocol = os.environ.get(
            "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
        )
        if protocol != "http/protobuf":
            log.warning("OTLP goes by http/protobuf, whatever the environment says", asked=protocol)
        self._ids = _Ids()
        # shutdown is ours alone: the SDK's own exit hook would wait for a dead collector once more
        self._provider = TracerProvider(resource=_resource(service), id_generator=self._ids, shutdown_on_exit=False)
        self._provider.add_span_processor(_Bounded(exporter or OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("argosy")

    def start(
        self,
        name: str,
        parent: traceparent.Parent | None,
        root_of: str,
        kind: traceparent.Kind,
        attributes: Mapping[str, traceparent.Attribute],
    ) -> "Recording":
        context = Context()
        if parent is not None:
            remote = trace.SpanContext(
                int(parent.trace_id, 16),
                int(parent.span_id, 16),
                is_remote=True,
                trace_flags=trace.TraceFlags(parent.flags),
            )
            context = trace.set_span_in_context(trace.NonRecordingSpan(remote), context)
        self._ids.root_of = root_of
        span = self._tracer.start_span(name, context, _KINDS[kind], attributes)
        self._ids.root_of = ""
        return Recording(span)

    def shutdown(self) -> None:
        """Exports what is left, within a limit, whatever state the collector is in."""
        closing = threading.Thread(target=self._provider.shutdown, name="telemetry-shutdown", daemon=True)
        closing.start()
        closing.join(_SHUTDOWN_LIMIT.total_seconds())
        if closing.is_alive():
            log.warning("gave up on the last spans: the collector does not answer")


class Recording:
    """A span of the SDK behind the few calls that `telemetry` needs."""

    __slots__ = ("_span", "traceparent")

    def __init__(self, span: trace.Span) -> None:
        self._span = span
        context = span.get_span_context()
        self.traceparent = f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags & 1:02x}"

    def set(self, key: str, value: traceparent.Attribute) -> None:
        self._span.set_attribute(key, value)

    def end(self, error: BaseException | None) -> None:
        if error is not None:
            self._span.record_exception(error)
            self._span.set_status(trace.StatusCode.ERROR, str(error))
        self._span.end()


class _Ids(RandomIdGenerator):
    """Random ids, but for a root span, whose trace is named beforehand. Used from the event loop's thread only."""

    def __init__(self) -> None:
        self.root_of = ""

    def generate_trace_id(self) -> int:
        return int(self.root_of, 16) if self.root_of else super().generate_trace_id()

    def generate_span_id(self) -> int:
        return int(traceparent.root_span_id(self.root_of), 16) if self.root_of else super().generate_span_id()


class _Bounded(SpanProcessor):
    """Batches spans for the exporter and counts those for which there was no room."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._size = int(os.environ.get("OTEL_BSP_MAX_QUEUE_SIZE", _QUEUE_SIZE))
        delay = float(os.environ.get("OTEL_BSP_SCHEDULE_DELAY", _SCHEDULE_DELAY_MS))
        self._exporter = _Counted(exporter)
        self._batches = BatchSpanProcessor(self._exporter, max_queue_size=self._size, schedule_delay_millis=delay)
        self._accepted = 0

    def on_end(self, span: ReadableSpan) -> None:
        # one thread counts in, another counts out: no counter is written by two
        if self._accepted - self._exporter.taken >= self._size:
            DROPPED.inc()
            return
        self._accepted += 1
        self._batches.on_end(span)

    def shutdown(self) -> None:
        self._batches.shutdown()  # type: ignore[no-untyped-call]

    def force_flush(self, timeout_millis: int | None = None) -> bool:
        return self._batches.force_flush(timeout_millis)


class _Counted(SpanExporter):
    """Passes spans on and knows how many it was given."""

    def __init__(self, inner: SpanExporter) -> None:
        self._inner = inner
        self.taken = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.taken += len(spans)
        result = self._inner.export(spans)
        if result is not SpanExportResult.SUCCESS:
            FAILED.inc(len(spans))
        return result

    def shutdown(self) -> None:
        self._inner.shutdown()


def _resource(service: str) -> Resource:
    ours = Resource(
        {
            "service.name": f"argosy-{service}",
            "service.namespace": "argosy",
            "service.version": metadata.version("argosy"),
            "service.instance.id": str(uuid.uuid4()),
        }
    )
    return ours.merge(OTELResourceDetector().detect())

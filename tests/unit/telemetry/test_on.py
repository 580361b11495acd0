"""With an endpoint: what arrives at a collector, over the wire."""

import asyncio
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import prometheus_client
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from libs.common import telemetry, traceparent

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


class Collector:
    """An OTLP endpoint that keeps what it is sent."""

    def __init__(self) -> None:
        self.requests: list[ExportTraceServiceRequest] = []
        self.answers = threading.Event()
        self.answers.set()
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                collector.answers.wait(30)
                collector.requests.append(ExportTraceServiceRequest.FromString(body))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Tests are quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def close(self) -> None:
        self.answers.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def spans(self) -> dict[str, Span]:
        found = (s for r in self.requests for rs in r.resource_spans for ss in rs.scope_spans for s in ss.spans)
        return {span.name: span for span in found}


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    it = Collector()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", it.url)
    yield it
    it.close()


def test_a_tree_across_services(collector: Collector) -> None:
    shutdown = telemetry.setup("policy")
    with telemetry.span("change", root_of=TRACE, attributes={"k": "v", "n": 3}) as root:
        assert root.traceparent == telemetry.root(TRACE)
    with telemetry.span("publish work", parent=root.traceparent, kind="producer") as sent:
        pass
    with telemetry.span("process work", parent=sent.traceparent, kind="consumer") as taken:
        taken.set("late", True)
    shutdown()
    change, publish, process = (collector.spans[n] for n in ("change", "publish work", "process work"))
    assert change.trace_id.hex() == publish.trace_id.hex() == process.trace_id.hex() == TRACE
    assert (change.span_id.hex(), change.parent_span_id) == (traceparent.root_span_id(TRACE), b"")
    assert (publish.parent_span_id, process.parent_span_id) == (change.span_id, publish.span_id)
    assert (publish.kind, process.kind) == (Span.SPAN_KIND_PRODUCER, Span.SPAN_KIND_CONSUMER)
    assert {a.key for a in process.attributes} == {"late"}


def test_the_resource_names_the_service(collector: Collector) -> None:
    shutdown = telemetry.setup("policy")
    with telemetry.span("a"):
        pass
    shutdown()
    attributes = {a.key: a.value.string_value for a in collector.requests[0].resource_spans[0].resource.attributes}
    assert attributes["service.name"] == "argosy-policy"


def test_tracing_is_on_until_shutdown(collector: Collector) -> None:
    shutdown = telemetry.setup("policy")
    assert telemetry.enabled()
    shutdown()
    assert not telemetry.enabled()


def test_an_exception_is_recorded_on_its_span(collector: Collector) -> None:
    shutdown = telemetry.setup("policy")
    with pytest.raises(ValueError, match="bad"), telemetry.span("a", parent=PARENT):
        raise ValueError("bad")
    shutdown()
    span = collector.spans["a"]
    assert (span.status.code, span.events[0].name) == (Status.STATUS_CODE_ERROR, "exception")


def test_being_cancelled_is_no_error(collector: Collector) -> None:
    async def scenario() -> None:
        with telemetry.span("a", parent=PARENT):
            await asyncio.sleep(100)

    async def cancelled() -> None:
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(scenario())
            await asyncio.sleep(0)
            task.cancel()

    shutdown = telemetry.setup("policy")
    asyncio.run(cancelled())
    shutdown()
    assert collector.spans["a"].status.code == Status.STATUS_CODE_UNSET


def test_a_parent_that_is_not_sampled_is_not_recorded(collector: Collector) -> None:
    shutdown = telemetry.setup("policy")
    with telemetry.span("a", parent=PARENT[:-2] + "00") as span:
        assert span.traceparent.endswith("-00")
    shutdown()
    assert collector.spans == {}


def test_spans_around_each_other_are_not_parents(collector: Collector) -> None:
    shutdown = telemetry.setup("policy")
    with telemetry.span("outer", root_of=TRACE), telemetry.span("inner"):
        pass
    shutdown()
    assert collector.spans["inner"].trace_id.hex() != TRACE


def test_a_silent_collector_does_not_hold_the_process(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("libs.common.otlp._SHUTDOWN_LIMIT", timedelta(seconds=0.5))
    collector.answers.clear()
    shutdown = telemetry.setup("policy")
    with telemetry.span("a"):
        pass
    began = time.monotonic()
    shutdown()
    assert time.monotonic() - began < 3


def test_spans_beyond_the_queue_are_dropped_and_counted(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    def dropped() -> float:
        return prometheus_client.REGISTRY.get_sample_value("argosy_spans_dropped_total") or 0.0

    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "512")
    shutdown = telemetry.setup("policy")
    before = dropped()
    collector.answers.clear()
    for number in range(2000):
        with telemetry.span(f"s{number}", parent=PARENT):
            pass
    collector.answers.set()
    shutdown()
    assert dropped() - before == 2000 - len(collector.spans) > 0

"""Without an endpoint: nothing is imported, nothing recorded, and parents are handed on."""

import os
import subprocess
import sys

import pytest

from libs.common import telemetry, traceparent

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
TRACE = "0af7651916cd43dd8448eb211c80319c"


def test_a_span_hands_on_its_parent() -> None:
    with telemetry.span("a", parent=PARENT, attributes={"k": 1}) as span:
        span.set("more", True)
    assert span.traceparent == PARENT


def test_a_root_hands_on_its_computed_id() -> None:
    with telemetry.span("a", root_of=TRACE) as span:
        assert span.traceparent == telemetry.root(TRACE)


def test_an_exception_passes_through() -> None:
    with pytest.raises(KeyError), telemetry.span("a"):
        raise KeyError("a")


def test_the_root_is_the_same_for_everyone() -> None:
    assert telemetry.root(TRACE) == f"00-{TRACE}-{traceparent.root_span_id(TRACE)}-01"
    assert traceparent.root_span_id(TRACE) == "15f774f039ec6d5f"


@pytest.mark.parametrize(
    "environ",
    [
        pytest.param({}, id="no-endpoint"),
        pytest.param({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_SDK_DISABLED": "true"}, id="disabled"),
        pytest.param({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_TRACES_EXPORTER": "none"}, id="no-exporter"),
    ],
)
def test_the_sdk_is_not_imported(environ: dict[str, str]) -> None:
    program = (
        "import sys; from libs.common import telemetry; telemetry.setup('test')();"
        "assert not telemetry.enabled(); sys.exit(any(m.startswith('opentelemetry') for m in sys.modules))"
    )
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    done = subprocess.run([sys.executable, "-c", program], env={**clean, **environ}, check=False)
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("text", "ok"),
    [
        pytest.param(PARENT, True, id="good"),
        pytest.param("", False, id="empty"),
        pytest.param(PARENT.upper(), False, id="upper-case"),
        pytest.param(f"00-{'0' * 32}-b7ad6b7169203331-01", False, id="zero-trace"),
        pytest.param(f"00-{TRACE}-{'0' * 16}-01", False, id="zero-span"),
        pytest.param(PARENT + "-more", False, id="too-long"),
        pytest.param("garbage", False, id="garbage"),
    ],
)
def test_parsing(text: str, ok: bool) -> None:
    assert (traceparent.parse(text) is not None) is ok


def test_messaging_attributes() -> None:
    attributes = telemetry.messaging("publish", "work.{cluster}.{namespace}.{binding}", "argosy.work.m1.ns.b")
    assert attributes == {
        "messaging.system": "nats",
        "messaging.operation.name": "publish",
        "messaging.operation.type": "send",
        "messaging.destination.name": "argosy.work.m1.ns.b",
        "messaging.destination.template": "work.{cluster}.{namespace}.{binding}",
    }

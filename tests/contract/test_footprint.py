"""What a service process loads: memory per process is a headline figure."""

import subprocess
import sys

import pytest

HEAVY = ("aiohttp", "kubernetes_asyncio", "opentelemetry", "rich", "click", "libs.cli", "libs.sandbox")


@pytest.mark.parametrize("service", ["policy", "scheduler", "agent", "status_aggregator"])
def test_a_service_loads_nothing_heavy(service: str) -> None:
    program = (
        f"import sys, services.{service}.main;"
        f"print(*sorted({{m for h in {HEAVY} for m in sys.modules if m == h or m.startswith(h + '.')}}))"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout.split() == []


@pytest.mark.parametrize("module", ["libs.common.kube.informer", "libs.common.service", "libs.common.telemetry"])
def test_a_common_module_loads_nothing_heavy(module: str) -> None:
    program = f"import services, sys, {module}; print(*[h for h in {HEAVY} if h in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout.split() == []

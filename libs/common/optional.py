"""Keeps libraries from loading optional packages that Argosy does not use through them.

structlog loads rich for coloured tracebacks, nats-py aiohttp for websockets, redis-py OpenTelemetry for metrics: 13 MiB
in each service, and a third of its start.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def hidden(package: str) -> Iterator[None]:
    """Makes `package` seem not to be installed while the block imports something, unless it is loaded already."""
    if package in sys.modules:
        yield
        return
    sys.modules[package] = None  # type: ignore[assignment]  # how Python marks what cannot be imported
    try:
        yield
    finally:
        del sys.modules[package]

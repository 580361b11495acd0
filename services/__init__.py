"""The services. Each is a pure core and a shell around it; none imports another."""

from libs.common import optional

with optional.hidden("rich"):
    import structlog  # noqa: F401 - whoever imports it next finds it without rich

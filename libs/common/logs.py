"""Structured logs of a service: one JSON object a line on stderr, or coloured text on a terminal."""

import logging
import sys
from typing import Any, Literal

import msgspec
import structlog

Level = Literal["debug", "info", "warning", "error"]
Format = Literal["auto", "json", "console"]


def configure(service: str, level: Level = "info", form: Format = "auto") -> None:
    """Sets up the logs of this process, those of our libraries included (from warning upwards)."""
    console = form == "console" or (form == "auto" and sys.stderr.isatty())
    render: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer() if console else structlog.processors.JSONRenderer(serializer=_json)
    )
    processors: list[structlog.typing.Processor] = [
        _named(service),
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if not console:
        processors.append(structlog.processors.format_exc_info)
    structlog.configure(
        processors=[*processors, render],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(handlers=[_Forward()], level=max(logging.WARNING, getattr(logging, level.upper())), force=True)


class _Forward(logging.Handler):
    """What libraries log by the standard library, in the same form as our own."""

    def emit(self, record: logging.LogRecord) -> None:
        level = record.levelname.lower()
        name = level if level in ("debug", "info", "warning", "error") else "error"
        getattr(structlog.get_logger(), name)(record.getMessage(), logger=record.name, exc_info=record.exc_info or None)


def _named(service: str) -> structlog.typing.Processor:
    def add(
        logger: Any,
        method: str,
        event: structlog.typing.EventDict,
    ) -> structlog.typing.EventDict:
        return {"service": service, **event}

    return add


def _json(event: structlog.typing.EventDict, **_: Any) -> str:
    try:
        return msgspec.json.encode(event, enc_hook=str).decode()
    except (TypeError, ValueError, RecursionError):  # whatever was to be logged, a log line never fails
        shown = {str(key): repr(value).encode("utf-8", "replace").decode() for key, value in event.items()}
        return msgspec.json.encode(shown).decode()

"""What the loop says of failures: what is ordinary only if it goes on, and without a traceback."""

from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from libs.common import errors
from libs.common.bus.errors import Overtaken, TooLarge, Unavailable
from libs.common.kube.errors import AlreadyExists, Conflict, Forbidden, Interrupted, NotFound, ServerFault
from tests.unit.reconcile.test_run import Handler, run_for

CONFLICT = Conflict(409, "Conflict", "the object has been modified")


def said(*outcomes: Exception) -> list[tuple[str, str, bool]]:
    """Level, event and whether there is a traceback, of each line."""
    with capture_logs() as lines:
        run_for(1000, Handler(*outcomes), "a")
    return [(line["log_level"], line["event"], "exc_info" in line) for line in lines]


@pytest.mark.parametrize(
    "error",
    [
        CONFLICT,
        AlreadyExists(409, "AlreadyExists", "there is one"),
        ServerFault(503, "ServiceUnavailable", "away"),
        Interrupted("cut"),
        Overtaken("another was first"),
        Unavailable("no answer"),
        errors.Retry("not there yet"),
        errors.Retry("not there yet", after=timedelta(seconds=1)),
        ExceptionGroup("two", [CONFLICT, Overtaken("another was first")]),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_is_ordinary_is_said_when_it_goes_on_and_without_a_traceback(error: Exception) -> None:
    assert said(error) == [("debug", "not yet", False)]
    assert said(*[error] * 6) == [("warning" if n == 4 else "debug", "not yet", False) for n in range(1, 7)]


@pytest.mark.parametrize(
    "error",
    [
        ValueError("a bug"),
        NotFound(404, "NotFound", "no such object"),
        Forbidden(403, "Forbidden", "not allowed"),
        TooLarge("2 MB"),
        ExceptionGroup("two", [CONFLICT, ValueError("a bug")]),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_was_not_foreseen_is_said_at_once_with_its_traceback_and_once_in_a_row(error: Exception) -> None:
    assert said(error, error) == [("warning", "failed", True), ("debug", "failed again", False)]


def test_a_group_is_told_by_what_is_in_it() -> None:
    with capture_logs() as lines:
        run_for(100, Handler(ExceptionGroup("unhandled errors in a TaskGroup", [CONFLICT])), "a")
    assert lines[0]["error"] == "the object has been modified"

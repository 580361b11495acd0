"""Log lines are JSON, whatever is in them."""

import io
import json
import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import structlog

from libs.common import logs
from libs.common.kube.resources import ObjectKey


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What goes to stderr after `logs.configure`."""
    out = io.StringIO()
    monkeypatch.setattr("sys.stderr", out)
    root, before = logging.getLogger(), logging.getLogger().handlers[:]
    logs.configure("tests", "info", "json")
    yield out
    structlog.reset_defaults()
    root.handlers[:] = before


@pytest.mark.parametrize(
    ("value", "written"),
    [
        pytest.param("text", "text", id="text"),
        pytest.param(ObjectKey("ns", "a"), ["ns", "a"], id="key"),
        pytest.param(timedelta(seconds=90), "PT90S", id="duration"),
        pytest.param(ValueError("bad"), "bad", id="exception"),
        pytest.param({("a", 1): 2}, {"('a', 1)": 2}, id="odd-keys"),
        pytest.param("\ud800", "'\\ud800'", id="broken-text"),
    ],
)
def test_a_value_is_written(lines: io.StringIO, value: Any, written: Any) -> None:
    structlog.get_logger().info("happened", value=value)
    line = json.loads(lines.getvalue())
    assert (line["value"], line["event"].strip("'"), line["service"].strip("'")) == (written, "happened", "tests")


def test_a_library_is_logged_in_the_same_form(lines: io.StringIO) -> None:
    logging.getLogger("library").warning("odd %s", "thing")
    line = json.loads(lines.getvalue())
    assert (line["event"], line["level"], line["logger"]) == ("odd thing", "warning", "library")


def test_what_is_below_the_level_is_not_written(lines: io.StringIO) -> None:
    structlog.get_logger().debug("detail")
    logging.getLogger("library").info("detail")
    assert lines.getvalue() == ""

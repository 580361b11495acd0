"""Which refusal becomes which exception."""

import msgspec
import pytest

from libs.common.kube import errors


def status(code: int, reason: str = "", **details: object) -> bytes:
    return msgspec.json.encode(
        {"kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": "no", "details": details}
    )


@pytest.mark.parametrize(
    ("code", "body", "kind"),
    [
        pytest.param(400, status(400, "BadRequest"), errors.BadRequest, id="400"),
        pytest.param(401, status(401, "Unauthorized"), errors.Unauthorized, id="401"),
        pytest.param(403, status(403, "Forbidden"), errors.Forbidden, id="403"),
        pytest.param(404, status(404, "NotFound", name="a"), errors.NotFound, id="404"),
        pytest.param(409, status(409, "AlreadyExists"), errors.AlreadyExists, id="409-exists"),
        pytest.param(409, status(409, "Conflict"), errors.Conflict, id="409-conflict"),
        pytest.param(410, status(410, "Expired"), errors.Expired, id="410"),
        pytest.param(413, status(413), errors.TooLarge, id="413"),
        pytest.param(415, status(415), errors.UnsupportedMedia, id="415"),
        pytest.param(422, status(422, "Invalid"), errors.Invalid, id="422"),
        pytest.param(429, status(429), errors.TooManyRequests, id="429"),
        pytest.param(500, status(500), errors.ServerFault, id="500"),
        pytest.param(502, b"<html>Bad Gateway</html>", errors.ServerFault, id="html-from-a-proxy"),
        pytest.param(418, b"", errors.ApiError, id="empty-and-unknown"),
        pytest.param(404, b'{"code":"no number"}', errors.NotFound, id="status-of-another-shape"),
    ],
)
def test_a_refusal_becomes(code: int, body: bytes, kind: type[errors.ApiError]) -> None:
    error = errors.from_response(code, body)
    assert (type(error), error.status) == (kind, code)


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        pytest.param(errors.Status(code=410, reason="Expired"), errors.Expired, id="410-in-the-body"),
        pytest.param(errors.Status(code=410, reason="Gone"), errors.Expired, id="gone"),
        pytest.param(errors.Status(code=500, reason="InternalError"), errors.ServerFault, id="500-in-the-body"),
        pytest.param(errors.Status(), errors.ServerFault, id="says-nothing"),
    ],
)
def test_an_error_event_becomes(told: errors.Status, kind: type[errors.ApiError]) -> None:
    assert type(errors.from_status(told)) is kind


@pytest.mark.parametrize(
    ("header", "details", "pause"),
    [
        pytest.param("3", 0, 3.0, id="header"),
        pytest.param(None, 5, 5.0, id="details"),
        pytest.param("3", 5, 3.0, id="header-first"),
        pytest.param("Wed, 21 Oct 2026 07:28:00 GMT", 0, None, id="a-date-is-passed-over"),
        pytest.param(None, 0, None, id="none"),
    ],
)
def test_the_pause_it_asks_for(header: str | None, details: int, pause: float | None) -> None:
    body = status(429, "TooManyRequests", retryAfterSeconds=details)
    assert errors.from_response(429, body, header).retry_after == pause


@pytest.mark.parametrize(
    ("body", "of_kind"),
    [
        pytest.param(status(404, "NotFound", name="a", kind="pods"), False, id="object"),
        pytest.param(status(404, "NotFound"), True, id="kind"),
        pytest.param(b"404 page not found\n", True, id="path"),
    ],
)
def test_what_is_not_found(body: bytes, of_kind: bool) -> None:
    error = errors.from_response(404, body)
    assert isinstance(error, errors.NotFound)
    assert error.of_kind is of_kind


def test_a_version_in_the_future_is_told_from_other_faults() -> None:
    error = errors.from_response(504, status(504, "Timeout", causes=[{"reason": "ResourceVersionTooLarge"}]))
    assert isinstance(error, errors.ServerFault)
    assert error.too_large_version

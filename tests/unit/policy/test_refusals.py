"""What of a hub's answers is a refusal of a published policy, and what is trouble of our own."""

import pytest

from libs.common.kube import errors
from services.policy import inbox

FIELD_CONFLICT = (
    b'{"reason": "Conflict", "details": {"causes": [{"reason": "FieldManagerConflict", "field": ".spec.priority"}]}}'
)


@pytest.mark.parametrize(
    ("status", "body", "refused"),
    [
        pytest.param(422, b'{"reason": "Invalid"}', True, id="against the schema or an admission policy"),
        pytest.param(400, b'{"reason": "BadRequest"}', True, id="no policy"),
        pytest.param(403, b'{"reason": "Forbidden"}', True, id="forbidden"),
        pytest.param(413, b"", True, id="too large"),
        pytest.param(409, FIELD_CONFLICT, True, id="fields of another manager"),
        pytest.param(404, b'{"details": {"name": "team-a", "kind": "namespaces"}}', True, id="no such namespace"),
        pytest.param(401, b'{"reason": "Unauthorized"}', False, id="our credentials have run out"),
        pytest.param(409, b'{"reason": "Conflict"}', False, id="a race with another write"),
        pytest.param(409, b'{"reason": "AlreadyExists"}', False, id="a race with another creation"),
        pytest.param(404, b"404 page not found", False, id="the kind is not installed yet"),
        pytest.param(410, b'{"reason": "Expired"}', False, id="expired"),
        pytest.param(429, b"", False, id="too many requests"),
        pytest.param(500, b"", False, id="the server failed"),
        pytest.param(503, b"", False, id="the server is away"),
    ],
)
def test_only_the_publishers_own_faults_are_refusals(status: int, body: bytes, refused: bool) -> None:
    assert inbox.is_refusal(errors.from_response(status, body)) is refused

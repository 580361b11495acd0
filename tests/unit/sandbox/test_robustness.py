"""Whatever a client sends, the server answers and stays whole."""

import copy
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.sandbox import api
from tests.unit.sandbox.api import Api

_SERVICE: dict[str, Any] = {
    "metadata": {"name": "web"},
    "spec": {"type": "NodePort", "ports": [{"port": 80, "nodePort": 30001}], "clusterIP": "10.96.0.77"},
}
_POD: dict[str, Any] = {
    "metadata": {"name": "web", "finalizers": ["a/b"], "labels": {"a": "b"}},
    "spec": {"containers": [{"name": "a", "image": "b", "resources": {"limits": {"cpu": "1"}}}]},
    "status": {"phase": "Running", "containerStatuses": [{"name": "a", "state": {"running": {}}}]},
}
_DEFINITION = api.definition(subresources={"status": {}, "scale": {"specReplicasPath": ".spec.a"}})
_SEEDS = [
    (api.DEPLOYMENTS, api.deployment()),
    ("/api/v1/namespaces/default/services", _SERVICE),
    ("/api/v1/namespaces/default/pods", _POD),
    (api.DEFINITIONS, _DEFINITION),
]
_TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
_junk = st.sampled_from([None, "", 0, -1, 1.5, True, [], {}, "x", [None], [{}], {"a": None}, ["a", "a"], [[]]])
_KINDS = ["PUT", "POST", api.MERGE, api.STRATEGIC, api.APPLY]


@st.composite
def spoilt(draw: st.DrawFn, whole: dict[str, Any]) -> dict[str, Any]:
    """An object in which something has been replaced by junk."""
    made = copy.deepcopy(whole)
    for _ in range(draw(st.integers(1, 3))):
        place: Any = made
        while True:
            keys = sorted(place) if isinstance(place, dict) else range(len(place))
            key = draw(st.sampled_from(list(keys)))
            if not isinstance(place[key], dict | list) or not place[key] or draw(st.booleans()):
                break
            place = place[key]
        place[key] = copy.deepcopy(draw(_junk))
    return made


@st.composite
def requests(draw: st.DrawFn) -> tuple[str, dict[str, Any], str, dict[str, Any]]:
    """Where, what stands there, how it is written, and with what."""
    path, whole = draw(st.sampled_from(_SEEDS))
    return path, whole, draw(st.sampled_from(_KINDS)), draw(spoilt(whole))


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(requests())
def test_no_body_breaks_the_server(asked: tuple[str, dict[str, Any], str, dict[str, Any]]) -> None:
    path, whole, how, body = asked
    server = Api()
    server.done("POST", path, whole)
    place = f"{path}/{whole['metadata']['name']}"
    if how == "POST":
        answer = server.ask("POST", path, body)
    elif how == "PUT":
        answer = server.ask("PUT", place, body)
    else:
        answer = server.ask("PATCH", place, body, kind=how, fieldManager="me")
    assert answer.body.get("reason") != "InternalError", answer.body["message"]
    assert server.ask("GET", path, accept=_TABLE).code == 200

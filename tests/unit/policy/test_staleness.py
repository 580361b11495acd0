"""When the scheduler is asked, and which of its answers count."""

import msgspec
import pytest

from libs.common.api import wellknown
from libs.common.api.policy import Placement
from libs.common.api.work import BindingSuspension, ResourceBinding
from libs.common.messages import Order, Placed, PlacedCluster
from services.policy.core import binding as bindings
from services.policy.core import staleness
from tests.unit.policy.fleets import binding, cluster, leaving_cluster

DIVIDED = msgspec.convert({"replicaScheduling": {"replicaSchedulingType": "Divided"}}, Placement)
SPREAD = msgspec.convert({"spreadConstraints": [{"spreadByField": "cluster", "maxGroups": 1}]}, Placement)
CLUSTERS = {"m1": cluster("m1"), "m2": cluster("m2")}
UIDS = {"m1": "uid-m1", "m2": "uid-m2"}


def answer(*clusters: str, failure: str | None = None, digest: str = "d", template: str = "t") -> Placed:
    return Placed(
        hub_uid="h",
        name="a-configmap",
        template_uid=template,
        order=Order(),
        digest=digest,
        clusters=[PlacedCluster(name=c, uid=f"uid-{c}") for c in clusters],
        failure=failure,  # type: ignore[arg-type]
        message="no" if failure else "",
    )


def decided(stands: ResourceBinding, given: Placed) -> ResourceBinding:
    return bindings.placed(
        stands,
        given,
        inputs_digest=staleness.inputs_digest(stands),
        uids=UIDS,
        order=Order(epoch=1, seq=1),
        now="2026-01-01T00:00:00Z",
    )


def test_what_is_new_is_asked_about() -> None:
    assert staleness.reason(binding(), None, CLUSTERS) == "new"


def test_a_decision_answers_the_question_it_was_made_from() -> None:
    stands = decided(binding(), answer("m1"))

    assert staleness.reason(stands, stands, CLUSTERS) == ""


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"replicas": 3}, id="replicas"),
        pytest.param({"placement": DIVIDED}, id="placement"),
        pytest.param({"reschedule_triggered_at": "2026-01-02T00:00:00Z"}, id="somebody asks for it"),
    ],
)
def test_a_changed_question_is_asked_again(change: dict[str, object]) -> None:
    stands = decided(binding(), answer("m1"))
    wanted = msgspec.structs.replace(stands, spec=msgspec.structs.replace(stands.spec, **change))

    assert staleness.reason(wanted, stands, CLUSTERS) == "inputs changed"


def test_a_newer_version_of_the_template_alone_is_no_question() -> None:
    stands = decided(binding(), answer("m1"))
    resource = msgspec.structs.replace(stands.spec.resource, resource_version="99")
    wanted = msgspec.structs.replace(stands, spec=msgspec.structs.replace(stands.spec, resource=resource))

    assert staleness.reason(wanted, stands, CLUSTERS) == ""
    assert bindings.patch(stands, wanted) == {}


@pytest.mark.parametrize("text", ["oops", "[]", '{"time": 3}', "[" * 100_000])
def test_a_decision_whose_note_cannot_be_read_is_made_again(text: str) -> None:
    stands = decided(binding(), answer("m1"))
    notes = {**(stands.metadata.annotations or {}), wellknown.SCHEDULED_ANNOTATION: text}
    spoilt = msgspec.structs.replace(stands, metadata=msgspec.structs.replace(stands.metadata, annotations=notes))

    assert not staleness.failed(spoilt)
    assert staleness.reason(spoilt, spoilt, CLUSTERS)
    assert not staleness.reason(decided(spoilt, answer("m1")), decided(spoilt, answer("m1")), CLUSTERS)


def test_a_cluster_that_leaves_is_a_question() -> None:
    stands = decided(binding(), answer("m1"))

    assert staleness.reason(stands, stands, {"m1": leaving_cluster("m1")}) == "cluster m1 is leaving"


def test_suspended_scheduling_asks_nothing() -> None:
    stands = binding()
    suspended = msgspec.structs.replace(stands.spec, suspension=BindingSuspension(scheduling=True), replicas=7)

    assert staleness.reason(msgspec.structs.replace(stands, spec=suspended), stands, CLUSTERS) == ""


@pytest.mark.parametrize(
    ("given", "refusal"),
    [
        pytest.param(answer("m1"), "", id="holds"),
        pytest.param(answer("m1", digest="old"), "question changed", id="to an older question"),
        pytest.param(answer("m1", template="old"), "template replaced", id="about an older template"),
        pytest.param(answer("m3"), "cluster m3 replaced", id="names a cluster that is not there"),
    ],
)
def test_which_answers_count(given: Placed, refusal: str) -> None:
    assert staleness.refused(given, digest="d", template_uid="t", uids=UIDS) == refusal


@pytest.mark.parametrize(
    ("stands", "moves"),
    [
        pytest.param(binding("m1"), True, id="copies"),
        pytest.param(binding("m1", replicas=2), True, id="duplicated replicas"),
        pytest.param(binding("m1", replicas=2, placement=DIVIDED), False, id="divided replicas stay"),
        pytest.param(binding("m1", placement=SPREAD), True, id="copies by constraints"),
        pytest.param(binding("m1", placement=SPREAD, **{"argosy.dev/unjoined": "{}"}), False, id="not after an unjoin"),
        pytest.param(
            decided(binding(replicas=2, placement=DIVIDED), answer(failure="NoClusterFit")), True, id="found no place"
        ),
    ],
)
def test_what_follows_the_clusters(stands: ResourceBinding, moves: bool) -> None:
    assert staleness.moves_with_clusters(stands) == moves


def test_a_failure_to_fit_takes_all_clusters_away_and_says_so() -> None:
    after = decided(binding("m1"), answer(failure="NoClusterFit"))

    assert after.spec.clusters is None
    assert staleness.failed(after)


def test_another_failure_leaves_what_runs() -> None:
    assert decided(binding("m1"), answer(failure="SchedulerError")).spec.clusters == binding("m1").spec.clusters


def test_the_same_decision_again_writes_nothing() -> None:
    once = decided(binding(), answer("m1"))

    assert bindings.patch(once, decided(once, answer("m1"))) == {}


@pytest.mark.parametrize(
    ("known", "now", "expected"),
    [("7", "7", False), ("10", "9", False), ("9", "10", True), ("", "7", True), ("0", "7", True), ("", "", False)],
)
def test_an_answer_is_behind_when_it_knew_less_than_was_asked_about(known: str, now: str, expected: bool) -> None:
    assert staleness.is_behind(msgspec.structs.replace(answer("m1"), cluster_revision=known), now) is expected

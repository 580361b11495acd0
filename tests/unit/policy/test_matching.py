"""Which policy a template belongs to: the rules of precedence, claims and preemption, one row each."""

import pytest

from libs.common.api import wellknown
from libs.common.api.policy import PropagationPolicy
from services.policy.core import matching
from services.policy.core.matching import Claim, Keep, Release, TemplateFacts, Unmatched, Waiting
from tests.unit.policy.fleets import facts, policy

BY_NAME = [{"apiVersion": "v1", "kind": "ConfigMap", "name": "a"}]
BY_LABEL = [{"apiVersion": "v1", "kind": "ConfigMap", "labelSelector": {"matchLabels": {"app": "x"}}}]
OTHER = [{"apiVersion": "v1", "kind": "ConfigMap", "name": "other"}]
LABELLED = facts(labels={"app": "x"})


def claimed(by: PropagationPolicy, **labels: str) -> TemplateFacts:
    own, notes = matching.claim_metadata(by)
    present = {k: v for k, v in own.items() if v is not None}
    return facts(labels=present | labels, annotations={k: v for k, v in notes.items() if v is not None})


def chosen(template: TemplateFacts, *policies: PropagationPolicy, applied: int | None = None) -> str:
    decision = matching.decide(template, policies, frozenset(), applied)
    assert isinstance(decision, Claim), decision
    return decision.policy.metadata.name


@pytest.mark.parametrize(
    ("policies", "winner"),
    [
        pytest.param([policy("a")], "a", id="the only one"),
        pytest.param([policy("z", priority=1), policy("a")], "z", id="higher priority"),
        pytest.param([policy("a"), policy("z", resourceSelectors=BY_LABEL)], "z", id="labels before all"),
        pytest.param(
            [policy("a", resourceSelectors=BY_LABEL), policy("z", resourceSelectors=BY_NAME)], "z", id="by name"
        ),
        pytest.param(
            [policy("z", priority=1), policy("a", resourceSelectors=BY_NAME)], "z", id="priority before kind of match"
        ),
        pytest.param([policy("b"), policy("a")], "a", id="the first by name among equals"),
        pytest.param(
            [policy("wide", namespace="", priority=100), policy("own")], "own", id="namespaced before cluster-wide"
        ),
        pytest.param([policy("a", deleting=True), policy("b")], "b", id="a deleting one does not count"),
        pytest.param([policy("a", namespace="elsewhere"), policy("b")], "b", id="of another namespace"),
    ],
)
def test_the_first_claim(policies: list[PropagationPolicy], winner: str) -> None:
    assert chosen(LABELLED, *policies) == winner


def test_no_policy_selects_it() -> None:
    decision = matching.decide(facts(), [policy("a", resourceSelectors=OTHER)], frozenset(), None)

    assert decision == Unmatched()


def test_a_claim_outlives_better_policies() -> None:
    old, better = policy("z"), policy("a", priority=10)

    assert chosen(claimed(old), better, old) == "z"


def test_a_cluster_wide_claim_outlives_a_namespaced_policy() -> None:
    wide = policy("wide", namespace="")

    assert chosen(claimed(wide), policy("own"), wide) == "wide"


def test_a_policy_made_anew_under_its_name_takes_its_templates_again() -> None:
    assert chosen(claimed(policy("a")), policy("b", priority=5), policy("a")) == "a"


def test_a_claim_whose_policy_has_not_changed_is_kept_when_labels_move_away() -> None:
    old = policy("p", resourceSelectors=BY_LABEL, generation=3)

    assert matching.decide(claimed(old), [old], frozenset(), 3) == Keep()


def test_a_claim_whose_policy_no_longer_selects_it_is_released() -> None:
    changed = policy("p", resourceSelectors=OTHER, generation=4)

    decision = matching.decide(claimed(changed), [changed], frozenset(), 3)

    assert isinstance(decision, Release)
    assert decision.claim.name == "p"


def test_a_claim_whose_policy_is_gone_goes_to_the_next() -> None:
    assert chosen(claimed(policy("gone")), policy("next")) == "next"


def test_a_claim_without_any_policy_is_released() -> None:
    assert isinstance(matching.decide(claimed(policy("gone")), [], frozenset(), None), Release)


PREEMPTING = {"preemption": "Always", "resourceSelectors": BY_NAME}


@pytest.mark.parametrize(
    ("current", "rival", "winner"),
    [
        pytest.param(policy("old"), policy("new", priority=1, **PREEMPTING), "new", id="higher priority takes"),
        pytest.param(policy("old"), policy("new", **PREEMPTING), "old", id="a tie takes nothing"),
        pytest.param(policy("old"), policy("new", priority=1, resourceSelectors=BY_NAME), "old", id="never unasked"),
        pytest.param(policy("old"), policy("new", priority=1, preemption="Always"), "old", id="only what it names"),
        pytest.param(
            policy("old", namespace="", priority=9), policy("new", **PREEMPTING), "new", id="from cluster-wide always"
        ),
        pytest.param(
            policy("old"), policy("new", namespace="", priority=9, **PREEMPTING), "old", id="cluster-wide never"
        ),
        pytest.param(
            policy("old", namespace=""),
            policy("new", namespace="", priority=1, **PREEMPTING),
            "new",
            id="cluster-wide from cluster-wide",
        ),
    ],
)
def test_preemption(current: PropagationPolicy, rival: PropagationPolicy, winner: str) -> None:
    assert chosen(claimed(current), current, rival) == winner


def test_a_policy_waits_for_overrides_of_its_namespace() -> None:
    waiting = policy("p", dependentOverrides=["o"])

    assert isinstance(matching.decide(facts(), [waiting], frozenset({("", "o")}), None), Waiting)
    assert isinstance(matching.decide(facts(), [waiting], frozenset({("default", "o")}), None), Claim)


def test_a_claim_of_a_namespaced_policy_takes_the_cluster_wide_one_away() -> None:
    labels, notes = matching.claim_metadata(policy("own"))

    assert labels[wellknown.CLUSTER_POLICY_ID_LABEL] is None
    assert notes[wellknown.CLUSTER_POLICY_NAME_ANNOTATION] is None

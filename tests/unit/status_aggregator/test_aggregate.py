"""What a binding shows of its members."""

import itertools
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.api.meta import Condition
from libs.common.api.work import AggregatedStatusItem, BindingStatus
from libs.common.messages import Outcome, WorkStatus
from services.status_aggregator.core import aggregate
from tests.unit.status_aggregator.builders import NOW, TEMPLATE, order, outcome, status

LATER = "2026-08-01T13:00:00Z"


def _said(*statuses: WorkStatus) -> dict[str, WorkStatus]:
    return {s.cluster: s for s in statuses}


def _conditions(state: BindingStatus) -> dict[str, str]:
    return {c.type: c.status for c in state.conditions or ()}


def test_all_members_applied() -> None:
    seen = aggregate.view(
        outcome(member1=1, member2=1), _said(status("member2"), status("member1", reflected={"a": 1}))
    )
    assert seen.items == [
        AggregatedStatusItem(cluster_name="member1", applied=True, health="Healthy", status={"a": 1}),
        AggregatedStatusItem(cluster_name="member2", applied=True, health="Healthy"),
    ]
    assert seen.settled


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (None, "never heard of"),
        (status("member1", 1), "an older work"),
        (status("member1", 2, cluster_uid="an earlier member1"), "an earlier cluster of that name"),
        (status("member1", 2, template=msgspec.structs.replace(TEMPLATE, uid="before")), "an earlier template"),
        (status("member1", 2, hub_uid="another hub"), "another hub"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_member_is_pending_until_it_speaks_of_the_present_work(said: WorkStatus | None, why: str) -> None:
    seen = aggregate.view(outcome(2, member1=2), _said(said) if said is not None else {})
    assert seen.pending == {"member1"}
    assert seen.items == [AggregatedStatusItem(cluster_name="member1", health="Unknown")]
    assert not seen.settled


def test_a_work_that_cannot_be_made_is_not_waited_for_whatever_was_applied_before() -> None:
    expected = msgspec.structs.replace(
        outcome(2, member1=1, member2=2), failures={"member1": "no path", "member2": "x"}
    )
    seen = aggregate.view(expected, _said(status("member1", 1, reflected={"replicas": 3})))
    assert [item.applied for item in seen.items] == [False, False]
    assert seen.items[0].applied_message == "Failed to apply all manifests (0/1): no path"
    assert seen.settled
    assert seen.template_items[0].status == {"replicas": 3}


def test_what_a_pending_member_last_said_still_counts_for_the_template() -> None:
    old = status("member1", 1, reflected={"replicas": 3, "resourceTemplateGeneration": 1})
    seen = aggregate.view(outcome(2, member1=2), _said(old))
    assert seen.items[0].status is None
    assert seen.template_items[0].status == {"replicas": 3, "resourceTemplateGeneration": 1}


def test_a_refusal_shows_the_members_own_words() -> None:
    refused = status("member1", applied=False, message="quota exceeded", reflected={"replicas": 1})
    seen = aggregate.view(outcome(member1=1), _said(refused))
    assert seen.items == [
        AggregatedStatusItem(
            cluster_name="member1",
            applied_message="Failed to apply all manifests (0/1): quota exceeded",
            health="Unknown",
        )
    ]


def test_a_suspended_work_is_neither_applied_nor_failed() -> None:
    seen = aggregate.view(outcome(member1=1), _said(status("member1", applied=None)))
    assert seen.items == [AggregatedStatusItem(cluster_name="member1", health="Unknown")]
    assert seen.pending == frozenset()


def test_members_that_are_no_longer_expected_are_not_shown() -> None:
    seen = aggregate.view(outcome(2, member1=1), _said(status("member1"), status("member2")))
    assert [item.cluster_name for item in seen.items] == ["member1"]


@pytest.mark.parametrize(
    ("change", "settled"),
    [({}, True), ({"health": "Unhealthy"}, False), ({"behind": True}, False), ({"applied": False}, True)],
)
def test_what_is_settled(change: dict[str, Any], settled: bool) -> None:
    assert aggregate.view(outcome(member1=1), _said(status("member1", **change))).settled is settled


def test_a_member_ahead_of_policy_is_not_settled() -> None:
    seen = aggregate.view(outcome(1, member1=1), _said(status("member1", 2)))
    assert seen.ahead
    assert not seen.settled


def test_a_lean_status_says_the_same_and_shares_what_is_equal() -> None:
    expected = outcome(member1=1)
    said = msgspec.json.decode(msgspec.json.encode(status("member1", reflected={"a": 1})), type=WorkStatus)
    lean = aggregate.lean(said, expected)
    assert lean == said
    assert lean.template is expected.template
    assert aggregate.lean(said, outcome()).cluster_uid == "member1-uid"


# ---- the binding's status --------------------------------------------------------------------------------------------


def _status(
    said: Outcome, *statuses: WorkStatus, present: BindingStatus | None = None, now: str = NOW
) -> BindingStatus:
    return aggregate.binding_status(said, aggregate.view(said, _said(*statuses)), present, now)


def test_first_status_of_a_binding() -> None:
    state = _status(outcome(member1=1), status("member1"))
    assert _conditions(state) == {"Scheduled": "True", "FullyApplied": "True"}
    assert state.scheduler_observed_generation == 2
    assert [c.last_transition_time for c in state.conditions or ()] == [NOW, NOW]


def test_conditions_keep_the_time_of_their_last_change() -> None:
    first = _status(outcome(member1=1), status("member1"))
    second = _status(outcome(2, member1=2), status("member1", 1), present=first, now=LATER)
    assert {c.type: c.last_transition_time for c in second.conditions or ()} == {
        "Scheduled": NOW,
        "FullyApplied": LATER,
    }


def test_the_same_again_is_equal() -> None:
    first = _status(outcome(member1=1), status("member1"))
    assert _status(outcome(member1=1), status("member1"), present=first, now=LATER) == first


def test_without_any_work_fully_applied_is_left_out() -> None:
    assert _conditions(_status(outcome())) == {"Scheduled": "True"}


def test_fully_applied_turns_false_when_the_last_work_has_gone() -> None:
    first = _status(outcome(member1=1), status("member1"))
    assert _conditions(_status(outcome(2), present=first)) == {"Scheduled": "True", "FullyApplied": "False"}


def test_conditions_of_others_stay() -> None:
    foreign = Condition(type="Audited", status="True", last_transition_time=NOW)
    state = _status(outcome(member1=1), status("member1"), present=BindingStatus(conditions=[foreign]))
    assert foreign in (state.conditions or [])


def test_many_clusters_are_counted_and_the_worst_are_listed() -> None:
    names = [f"m{n:03}" for n in range(150)]
    said = outcome(**dict.fromkeys(names, 1))
    statuses = [status(n) for n in names[:140]] + [status(n, applied=False, message="no") for n in names[140:145]]
    state = _status(said, *statuses)
    assert len(state.aggregated_status or ()) == aggregate.WORST
    assert {item.cluster_name for item in state.aggregated_status or ()} >= set(names[140:])
    summary = next(c for c in state.conditions or () if c.type == aggregate.SUMMARIZED)
    assert summary.message == "150 clusters: 5 failed, 5 pending, 140 healthy; aggregatedStatus lists the 20 worst"
    assert _conditions(state)["FullyApplied"] == "False"


def test_a_status_above_the_size_limit_is_shortened() -> None:
    big = {"text": "x" * 100_000}
    state = _status(outcome(a=1, b=1, c=1), *(status(n, reflected=big) for n in "abc"))
    assert len(msgspec.json.encode(state)) < aggregate.FULL_LIST_BYTES + 2000
    assert len(state.aggregated_status or ()) == 2


# ---- order of messages -----------------------------------------------------------------------------------------------


def _fold(messages: list[Outcome | WorkStatus]) -> BindingStatus | None:
    """What stands at the end if messages come in this order."""
    known: Outcome | None = None
    statuses: dict[str, WorkStatus] = {}
    for message in messages:
        if isinstance(message, Outcome):
            known = message if aggregate.outcome_supersedes(message, known) else known
        elif aggregate.supersedes(message, statuses.get(message.cluster)):
            statuses[message.cluster] = message
    return _status(known, *statuses.values()) if known is not None else None


def test_every_interleaving_of_an_update_ends_in_the_same_status() -> None:
    messages = [
        outcome(1, member1=1, member2=1),
        status("member1", 1, reflected={"v": 1}),
        status("member2", 1, reflected={"v": 1}),
        outcome(2, member1=2, member2=3),
        status("member1", 2, reflected={"v": 2}),
        status("member2", 3, reflected={"v": 2}),
    ]
    ends = {msgspec.json.encode(_fold(list(p))) for p in itertools.permutations(messages)}
    assert len(ends) == 1


def test_old_content_never_shows_as_applied_once_the_new_is_expected() -> None:
    before = [outcome(1, member1=1), status("member1", 1, reflected={"v": 1})]
    for messages in itertools.permutations([*before, outcome(2, member1=2)]):
        state = _fold(list(messages))
        assert state is not None
        assert _conditions(state)["FullyApplied"] == "False"


_MESSAGES = st.lists(
    st.one_of(
        st.builds(
            lambda seq, clusters: outcome(seq, **dict.fromkeys(sorted(clusters), seq)),
            st.integers(1, 5),
            st.sets(st.sampled_from(["a", "b", "c"])),
        ),
        st.builds(
            lambda cluster, seq, applied: status(cluster, seq, applied=applied, reflected={"v": seq}),
            st.sampled_from(["a", "b", "c"]),
            st.integers(1, 5),
            st.booleans(),
        ),
    ),
    max_size=8,
    unique_by=lambda m: (type(m), getattr(m, "cluster", ""), m.order),
)


@given(_MESSAGES, st.randoms(use_true_random=False))
def test_order_and_repetition_of_messages_do_not_matter(messages: list[Outcome | WorkStatus], random: Any) -> None:
    shuffled = [*messages, *messages]
    random.shuffle(shuffled)
    assert _fold(shuffled) == _fold(messages)


@given(_MESSAGES)
def test_applied_means_the_expected_work_or_a_later_one(messages: list[Outcome | WorkStatus]) -> None:
    outcomes = [m for m in messages if isinstance(m, Outcome)]
    state = _fold(messages)
    if state is None:
        return
    last = max(outcomes, key=lambda m: m.order)
    for item in state.aggregated_status or ():
        if item.applied:
            assert item.status["v"] >= last.expected[item.cluster_name].seq


def test_a_new_epoch_is_above_any_order_of_the_old_one() -> None:
    old, new = status("member1", 900), status("member1", order=order(1, epoch=2))
    assert aggregate.supersedes(new, old)
    assert not aggregate.supersedes(old, new)

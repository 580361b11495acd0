"""What an order to remove makes of what stands in the member."""

from typing import Any

import pytest

from libs.common.api import wellknown
from libs.common.api.meta import Template
from libs.common.messages import Removal
from services.agent.core import plan
from services.agent.core.actions import Absent, Action, Delete, Release, Stale, Wait
from services.agent.core.plan import Contents
from tests.unit.agent.objects import ME, manifest, removal, standing, with_annotations, with_labels, work

TOMBSTONE = work(op="delete")
NAMESPACE = removal(kind="Namespace", namespace="", name="demo")


def decide(observed: Template | None, asked: Removal | None = None, **more: Any) -> Action:
    return plan.remove(asked or removal(), TOMBSTONE, observed, ME, **more)


def namespace(*, created: bool = True, **metadata: Any) -> Template:
    made = standing(manifest(kind="Namespace"), **metadata)
    return with_annotations(made, {wellknown.CREATED_ANNOTATION: "true" if created else None})


def test_what_is_ours_goes_as_it_was_seen() -> None:
    assert decide(standing()) == Delete(uid="member-uid", resource_version="7")


@pytest.mark.parametrize(
    "observed",
    [
        None,
        with_labels(standing(), **{wellknown.OWNER_LABEL: None}),
        with_labels(standing(), **{wellknown.OWNER_LABEL: "somebody"}),
        standing(manifest(uid="new")),
        with_annotations(standing(), {wellknown.TEMPLATE_UID_ANNOTATION: None}),
        with_annotations(standing(), {wellknown.ORIGIN_ANNOTATION: "ResourceBinding/demo/other/uid"}),
    ],
    ids=["absent", "our label gone", "another owner's", "of another template", "of no template", "of another origin"],
)
def test_what_the_order_does_not_name_is_not_touched(observed: Template | None) -> None:
    assert decide(observed) == Absent()


def test_what_a_later_order_wrote_is_not_touched() -> None:
    assert decide(standing(seq=6)) == Stale()


def test_what_another_origin_asks_for_stays() -> None:
    assert decide(standing(), claimed=True) == Absent()


def test_what_is_on_its_way_out_is_waited_for() -> None:
    assert isinstance(decide(standing(deletionTimestamp="2026-01-01T00:00:00Z")), Wait)


def test_what_is_preserved_loses_every_mark_and_keeps_the_rest() -> None:
    observed = with_labels(
        standing(manifest(annotations={"note": "mine"})),
        **{
            wellknown.POLICY_ID_LABEL: "p",
            wellknown.BINDING_ID_LABEL: "b",
            wellknown.WORK_ID_LABEL: "w",
            "theirs": "kept",
        },
    )
    action = decide(observed, preserve=True)
    assert isinstance(action, Release)
    metadata = action.body["metadata"]
    assert metadata["labels"] == {"app": "settings", "theirs": "kept"}
    assert metadata["annotations"] == {"note": "mine"}
    assert metadata["resourceVersion"] == "7"
    assert action.body["data"] == {"colour": "blue"}


def test_a_namespace_that_we_made_and_that_holds_nothing_of_others_goes() -> None:
    assert isinstance(decide(namespace(), NAMESPACE), Delete)


@pytest.mark.parametrize(
    ("observed", "contents"),
    [(namespace(), Contents(unmanaged=["ConfigMap demo/notes"])), (namespace(created=False), Contents())],
    ids=["with something of a user in it", "that was there before us"],
)
def test_other_namespaces_are_left_behind(observed: Template, contents: Contents) -> None:
    assert isinstance(decide(observed, NAMESPACE, contents=contents), Release)


def test_a_namespace_waits_for_works_that_still_want_what_is_in_it() -> None:
    assert isinstance(decide(namespace(), NAMESPACE, contents=Contents(wanted=1)), Wait)


def test_contents_do_not_matter_for_other_kinds() -> None:
    assert isinstance(decide(standing(), contents=Contents(wanted=3, unmanaged=["x"])), Delete)


def test_a_tombstone_orders_itself_away_and_what_stood_before() -> None:
    before = removal(name="old")
    assert plan.removals(work(op="delete", removes=[before, removal(), before])) == [removal(), before]


def test_a_work_orders_away_only_what_it_does_not_ask_for() -> None:
    before, same, renewed = removal(template_uid="old"), removal(), removal(name="old")
    assert plan.removals(work(removes=[before, same, renewed])) == [before, renewed]


def test_kinds_that_are_taken_over_are_not_made_anew() -> None:
    asked = work(kind="PersistentVolumeClaim", removes=[removal(kind="PersistentVolumeClaim", template_uid="old")])
    assert plan.removals(asked) == []

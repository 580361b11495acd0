"""What beats and inventories show: when a member is looked at, and what is orphaned or missing there."""

from libs.common.messages import Beat, InventoryItem, Order, Origin
from libs.common.names import OriginKey
from services.policy.core import divergence
from services.policy.core.divergence import Watch
from tests.unit.policy.fleets import published

KEY = OriginKey("default", "a-configmap")
ORIGIN = Origin(kind="ResourceBinding", namespace="default", name="a-configmap", uid="b")
STANDING = {KEY: published("apply", Order(epoch=1, seq=1))}


def beat(digest: str, *, seq: int = 10, agent: str = "x", applied: str = "") -> Beat:
    return Beat(
        hub_uid="h",
        cluster="m1",
        cluster_uid="u",
        agent=agent,
        sent_at="",
        works=1,
        known_digest=digest,
        applied_digest=applied,
        stream_seq=seq,
    )


def judged(watch: Watch, *beats: Beat) -> list[bool]:
    return [divergence.judge(watch, b, works=1, digest="right", last_seq=10) for b in beats]


def compared() -> Watch:
    return Watch(agent="x", compared=True)


def test_a_new_agent_is_looked_at_once_it_agrees() -> None:
    assert judged(Watch(), beat("right")) == [True]


def test_one_differing_beat_is_patience() -> None:
    assert judged(compared(), beat("wrong"), beat("right")) == [False, False]


def test_two_differing_beats_are_a_divergence() -> None:
    assert judged(compared(), beat("wrong"), beat("wrong")) == [False, True]


def test_an_agent_that_has_not_read_all_yet_does_not_differ() -> None:
    assert judged(compared(), beat("wrong", seq=9), beat("wrong", seq=9), beat("wrong", seq=9)) == [False] * 3


def test_an_agent_that_reads_its_works_says_nothing() -> None:
    assert judged(compared(), beat(""), beat(""), beat("")) == [False] * 3


def test_who_stays_without_having_applied_all_is_looked_at_once() -> None:
    behind, other = beat("right", applied="half"), beat("right", applied="less")
    assert judged(compared(), behind, behind, behind, behind) == [False, True, False, False]
    assert judged(compared(), behind, behind, other, other, other) == [False, True, False, True, False]


def test_who_is_applying_is_not_behind() -> None:
    beats = [beat("right", applied=part) for part in ("a", "b", "c", "right", "right")]
    assert judged(compared(), *beats) == [False] * 5


def test_who_has_caught_up_may_fall_behind_again() -> None:
    behind, level = beat("right", applied="half"), beat("right", applied="right")
    assert judged(compared(), behind, behind, level, behind, behind) == [False, True, False, False, True]


def item(*, name: str = "a", template: str = "t", origin: Origin = ORIGIN) -> InventoryItem:
    return InventoryItem(
        origin=origin, api_version="v1", kind="ConfigMap", namespace="default", name=name, template_uid=template
    )


def test_what_a_work_explains_is_in_order() -> None:
    found = divergence.compare(STANDING, [item()], complete=True)

    assert (found.orphans, found.missing) == ([], [])


def test_an_object_of_an_earlier_template_is_an_orphan() -> None:
    found = divergence.compare(STANDING, [item(template="old")], complete=True)

    assert [i.template_uid for _, i in found.orphans] == ["old"]
    assert found.missing == [KEY]


def test_an_object_of_no_origin_is_an_orphan() -> None:
    stranger = Origin(kind="ResourceBinding", namespace="default", name="other", uid="o")

    found = divergence.compare(STANDING, [item(), item(name="x", origin=stranger)], complete=True)

    assert [key for key, _ in found.orphans] == [OriginKey("default", "other")]


def test_an_incomplete_inventory_proves_no_absence() -> None:
    assert divergence.compare(STANDING, [], complete=False).missing == []


def test_the_key_of_a_namespace_is_not_that_of_a_binding() -> None:
    assert divergence.key_of(Origin(kind="Namespace", name="shop", uid="n")) == OriginKey("", "namespace:shop")

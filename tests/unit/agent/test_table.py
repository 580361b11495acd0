"""What is known of works: the last word counts, also across a replay of an older stream."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from libs.common.messages import Order, Work
from libs.common.names import OriginKey
from services.agent.core import identity
from services.agent.core.identity import ObjectName
from services.agent.core.table import Table
from tests.unit.agent.objects import ME, removal, work

KEY = OriginKey("demo", "settings-configmap")
OTHER = OriginKey("demo", "other")


def orders(works: Table) -> Order:
    return works.works[KEY].order


def test_an_earlier_work_is_dropped() -> None:
    table = Table(ME)
    assert table.put(KEY, work(seq=5))
    assert not table.put(KEY, work(seq=4))
    assert orders(table).seq == 5


def test_the_same_work_again_is_taken() -> None:
    table = Table(ME)
    assert table.put(KEY, work())
    assert table.put(KEY, work())


def test_an_older_copy_of_the_stream_brings_nothing_back() -> None:
    table = Table(ME)
    table.put(KEY, work(seq=5, op="delete"))
    table.forget()
    assert not table.put(KEY, work(seq=4))
    assert not table.works


def test_works_for_others_are_refused_with_a_reason() -> None:
    table = Table(ME)
    assert table.refuses(work()) == ""
    assert "hub" in table.refuses(work(hub_uid="other"))
    assert "cluster" in table.refuses(work(cluster_uid="other"))


def test_tombstones_are_not_in_the_digest() -> None:
    table, empty = Table(ME), Table(ME)
    table.put(KEY, work(seq=4))
    assert table.known.text() != empty.known.text()
    table.put(KEY, work(seq=5, op="delete"))
    assert table.known.text() == empty.known.text()


def test_the_digest_does_not_depend_on_orders_and_ways() -> None:
    one, two = Table(ME), Table(ME)
    one.put(KEY, work(seq=1))
    one.put(OTHER, work(seq=2, digest="x"))
    two.put(OTHER, work(seq=8, digest="old"))
    two.put(OTHER, work(seq=9, digest="x"))
    two.put(KEY, work(seq=10))
    assert one.known.text() == two.known.text()


def test_what_is_applied_is_told_apart() -> None:
    table, asked = Table(ME), work()
    table.put(KEY, asked)
    assert table.applied.text() != table.known.text()
    table.stands(KEY, asked, True)
    assert table.applied.text() == table.known.text()
    table.stands(KEY, asked, False)
    assert len(table.applied) == 0


def test_a_result_of_a_work_that_was_overtaken_says_nothing() -> None:
    table, asked = Table(ME), work(seq=4)
    table.put(KEY, asked)
    table.put(KEY, work(seq=5, digest="next"))
    table.stands(KEY, asked, True)
    assert len(table.applied) == 0


def test_objects_are_found_by_who_asks_for_them_or_orders_them_away() -> None:
    table = Table(ME)
    table.put(KEY, work(seq=4, removes=[removal(name="old")]))
    assert list(table.claimants(identity.target(work()))) == [KEY]
    assert list(table.claimants(ObjectName(api_version="v1", kind="ConfigMap", namespace="demo", name="old"))) == [KEY]
    table.put(KEY, work(seq=5))
    assert not list(table.claimants(ObjectName(api_version="v1", kind="ConfigMap", namespace="demo", name="old")))


def test_what_others_ask_for_is_known() -> None:
    table = Table(ME)
    table.put(KEY, work())
    table.put(OTHER, work())
    assert table.others(KEY, identity.target(work())) == [work()]
    table.put(OTHER, work(seq=6, op="delete"))
    assert table.others(KEY, identity.target(work())) == []


def test_what_is_wanted_in_a_namespace_is_counted() -> None:
    demo = ObjectName(api_version="v1", kind="Namespace", name="demo")
    table = Table(ME)
    table.put(KEY, work(seq=4))
    assert table.wanted_in(demo) == 1
    table.put(KEY, work(seq=5, op="delete"))
    assert table.wanted_in(demo) == 0


def test_what_is_wanted_of_a_definition_is_counted() -> None:
    widgets = ObjectName(api_version="apiextensions.k8s.io/v1", kind="CustomResourceDefinition", name="widgets.x.io")
    table = Table(ME)
    table.put(KEY, work(api_version="x.io/v1", kind="Widget"))
    assert table.wanted_in(widgets, [("x.io/v1", "Widget")]) == 1
    assert table.wanted_in(widgets, [("x.io/v1", "Gadget")]) == 0


def test_the_highest_order_is_that_of_works_and_of_what_was_seen_on_objects() -> None:
    table = Table(ME)
    table.put(KEY, work(seq=5))
    table.saw(Order(epoch=3))
    assert table.highest == Order(epoch=3)


def test_the_highest_version_of_the_hub_is_remembered() -> None:
    table, asked = Table(ME), work()
    newer = msgspec.structs.replace(asked.template, resource_version="120")
    table.put(KEY, msgspec.structs.replace(asked, template=newer))
    table.put(OTHER, asked)
    assert table.hub_version == 120


WORKS = st.builds(
    lambda seq, op, digest: work(seq=seq, op=op, digest=digest if op == "apply" else ""),
    st.integers(1, 9),
    st.sampled_from(["apply", "delete"]),
    st.sampled_from("abc"),
)


@given(st.lists(st.tuples(st.sampled_from([KEY, OTHER]), WORKS), max_size=20), st.randoms())
def test_in_whatever_order_works_come_the_last_word_is_the_same(
    said: list[tuple[OriginKey, Work]], random: object
) -> None:
    last: dict[OriginKey, Work] = {}
    for key, each in said:
        if key not in last or each.order.seq > last[key].order.seq:
            last[key] = each
    unique = [(k, w) for k, w in said if last[k] is w or w.order != last[k].order]
    shuffled = [*unique, *unique]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    table = Table(ME)
    for key, each in shuffled:
        table.put(key, each)
    assert table.works == last
    direct = Table(ME)
    for key, each in last.items():
        direct.put(key, each)
    assert table.known.text() == direct.known.text()

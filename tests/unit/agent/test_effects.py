"""A report counts the works whose effect its figures include, and no later ones."""

from libs.common.messages import Order
from libs.common.names import OriginKey
from services.agent.core.effects import SETTLE, Counted, Effects

A, B, C = (OriginKey("demo", name) for name in "abc")
ORDERS = [Order(epoch=1, seq=n) for n in (1, 2, 3)]


def effects(*tried: tuple[OriginKey, int, float | None]) -> Effects:
    """Three works have come in; some were tried."""
    made = Effects()
    for key, order in zip((A, B, C), ORDERS, strict=True):
        made.taken(key, order)
    for key, seq, written in tried:
        made.tried(key, ORDERS[seq - 1], written)
    return made


def test_nothing_is_counted_before_anything_was_tried() -> None:
    assert effects().counted(ORDERS, 0) == Counted(Order(), False)


def test_what_was_tried_counts_up_to_the_first_that_was_not() -> None:
    assert effects((A, 1, None), (C, 3, None)).counted(ORDERS, 0) == Counted(ORDERS[0], False)


def test_a_written_workload_counts_when_its_pods_have_had_time_to_come() -> None:
    made = effects((A, 1, None), (B, 2, 10.0), (C, 3, None))
    assert made.counted(ORDERS, 10.0 + SETTLE / 2) == Counted(ORDERS[0], False)
    assert made.counted(ORDERS, 10.0 + SETTLE) == Counted(ORDERS[2], True)


def test_a_work_that_was_overtaken_while_it_was_tried_is_still_outstanding() -> None:
    made = effects((A, 1, None), (C, 3, None))
    later = Order(epoch=1, seq=9)
    made.taken(B, later)
    made.tried(B, ORDERS[1], None)
    assert made.counted([*ORDERS, later], 0) == Counted(ORDERS[2], False)


def test_without_works_nothing_is_outstanding() -> None:
    assert Effects().counted([], 0) == Counted(Order(), True)

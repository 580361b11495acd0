"""Marks on objects are read as they are written; what is malformed counts as missing."""

import pytest

from libs.common.messages import Order, Origin
from services.agent.core import identity
from tests.unit.agent.objects import ME, ORIGIN


@pytest.mark.parametrize("order", [Order(), Order(epoch=3, seq=12), Order(epoch=10**15, seq=1)])
def test_orders_are_read_as_written(order: Order) -> None:
    assert identity.parse_order(identity.render_order(order)) == order


@pytest.mark.parametrize("text", ["", "1", "1.", ".1", "a.b", "1.2.3", "-1.2", "1. 2"])
def test_what_is_no_order_is_the_lowest(text: str) -> None:
    assert identity.parse_order(text) == Order()


@pytest.mark.parametrize(
    "origin",
    [
        ORIGIN,
        Origin(kind="ClusterResourceBinding", name="x-clusterrole", uid="u"),
        Origin(kind="Namespace", name="d", uid="u"),
    ],
    ids=["a binding", "a cluster-wide binding", "a namespace"],
)
def test_origins_are_read_as_written(origin: Origin) -> None:
    assert identity.parse_origin(identity.render_origin(origin)) == origin


@pytest.mark.parametrize("text", ["", "a/b/c", "a/b/c/d/e", "/b/c/d", "a/b//d", "a/b/c/"])
def test_what_is_no_origin_is_none(text: str) -> None:
    assert identity.parse_origin(text) is None


def test_the_owner_depends_on_hub_and_cluster() -> None:
    other_hub = identity.Identity(hub_uid="other", cluster="member1", cluster_uid="cluster")
    other_life = identity.Identity(hub_uid="hub", cluster="member1", cluster_uid="again")
    assert len({ME.owner, other_hub.owner, other_life.owner}) == 3

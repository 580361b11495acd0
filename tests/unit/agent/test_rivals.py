"""Of two origins that ask for one object from one template, one writes and the other looks on."""

import msgspec

from libs.common.messages import Origin
from services.agent.core import rivals
from tests.unit.agent.objects import work

BINDING = work(origin=Origin(kind="ClusterResourceBinding", name="demo-namespace", uid="a"))
OTHER_BINDING = work(origin=Origin(kind="ClusterResourceBinding", name="demo-x", uid="b"))
SYNC = work(origin=Origin(kind="Namespace", name="namespace:demo", uid="z"))


def test_alone_nobody_yields() -> None:
    assert not rivals.yields(SYNC, [])


def test_the_sync_of_a_namespace_yields_to_a_binding() -> None:
    assert rivals.yields(SYNC, [BINDING])
    assert not rivals.yields(BINDING, [SYNC])


def test_of_two_bindings_just_one_yields() -> None:
    assert rivals.yields(BINDING, [OTHER_BINDING]) != rivals.yields(OTHER_BINDING, [BINDING])


def test_who_comes_of_another_template_is_a_stranger_to_whom_nobody_yields() -> None:
    template = msgspec.structs.replace(BINDING.template, uid="other")
    stranger = msgspec.structs.replace(BINDING, template=template)
    assert not rivals.yields(SYNC, [stranger])
    assert rivals.strangers(SYNC, [stranger, OTHER_BINDING]) == {"a"}

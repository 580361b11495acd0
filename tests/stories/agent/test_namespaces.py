"""Namespaces come before what is in them, and go only when nothing of others is in them."""

from libs.common.api import wellknown
from tests.stories.agent.scene import CONFIG_MAPS, Scene, config_map, namespace


async def test_a_namespace_of_ours_goes_and_one_with_something_in_it_stays_released(world: Scene) -> None:
    full, empty = await world.apply(namespace("full")), await world.apply(namespace("empty"))
    await world.applied(full)
    await world.applied(empty)
    await world.make(CONFIG_MAPS, config_map("notes", namespace="full", theirs="yes"))
    gone = await world.removed(await world.remove(full))
    assert gone.preserved
    kept = await world.get(world.NAMESPACES, "full")
    assert kept is not None
    assert wellknown.OWNER_LABEL not in (kept["metadata"].get("labels") or {})
    assert kept["status"]["phase"] == "Active"
    gone = await world.removed(await world.remove(empty))
    assert not gone.preserved
    assert await world.get(world.NAMESPACES, "empty") is None


async def test_a_namespace_waits_for_what_is_still_wanted_in_it(world: Scene) -> None:
    space = await world.apply(namespace("demo"))
    inside = await world.apply(config_map("settings", namespace="demo"))
    await world.applied(inside)
    tombstone = await world.remove(space)
    await world.applied(await world.apply(config_map("fence")))
    assert await world.get(CONFIG_MAPS, "settings", "demo") is not None
    await world.removed(await world.remove(inside))
    await world.removed(tombstone)
    assert await world.get(world.NAMESPACES, "demo") is None


async def test_an_object_comes_after_its_namespace(world: Scene) -> None:
    inside = await world.apply(config_map("settings", namespace="later"))
    status = await world.refused(inside)
    assert 'namespaces "later" not found' in status.message
    await world.apply(namespace("later"))
    await world.applied(inside)

"""What a work orders away goes, is left behind, or is made anew; each is reported."""

import msgspec

from tests.stories.agent.scene import CONFIG_MAPS, Scene, config_map


async def test_a_preserved_object_stays_without_our_marks(world: Scene) -> None:
    work = await world.apply(config_map("settings", colour="blue"))
    await world.applied(work)
    gone = await world.removed(await world.remove(work, preserve_on_deletion=True))
    assert gone.preserved
    found = await world.get(CONFIG_MAPS, "settings")
    assert found is not None
    assert found["data"] == {"colour": "blue"}
    assert not found["metadata"].get("labels")
    assert not found["metadata"].get("annotations")


async def test_a_new_template_means_a_new_object(world: Scene) -> None:
    old = await world.apply(config_map("settings", uid="old", colour="blue"))
    await world.applied(old)
    before = await world.get(CONFIG_MAPS, "settings")
    new = await world.apply(config_map("settings", uid="new", colour="blue"), removes=[world.removal(old)])
    await world.applied(new)
    found = await world.get(CONFIG_MAPS, "settings")
    assert found is not None
    assert before is not None
    assert found["metadata"]["uid"] != before["metadata"]["uid"]
    gone = await world.removed(new)
    assert gone.removed == [world.removal(old)]


async def test_what_stood_elsewhere_before_goes(world: Scene) -> None:
    old = await world.apply(config_map("old"))
    await world.applied(old)
    new = msgspec.structs.replace(await world.apply(config_map("new")), origin=old.origin, order=world.order())
    new = msgspec.structs.replace(new, removes=[world.removal(old)])
    await world.publish(new)
    assert (await world.removed(new)).removed == [world.removal(old)]
    assert await world.get(CONFIG_MAPS, "old") is None
    assert await world.get(CONFIG_MAPS, "new") is not None


async def test_what_a_late_hand_of_ours_makes_again_after_its_removal_goes_again(world: Scene) -> None:
    await world.applied(await world.apply(config_map("fence")))
    work = await world.apply(config_map("settings"))
    await world.applied(work)
    made = await world.get(CONFIG_MAPS, "settings")
    await world.removed(await world.remove(work))
    assert made is not None
    metadata = {k: v for k, v in made["metadata"].items() if k in ("name", "namespace", "labels", "annotations")}
    await world.member.create(CONFIG_MAPS, {**made, "metadata": metadata}, namespace="default")
    await world.see(CONFIG_MAPS, "settings", "default", lambda o: o is None)

"""Which works are carried out at all."""

from tests.stories.agent.scene import CONFIG_MAPS, Scene, config_map


async def test_works_of_another_hub_or_another_life_of_the_cluster_are_not_carried_out(world: Scene) -> None:
    await world.apply(config_map("other-hub"), hub_uid="somebody")
    await world.apply(config_map("other-life"), cluster_uid="before")
    await world.applied(await world.apply(config_map("ours")))
    assert await world.get(CONFIG_MAPS, "other-hub") is None
    assert await world.get(CONFIG_MAPS, "other-life") is None


async def test_late_works_change_nothing(world: Scene) -> None:
    early, late = config_map("settings", colour="old"), config_map("settings", colour="new")
    first = world.order()
    await world.applied(await world.apply(late))
    await world.apply(early, order=first)
    await world.applied(await world.apply(config_map("fence")))
    found = await world.get(CONFIG_MAPS, "settings")
    assert found is not None
    assert found["data"] == {"colour": "new"}


async def test_a_suspended_work_is_neither_applied_nor_put_back_but_still_told_of(world: Scene) -> None:
    await world.applied(await world.apply(config_map("settings", colour="blue")))
    held = await world.apply(config_map("settings", colour="green"), suspended=True)
    await world.applied(held)
    await world.patch(CONFIG_MAPS, "settings", {"data": {"colour": "red"}})
    await world.applied(await world.apply(config_map("fence")))
    found = await world.get(CONFIG_MAPS, "settings")
    assert found is not None
    assert found["data"] == {"colour": "red"}


async def test_a_work_that_is_suspended_from_the_start_is_not_tried(world: Scene) -> None:
    held = await world.apply(config_map("settings", colour="blue"), suspended=True)
    status = await world.until(lambda: world.status(held), "a status")
    assert status.applied is None
    assert await world.get(CONFIG_MAPS, "settings") is None
    await world.applied(await world.apply(config_map("settings", colour="blue")))

"""What hands do to managed objects in a member is undone."""

from libs.common.kube.resources import ObjectKey
from tests.stories.agent.scene import CONFIG_MAPS, DEPLOYMENTS, Scene, config_map, deployment


async def test_a_changed_value_is_put_back(world: Scene) -> None:
    await world.applied(await world.apply(config_map("settings", colour="blue")))
    await world.patch(CONFIG_MAPS, "settings", {"data": {"colour": "red", "more": "x"}})
    await world.see(CONFIG_MAPS, "settings", "default", lambda o: o["data"] == {"colour": "blue"})


async def test_a_deleted_object_is_made_again(world: Scene) -> None:
    await world.applied(await world.apply(config_map("settings", colour="blue")))
    before = await world.get(CONFIG_MAPS, "settings")
    assert before is not None
    await world.member.delete(CONFIG_MAPS, ObjectKey("default", "settings"))
    await world.see(
        CONFIG_MAPS, "settings", "default", lambda o: o and o["metadata"]["uid"] != before["metadata"]["uid"]
    )


async def test_labels_that_others_add_stay(world: Scene) -> None:
    await world.applied(await world.apply(config_map("settings", colour="blue")))
    change = {"metadata": {"labels": {"theirs": "kept"}}, "data": {"colour": "red"}}
    await world.patch(CONFIG_MAPS, "settings", change)
    found = await world.see(CONFIG_MAPS, "settings", "default", lambda o: o["data"] == {"colour": "blue"})
    assert found["metadata"]["labels"]["theirs"] == "kept"


async def test_replicas_changed_by_hand_come_back(world: Scene) -> None:
    await world.applied(await world.apply(deployment("web", 2)))
    await world.patch(DEPLOYMENTS, "web", {"spec": {"replicas": 5}})
    await world.see(DEPLOYMENTS, "web", "default", lambda o: o["spec"]["replicas"] == 2)

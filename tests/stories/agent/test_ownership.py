"""What an agent does not own it neither changes nor deletes."""

import msgspec

from libs.common.api import wellknown
from libs.common.messages import Origin
from tests.stories.agent import scene
from tests.stories.agent.scene import CONFIG_MAPS, Scene, config_map


async def test_a_foreign_object_is_refused_in_karmada_s_words_and_not_touched(world: Scene) -> None:
    await world.make(CONFIG_MAPS, config_map("settings", theirs="yes"))
    status = await world.refused(await world.apply(config_map("settings", colour="blue")))
    assert status.message == (
        "resource(kind=ConfigMap, default/settings) already exists in the cluster member1 and the "
        "work.karmada.io/conflict-resolution strategy value is empty, Karmada will not manage this resource"
    )
    found = await world.get(CONFIG_MAPS, "settings")
    assert found is not None
    assert found["data"] == {"theirs": "yes"}
    assert wellknown.OWNER_LABEL not in (found["metadata"].get("labels") or {})


async def test_overwrite_takes_a_foreign_object_over(world: Scene) -> None:
    await world.make(CONFIG_MAPS, config_map("settings", theirs="yes"))
    before = await world.get(CONFIG_MAPS, "settings")
    await world.applied(await world.apply(config_map("settings", colour="blue"), conflict_resolution="overwrite"))
    found = await world.get(CONFIG_MAPS, "settings")
    assert found is not None
    assert before is not None
    assert found["data"] == {"colour": "blue"}
    assert found["metadata"]["uid"] == before["metadata"]["uid"]


async def test_an_object_whose_owner_label_was_taken_away_is_let_go(world: Scene) -> None:
    work = await world.apply(config_map("settings", colour="blue"))
    await world.applied(work)
    await world.patch(CONFIG_MAPS, "settings", {"metadata": {"labels": {wellknown.OWNER_LABEL: None}}})
    assert "already exists" in (await world.refused(work)).message
    await world.removed(await world.remove(work))
    assert await world.get(CONFIG_MAPS, "settings") is not None


async def test_a_tombstone_does_not_touch_a_foreign_object(world: Scene) -> None:
    await world.make(CONFIG_MAPS, config_map("settings", theirs="yes"))
    work = await world.apply(config_map("settings", colour="blue"))
    await world.refused(work)
    await world.removed(await world.remove(work))
    found = await world.get(CONFIG_MAPS, "settings")
    assert found is not None
    assert found["data"] == {"theirs": "yes"}


async def test_two_origins_of_one_template_do_not_fight_and_the_last_one_keeps_the_object(world: Scene) -> None:
    synced = scene.work_for(scene.namespace("demo"), world.identity, world.order())
    synced = msgspec.structs.replace(synced, origin=Origin(kind="Namespace", name="namespace:demo", uid="uid-demo"))
    await world.publish(synced)
    await world.applied(synced)
    selected = await world.apply(
        scene.namespace("demo") | {"metadata": {**scene.namespace("demo")["metadata"], "labels": {"tier": "x"}}}
    )
    await world.applied(selected)
    found = await world.see(world.NAMESPACES, "demo", "", lambda o: "tier" in o["metadata"]["labels"])
    await world.applied(await world.apply(config_map("fence", namespace="demo")))
    again = await world.get(world.NAMESPACES, "demo")
    assert again is not None
    assert again["metadata"]["resourceVersion"] == found["metadata"]["resourceVersion"]
    await world.removed(await world.remove(selected))
    await world.see(world.NAMESPACES, "demo", "", lambda o: o and "tier" not in o["metadata"]["labels"])

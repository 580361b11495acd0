"""What agents say in their beats."""

from typing import Any

import msgspec

from libs.common import digests
from libs.common.messages import Beat
from tests.contract.policy.world import World


def beat(world: World, cluster: str, *, works: World | None = None, **changes: Any) -> Beat:
    """A beat of an agent that has read all there was; it knows no works, or those of `works`."""
    digest = digests.SetDigest()
    for (name, key), work in (works.works if works is not None else {}).items():
        if name == cluster and work.op == "apply":
            digest.put(key, digests.of_work(key, work))
    made = Beat(
        hub_uid=world.hub_uid,
        cluster=cluster,
        cluster_uid=world.uids[cluster],
        agent="test",
        sent_at="",
        works=len(digest),
        known_digest=digest.text(),
        stream_seq=world.read.get(cluster, 0),
    )
    return msgspec.structs.replace(made, **changes)


async def say(world: World, said: Beat) -> None:
    """Sends a beat, and returns once the bus has it."""
    await world.nats.publish_core(world.nats.subjects.beat(said.cluster), said)
    await world.nats.round_trip()

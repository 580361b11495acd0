"""Who is waited for no longer, and again: in virtual time."""

import asyncio
from datetime import timedelta

from services.policy.forsaken import Forsaken
from tests import virtual_time
from tests.unit.policy.fleets import cluster, leaving_cluster

PATIENCE = timedelta(minutes=1)
LISTENING = 5
"""Seconds in which nobody is given up."""
LEAVING = leaving_cluster("m1")
"""It was never ready, and is to leave since long ago."""


def test_a_silent_member_that_is_to_leave_is_given_up_once() -> None:
    async def scenario() -> None:
        forsaken = Forsaken(PATIENCE)
        await asyncio.sleep(LISTENING)
        assert forsaken.judge("m1", LEAVING)
        assert not forsaken.judge("m1", LEAVING)
        assert forsaken.names == {"m1"}

    virtual_time.run(scenario())


def test_nobody_is_given_up_before_there_was_time_to_hear_of_it() -> None:
    async def scenario() -> None:
        forsaken = Forsaken(PATIENCE)
        await asyncio.sleep(LISTENING - 1)
        assert not forsaken.judge("m1", LEAVING)

    virtual_time.run(scenario())


def test_a_member_that_stays_is_not_given_up() -> None:
    async def scenario() -> None:
        forsaken = Forsaken(PATIENCE)
        await asyncio.sleep(LISTENING)
        assert not forsaken.judge("m1", cluster("m1"))
        assert not forsaken.names

    virtual_time.run(scenario())


def test_a_member_that_answers_again_is_waited_for_again_as_long_as_it_does() -> None:
    async def scenario() -> None:
        forsaken = Forsaken(PATIENCE)
        await asyncio.sleep(LISTENING)
        forsaken.judge("m1", LEAVING)
        forsaken.answered("m1")
        assert forsaken.judge("m1", LEAVING)
        assert not forsaken.names
        await asyncio.sleep(PATIENCE.total_seconds() - 1)
        assert not forsaken.judge("m1", LEAVING)
        await asyncio.sleep(2)
        assert forsaken.judge("m1", LEAVING)
        assert forsaken.names == {"m1"}

    virtual_time.run(scenario())


def test_a_cluster_that_is_gone_is_forgotten() -> None:
    async def scenario() -> None:
        forsaken = Forsaken(PATIENCE)
        await asyncio.sleep(LISTENING)
        forsaken.judge("m1", LEAVING)
        assert forsaken.judge("m1", None)
        assert not forsaken.names

    virtual_time.run(scenario())

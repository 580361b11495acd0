"""What the cache makes of watches, reads of the whole and our own writes, in any order."""

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from libs.common.kube.mirror import Change, Mirror
from libs.common.kube.resources import ObjectKey


def body(name: str, version: int, value: str = "") -> bytes:
    metadata = {"namespace": "ns", "name": name, "resourceVersion": str(version)}
    return msgspec.json.encode({"metadata": metadata, "value": value or f"{name}{version}"})


class World:
    """A mirror that keeps each object's value, and the changes that it told of."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str | None, str | None]] = []
        self.mirror = Mirror("tests", self._decode, self._tell)

    @staticmethod
    def _decode(raw: bytes) -> str:
        value = msgspec.json.decode(raw)["value"]
        if not isinstance(value, str) or value == "odd":
            raise ValueError("odd")
        return value

    def _tell(self, change: Change[str]) -> None:
        self.told.append((change.key.name, change.old, change.new))

    @property
    def cache(self) -> dict[str, str]:
        return {key.name: value for key, value in self.mirror.cache.items()}

    def read(self, version: int, *bodies: bytes, known: str = "") -> bool:
        whole = self.mirror.replacement(known)
        for each in bodies:
            whole.apply("ADDED", each)
        return whole.finish(str(version))


def test_a_watch_brings_objects_in_and_takes_them_out() -> None:
    world = World()
    world.mirror.apply("ADDED", body("a", 1))
    world.mirror.apply("MODIFIED", body("a", 2))
    world.mirror.apply("DELETED", body("a", 3))
    assert world.told == [("a", None, "a1"), ("a", "a1", "a2"), ("a", "a2", None)]


def test_the_same_version_again_is_no_change() -> None:
    world = World()
    for _ in range(3):
        world.mirror.apply("MODIFIED", body("a", 1))
    assert len(world.told) == 1


def test_deleting_what_is_not_there_is_no_change() -> None:
    world = World()
    world.mirror.apply("DELETED", body("a", 1))
    assert world.told == []


def test_a_read_of_the_whole_tells_only_what_differs() -> None:
    world = World()
    world.read(3, body("kept", 1), body("changed", 2), body("gone", 3))
    world.told.clear()
    world.read(9, body("kept", 1), body("changed", 8), body("new", 9), known="3")
    assert world.told == [("changed", "changed2", "changed8"), ("new", None, "new9"), ("gone", "gone3", None)]


def test_our_write_is_known_before_the_watch_and_told_once() -> None:
    world = World()
    world.mirror.observe(body("a", 5))
    world.mirror.apply("ADDED", body("a", 5))
    assert world.told == [("a", None, "a5")]


def test_the_watch_does_not_take_us_back_behind_our_write() -> None:
    world = World()
    world.mirror.apply("ADDED", body("a", 1))
    world.mirror.observe(body("a", 5))
    world.mirror.apply("MODIFIED", body("a", 3))
    world.mirror.apply("DELETED", body("a", 4))
    assert world.cache == {"a": "a5"}


def test_an_old_answer_does_not_take_us_back_behind_the_watch() -> None:
    world = World()
    world.mirror.apply("ADDED", body("a", 5))
    world.mirror.observe(body("a", 3))
    assert world.cache == {"a": "a5"}


def test_the_answer_to_a_write_does_not_revive_what_the_watch_saw_go() -> None:
    world = World()
    world.mirror.apply("ADDED", body("a", 1))
    world.mirror.apply("DELETED", body("a", 3))
    world.mirror.observe(body("a", 2))
    assert world.cache == {}
    world.mirror.observe(body("a", 4))
    assert world.cache == {"a": "a4"}


def test_a_forgotten_object_is_not_revived_by_late_events() -> None:
    world = World()
    world.mirror.apply("ADDED", body("a", 1))
    world.mirror.forget(ObjectKey("ns", "a"), "3")
    world.mirror.apply("MODIFIED", body("a", 2))
    assert world.cache == {}


def test_a_successor_of_a_forgotten_object_appears() -> None:
    world = World()
    world.mirror.apply("ADDED", body("a", 1))
    world.mirror.forget(ObjectKey("ns", "a"), "3")
    world.mirror.apply("ADDED", body("a", 6))
    assert world.cache == {"a": "a6"}


def test_forgetting_an_older_state_than_is_known_does_nothing() -> None:
    world = World()
    world.mirror.apply("ADDED", body("a", 9))
    world.mirror.forget(ObjectKey("ns", "a"), "3")
    assert world.cache == {"a": "a9"}


def test_a_read_that_began_before_our_write_keeps_the_write() -> None:
    world = World()
    whole = world.mirror.replacement("")
    world.mirror.observe(body("a", 7))
    world.mirror.observe(body("new", 8))
    whole.apply("ADDED", body("a", 3))
    assert not whole.finish("6")
    assert world.cache == {"a": "a7", "new": "new8"}


def test_a_server_that_was_put_back_is_right_in_everything() -> None:
    world = World()
    world.read(50, body("a", 40), body("b", 41), known="")
    world.mirror.observe(body("a", 55))
    assert world.read(20, body("a", 10), known="50")
    assert world.cache == {"a": "a10"}


def test_after_a_rollback_later_writes_of_the_old_life_hide_nothing() -> None:
    world = World()
    world.read(50, body("a", 40), known="")
    world.mirror.observe(body("a", 60))
    world.read(20, body("a", 10), known="50")
    world.mirror.apply("MODIFIED", body("a", 21))
    assert world.cache == {"a": "a21"}


def test_an_odd_object_leaves_what_was_known_of_it() -> None:
    world = World()
    world.mirror.apply("ADDED", body("a", 1))
    world.mirror.apply("MODIFIED", body("a", 2, "odd"))
    world.mirror.apply("ADDED", body("b", 3))
    assert world.cache == {"a": "a1", "b": "b3"}


def test_an_odd_object_in_a_read_is_not_taken_for_gone() -> None:
    world = World()
    world.read(1, body("a", 1))
    world.read(2, body("a", 2, "odd"), known="1")
    assert world.cache == {"a": "a1"}


@given(st.lists(st.integers(1, 10_000), unique=True, min_size=1), st.randoms())
def test_bookkeeping_of_our_writes_ends_with_the_watch(versions: list[int], random: Any) -> None:
    world = World()
    for version in versions:
        world.mirror.observe(body(f"o{version % 7}", version))
    for version in sorted(versions):
        world.mirror.apply("MODIFIED", body(f"o{version % 7}", version))
    assert (world.mirror._ahead, world.mirror._gone) == ({}, {})


NAMES = st.sampled_from("abc")


class Server(RuleBasedStateMachine):
    """A server, whose changes reach the mirror late, by watch or by reads, and early, by answers to writes."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.version = 0
        self.objects: dict[str, bytes] = {}
        self.undelivered: list[tuple[str, bytes]] = []
        self.reached = 0

    @rule(name=NAMES, told=st.booleans())
    def write(self, name: str, told: bool) -> None:
        self.version += 1
        type_ = "MODIFIED" if name in self.objects else "ADDED"
        self.objects[name] = body(name, self.version)
        self.undelivered.append((type_, self.objects[name]))
        if told:
            self.world.mirror.observe(self.objects[name])

    @rule(name=NAMES, told=st.booleans())
    def delete(self, name: str, told: bool) -> None:
        if self.objects.pop(name, None) is None:
            return
        self.version += 1
        self.undelivered.append(("DELETED", body(name, self.version)))
        if told:
            self.world.mirror.forget(ObjectKey("ns", name), str(self.version))

    @precondition(lambda self: self.undelivered)
    @rule()
    def deliver(self) -> None:
        type_, raw = self.undelivered.pop(0)
        self.reached = int(self.world.mirror.apply(type_, raw))

    @rule()
    def read(self) -> None:
        self.undelivered.clear()
        back = self.world.read(self.version, *self.objects.values(), known=str(self.reached))
        assert not back
        self.reached = self.version

    @rule(versions=st.integers(1, 5))
    def roll_back(self, versions: int) -> None:
        """The server returns to an earlier version, with what it had; the mirror finds out by a read."""
        if self.version <= versions:
            return
        self.version -= versions
        self.objects = {n: raw for n, raw in self.objects.items() if int(_version(raw)) <= self.version}
        self.read_after_rollback()

    def read_after_rollback(self) -> None:
        self.undelivered.clear()
        self.world.read(self.version, *self.objects.values(), known=str(self.reached))
        self.reached = self.version

    @invariant()
    def agrees_when_all_is_delivered(self) -> None:
        if not self.undelivered:
            expected = {name: msgspec.json.decode(raw)["value"] for name, raw in self.objects.items()}
            assert self.world.cache == expected

    @invariant()
    def changes_add_up_to_the_cache(self) -> None:
        state: dict[str, str] = {}
        for name, old, new in self.world.told:
            assert state.get(name) == old
            if new is None:
                del state[name]
            else:
                state[name] = new
        assert state == self.world.cache


def _version(raw: bytes) -> str:
    version: str = msgspec.json.decode(raw)["metadata"]["resourceVersion"]
    return version


TestServer = Server.TestCase
TestServer.settings = settings(max_examples=40, stateful_step_count=30)


def test_an_object_in_another_state_than_it_had_tells_of_another_history() -> None:
    world = World()
    world.read(5, body("a", 5), body("b", 4))
    assert world.read(9, body("a", 3), body("b", 4), known="5")


def test_an_object_that_came_back_tells_of_another_history() -> None:
    world = World()
    world.read(5, body("a", 2))
    assert world.read(9, body("a", 2), body("b", 4), known="5")


def test_another_history_is_remembered_from_a_read_that_broke_off() -> None:
    world = World()
    world.read(5, body("a", 5))
    world.mirror.replacement("5").apply("ADDED", body("a", 3))
    assert world.read(9, body("a", 3), known="5")


def test_an_object_that_cannot_be_read_tells_of_no_other_history() -> None:
    world = World()
    world.read(5, body("a", 4))
    world.mirror.apply("MODIFIED", body("a", 6, "odd"))
    assert not world.read(9, body("a", 6, "odd"), known="6")
    assert world.cache == {"a": "a4"}


def test_a_listener_that_fails_is_told_of_the_next_change_all_the_same() -> None:
    told: list[str] = []

    def tell(change: Change[str]) -> None:
        told.append(change.key.name)
        raise RuntimeError("not now")

    mirror = Mirror("tests", lambda raw: "", tell)
    mirror.apply("ADDED", body("a", 1))
    mirror.apply("DELETED", body("a", 2))
    assert told == ["a", "a"]
    assert not mirror.cache

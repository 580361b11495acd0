"""Works that come repeated, late and interrupted, and hands that meddle: the member ends as the last work says.

A member is simulated that does what an API server does with the actions: versions rise, stale ones are refused.
"""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from libs.common.api.meta import Template
from libs.common.interpreter import registry
from libs.common.messages import Work
from services.agent.core import actions, identity, plan
from tests.unit.agent.objects import ME, manifest, removal, work

_ROUNDS = 5


class Member:
    """One place for one object."""

    def __init__(self) -> None:
        self.object: Template | None = None
        self.writes = 0
        self._version = 0

    def store(self, body: Template, uid: str) -> None:
        self._version += 1
        metadata = {**body["metadata"], "uid": uid, "resourceVersion": str(self._version)}
        self.object = {**body, "metadata": metadata}

    def perform(self, action: actions.Action) -> None:
        """Does what was decided, and counts it."""
        match action:
            case actions.Create(body=body):
                assert self.object is None
                self.store(body, f"uid-{self._version}")
            case actions.Replace(body=body) | actions.Release(body=body):
                assert self.object is not None
                assert body["metadata"]["resourceVersion"] == self.object["metadata"]["resourceVersion"]
                self.store(body, self.object["metadata"]["uid"])
            case actions.Delete(uid=uid):
                assert self.object is not None
                assert self.object["metadata"]["uid"] == uid
                self.object = None
            case _:
                return
        self.writes += 1


def carry_out(asked: Work, content: Template, member: Member) -> None:
    """What the agent does with one work: what is ordered away first, then what is asked for."""
    for each in plan.removals(asked):
        member.perform(plan.remove(each, asked, member.object, ME))
    if asked.op == "apply":
        member.perform(plan.apply(asked, content, member.object, ME, retain=registry.retain, prune=registry.prune))


def content(step: dict[str, Any]) -> Template:
    return manifest(uid=step["uid"], data={"colour": step["colour"]}, labels=step["labels"])


STEP = st.fixed_dictionaries(
    {
        "op": st.sampled_from(["apply", "apply", "delete"]),
        "uid": st.sampled_from(["one", "two"]),
        "colour": st.sampled_from(["red", "blue"]),
        "labels": st.sampled_from([{}, {"tier": "web"}]),
    }
)


@settings(max_examples=150)
@given(st.lists(STEP, min_size=1, max_size=6), st.data())
def test_the_member_ends_as_the_last_work_says(steps: list[dict[str, Any]], data: st.DataObject) -> None:
    # policy names what stood there before, until it is reported gone: here always
    works = [
        work(
            seq=number + 1,
            op=step["op"],
            template_uid=step["uid"],
            digest=str(sorted(step.items(), key=str)),
            removes=[removal(template_uid=u) for u in ("one", "two") if u != step["uid"]],
        )
        for number, step in enumerate(steps)
    ]
    last, wanted = works[-1], content(steps[-1])
    arrivals = data.draw(st.lists(st.integers(0, len(works) - 1), max_size=8))
    member = Member()
    for index in [*arrivals, len(works) - 1, *arrivals]:
        carry_out(works[index], content(steps[index]), member)
    for _ in range(_ROUNDS):
        carry_out(last, wanted, member)
    if last.op == "delete":
        # a tombstone leaves no trace behind that would tell a late work: the agent's table drops those
        carry_out(last, wanted, member)
        assert member.object is None
        return
    assert member.object is not None
    assert member.object["data"] == wanted["data"]
    assert identity.marks_of(member.object).template_uid == steps[-1]["uid"]
    assert ("tier" in member.object["metadata"]["labels"]) == ("tier" in steps[-1]["labels"])
    writes = member.writes
    carry_out(last, wanted, member)
    assert member.writes == writes

"""How far an agent has come with each work: kept in memory only, and found again from the member after a restart."""

from libs.common.messages import Order, Removal, Work
from services.agent.core import plan
from services.agent.core.identity import ObjectName
from services.agent.core.status import Result


class Progress:
    """One origin's."""

    __slots__ = (
        "cause",
        "fresh",
        "gone",
        "live",
        "order",
        "released",
        "result",
        "settled",
        "told",
        "traceparent",
        "version",
        "writing",
    )

    def __init__(self) -> None:
        self.order = Order()
        """Of the work that `gone` and `released` speak of."""
        self.result: Result | None = None
        """Of the last attempt; None: there was none yet."""
        self.told: Result | None = None
        """The result that was last reported."""
        self.settled = ""
        """Digest of the work that the object was last found to agree with."""
        self.version = ""
        """resourceVersion of the object then: a change of it that is not ours has another."""
        self.gone: list[Removal] = []
        """What the work orders away and is not there any more."""
        self.released = False
        self.live = False
        """Whether the next attempt must ask the member itself instead of the watch."""
        self.fresh = False
        """Whether the work came in while this agent was reading live, and so was not carried out by one before it."""
        self.writing: ObjectName | None = None
        """What is being written: the watch may tell of it before the answer comes."""
        self.cause = ""
        """The traceparent that came with the work."""
        self.traceparent = ""
        """That of the last attempt: what is told of it, also much later, is told under it."""

    def begin(self, work: Work) -> None:
        """Starts on a work; what is known of an earlier order says nothing about this one's removals."""
        if self.order != work.order:
            self.order = work.order
            self.gone = []
            self.released = False

    def is_removed(self, work: Work) -> bool:
        """Whether all that a work orders away is known to be gone."""
        return self.order == work.order and len(self.gone) >= len(plan.removals(work))

    def is_settled(self, work: Work, version: str) -> bool:
        """Whether the object was found to agree with this work and has not changed since."""
        return (
            self.result is not None
            and self.result.applied is True
            and bool(version)
            and self.version == version
            and self.settled == settlement(work)
        )


def settlement(work: Work) -> str:
    """What must be the same for an object to agree with a work still."""
    return f"{work.digest}/{work.template.uid}/{work.origin.uid}"

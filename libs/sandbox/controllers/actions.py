"""What a decision asks for: a closed set of writes, so that tests compare lists and one place performs them."""

from typing import Any, Final, TypeAlias

import msgspec

from libs.sandbox.controllers.objects import Object
from libs.sandbox.kinds import Resource


class Create(msgspec.Struct, frozen=True, kw_only=True):
    """Make a new object."""

    resource: Resource
    body: dict[str, Any]


class Replace(msgspec.Struct, frozen=True, kw_only=True):
    """Write an object back, at the resource version at which it was read."""

    resource: Resource
    body: dict[str, Any]
    subresource: str = ""


class Delete(msgspec.Struct, frozen=True, kw_only=True):
    """Delete the object that was seen, and no later one of that name."""

    resource: Resource
    target: Object
    now: bool = False
    """Without a grace period."""
    propagation: str = ""
    """`Background`, `Foreground` or `Orphan`; empty for the kind's own way."""


Action: TypeAlias = Create | Replace | Delete


BATCH: Final = 50
"""How many objects one decision makes or deletes at most: what is left is decided when those are told of."""


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """The writes to make now, in order, and when to look again if nothing happens before."""

    actions: tuple[Action, ...] = ()
    after: float | None = None
    """Seconds."""
    final: bool = False
    """Whether the writes leave nothing to do, so that they are no reason to look again."""

"""What an agent can do to one object, as data: decided by `plan`, performed by the shell."""

import msgspec

from libs.common.api.meta import Template


class Action(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """One of the below."""


class Create(Action, frozen=True, kw_only=True):
    """The object is not there."""

    body: Template


class Replace(Action, frozen=True, kw_only=True):
    """The object differs; `body` carries the resourceVersion it was compared at."""

    body: Template


class Release(Action, frozen=True, kw_only=True):
    """The object stays and is no longer ours."""

    body: Template


class Delete(Action, frozen=True, kw_only=True):
    """The object goes, but only if it is still the one, and as it was, when this was decided."""

    uid: str
    resource_version: str


class Keep(Action, frozen=True, kw_only=True):
    """The object is as it should be."""


class Absent(Action, frozen=True, kw_only=True):
    """What was to be removed is not there, or what is there is somebody else's."""


class Wait(Action, frozen=True, kw_only=True):
    """Something must happen in the member first; it shows as an event there."""

    reason: str


class Stale(Action, frozen=True, kw_only=True):
    """The object was written on a later order than the one at hand."""


class Refuse(Action, frozen=True, kw_only=True):
    """The object is somebody else's, and we may not take it."""

    message: str

"""What the interpreter knows of one kind: a function for each operation that the kind has a rule for."""

from collections.abc import Callable, Collection, Sequence
from typing import Any, Literal, TypeAlias

import msgspec

from libs.common.api.meta import LabelSelector, Template
from libs.common.api.work import AggregatedStatusItem, ReplicaRequirements

Operation: TypeAlias = Literal[
    "InterpretReplica",
    "InterpretComponent",
    "ReviseReplica",
    "Retain",
    "AggregateStatus",
    "InterpretStatus",
    "InterpretHealth",
    "InterpretDependency",
]
Items: TypeAlias = Sequence[AggregatedStatusItem]


class DependentObject(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """An object that a template needs beside it: one by name, or all that `label_selector` selects."""

    api_version: str
    kind: str
    namespace: str = ""
    name: str = ""
    label_selector: LabelSelector | None = None


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What is known beside the items when statuses are aggregated."""

    behind: Collection[str] | None = None
    """Clusters whose controllers have not seen the object as it is; None: only the items tell."""
    now: str | None = None
    """RFC 3339; when a condition that is new began."""


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """The rules of one kind; None where it has none. None of them changes what it is given."""

    replicas: Callable[[Template], tuple[int, ReplicaRequirements | None]] | None = None
    revise: Callable[[Template, int], Template] | None = None
    retain: Callable[[Template, Template], Template] | None = None
    """(desired, observed) -> desired with what the member owns."""
    reflect: Callable[[Template], Any] | None = None
    """(observed) -> what to report of its status; only called with a status."""
    aggregate: Callable[[Template, Items, Known], dict[str, Any] | None] | None = None
    """(template, items, known) -> the new status, or None if it stays."""
    health: Callable[[Template], bool] | None = None
    dependencies: Callable[[Template], list[DependentObject]] | None = None

"""What the status-aggregator is told of a binding: how scheduling ended, and which works there are to hear about."""

from collections.abc import Iterable, Mapping

from libs.common.api import wellknown
from libs.common.api.meta import Condition
from libs.common.api.work import ResourceBinding
from libs.common.messages import Order, Outcome, TemplateRef
from services.policy.core import binding as bindings
from services.policy.core import render
from services.policy.core.dispatch import Published

SUCCESS = "Binding has been scheduled successfully."


def outcome(
    hub_uid: str,
    binding: ResourceBinding,
    template: TemplateRef,
    *,
    targets: Iterable[str],
    standing: Mapping[str, Published],
    uids: Mapping[str, str],
    failures: Mapping[str, str],
    order: Order,
) -> Outcome:
    """The message under `order`.

    A target whose work could not be made is expected under that same order, which no agent will report: so the binding
    does not count as fully applied.
    """
    note = bindings.scheduled_of(binding)
    failed = note is not None and bool(note.failure)
    works = {c: standing[c].order if c in standing and standing[c].op == "apply" else order for c in targets}
    return Outcome(
        hub_uid=hub_uid,
        origin=render.origin_of(binding),
        template=template,
        order=order,
        expected=works,
        clusters={c: uids[c] for c in works if c in uids},
        failures=dict(failures),
        scheduled=scheduled_condition(note),
        scheduler_observed_generation=0 if failed else binding.metadata.generation,
        affinity_name=(binding.metadata.annotations or {}).get(wellknown.AFFINITY_NAME_ANNOTATION, ""),
        last_scheduled_time=note.time if note is not None and not failed else None,
    )


def scheduled_condition(note: bindings.ScheduledNote | None) -> Condition | None:
    """The condition `Scheduled`; None before the first decision."""
    if note is None:
        return None
    return Condition(
        type=wellknown.CONDITION_SCHEDULED,
        status="False" if note.failure else "True",
        reason=note.failure or "Success",
        message=note.message if note.failure else SUCCESS,
        last_transition_time=note.time,
    )

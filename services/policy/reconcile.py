"""One origin, brought to what the hub says: gather, decide, perform.

An origin is a binding or the template that should have one. Everything that can change the answer (template, policies,
overrides, clusters, the scheduler's answer, works, agents' reports) only says which origin to look at again.
"""

import asyncio
import math
from datetime import timedelta
from typing import Final

import structlog

from libs.common import telemetry
from libs.common.api.meta import Template as Body
from libs.common.api.policy import PropagationPolicy
from libs.common.api.work import BindingSchedulePriority, ResourceBinding
from libs.common.errors import Terminal
from libs.common.interpreter.typed import InterpretError
from libs.common.messages import BindingRequest
from libs.common.names import OriginKey
from libs.common.reconcile import DONE, After, Outcome
from services.policy import origins
from services.policy.core import binding as bindings
from services.policy.core import departures, lazy, matching, staleness
from services.policy.core import template as templates
from services.policy.core.matching import Claim, Release, Waiting
from services.policy.core.template import Template
from services.policy.decided import Decided
from services.policy.effects import Effects
from services.policy.placements import Answer
from services.policy.removal import Removal
from services.policy.view import Fleet, View, reference

log = structlog.get_logger(__name__)

_AGAIN: Final = {
    "SchedulerError": timedelta(seconds=10),
    "QuotaExceeded": timedelta(seconds=30),
    "Unschedulable": timedelta(minutes=5),
}
"""When to ask again after a failure that no change of clusters need end."""
_MOVED: Final = "clusters changed"
_REQUEST: Final = "binding.request.{namespace}.{binding}"
_PLACED: Final = "binding.placed.{namespace}.{binding}"


class Reconciler:
    def __init__(self, view: View, effects: Effects, removal: Removal) -> None:
        self._view = view
        self._do = effects
        self._removal = removal
        self._decided = Decided()

    async def __call__(self, key: OriginKey) -> Outcome:
        """Looks at one origin. Raises what the hub or the bus raise; the queue tries again."""
        await self._view.works.ready()
        try:
            return await self._look(key)
        finally:
            self._do.requests.looked(key)

    async def _look(self, key: OriginKey) -> Outcome:
        binding, template = self._view.hub.binding(key), self._view.template(key)
        if binding is not None and binding.metadata.deletion_timestamp is not None:
            if template is not None and await self._is_wanted(key, template, binding):
                return await self._removal.renew(key, binding)
            return await self._removal.binding(key, binding)
        if template is None and binding is not None:
            return await self._removal.abandoned(key, binding)
        if template is None:
            self._decided.forget(key)
            return await self._removal.leftovers(key)
        if binding is not None and template.is_orphaning:
            return DONE
        decision = self._view.decide(template, binding)
        self._do.claims.check(template, decision)
        if isinstance(decision, Claim) and not self._held(key, template, decision, binding):
            return await self._claimed(key, template, binding, decision)
        if isinstance(decision, Waiting):
            log.debug("waits for overrides", key=key, policy=decision.policy.metadata.name, missing=decision.missing)
        if binding is None:
            return await self._removal.leftovers(key)
        return await self._frozen(key, template, binding, decision)

    async def _is_wanted(self, key: OriginKey, template: Template, binding: ResourceBinding) -> bool:
        """Whether template and policy still ask for a binding that is being deleted. It is the hub's own word."""
        namespace = self._view.hub.namespace(key.namespace)
        if any(o.metadata.deletion_timestamp is not None for o in (namespace, template) if o is not None):
            return False
        if not isinstance(self._view.decide(template, binding), Claim):
            return False
        live = await self._view.templates.live(template.key)
        return live is not None and (live.metadata.uid, live.metadata.deletion_timestamp) == (
            binding.spec.resource.uid,
            None,
        )

    # ---- a template with a policy ----

    async def _claimed(
        self, key: OriginKey, template: Template, binding: ResourceBinding | None, decision: Claim
    ) -> Outcome:
        fleet, traceparent = self._view.fleet(), telemetry.root(template.trace_id)
        body = templates.with_metadata(template.body(), *matching.claim_metadata(decision.policy))
        with telemetry.span("match", parent=traceparent) as span:
            wanted = self._desired(key, body, decision.policy, binding, await self._do.priority(decision.policy))
            wanted = lazy.noted(wanted, decision.policy, template)
            wanted = departures.without_departed(wanted, fleet.clusters, fleet.uids, self._do.orders.next())
            why = self._why(key, wanted, binding, fleet)
            span.set("argosy.reason", why)
            traceparent = span.traceparent
        answer = None
        if not why:
            self._view.placements.settle(key)
        if why:
            digest = self._digest(wanted, fleet)
            answer = self._answer(key, digest, template, fleet)
            if answer is None and self._answered_too_early(key, digest):
                return After(self._decided.too_early(key))
            if answer is None:
                return await self._ask(key, wanted, digest, template, fleet, traceparent, hurry=why != _MOVED)
            wanted = self._placed(wanted, answer, fleet)
            traceparent = answer.traceparent or traceparent
        with telemetry.span("placed", parent=traceparent) as span:
            stands = await self._do.bindings.write(key, wanted, binding)
            if answer is not None:
                self._note(key, wanted, answer, fleet)
                self._do.settled(key, stands, answer)
            if binding is None and key != origins.plain_name(template.key):
                self._do.notices.renamed(reference(template), key)
            sent = await self._do.sending.binding(
                key, stands, reference(template), body, frozen=False, traceparent=span.traceparent
            )
            cleared = await self._removal.clear(key, stands, sent)
        return _sooner(cleared, self._decided.again(key, asyncio.get_running_loop().time()))

    def _desired(
        self,
        key: OriginKey,
        body: Body,
        policy: PropagationPolicy,
        binding: ResourceBinding | None,
        priority: BindingSchedulePriority | None,
    ) -> ResourceBinding:
        try:
            interpretation = bindings.interpret(body)
        except InterpretError as error:
            message = f"{body['kind']} {body['metadata']['name']} cannot be interpreted: {error}"
            self._do.notices.unreadable(body, message)
            raise Terminal(message) from error
        return bindings.desired(key.name, body, policy, interpretation, binding, priority=priority)

    def _held(self, key: OriginKey, template: Template, decision: Claim, binding: ResourceBinding | None) -> bool:
        """Whether a lazy policy waits for the user to change the template."""
        return lazy.holds(decision.policy, template, binding, self._decided.first_digest(key, template))

    def _why(self, key: OriginKey, wanted: ResourceBinding, binding: ResourceBinding | None, fleet: Fleet) -> str:
        """Why the scheduler must be asked; empty when it need not be."""
        why = staleness.reason(wanted, binding, fleet.clusters)
        if why or staleness.suspended(wanted) or not staleness.moves_with_clusters(wanted):
            return why
        now = asyncio.get_running_loop().time()
        return "" if self._decided.since(key, fleet.seen_by(wanted), now) else _MOVED

    def _digest(self, wanted: ResourceBinding, fleet: Fleet) -> str:
        moving = fleet.seen_by(wanted) if staleness.moves_with_clusters(wanted) else ""
        return staleness.request_digest(staleness.inputs_digest(wanted), wanted.spec.clusters or (), moving)

    def _answer(self, key: OriginKey, digest: str, template: Template, fleet: Fleet) -> Answer | None:
        """The scheduler's answer to the question as it stands now, if there is one."""
        answer = self._view.placements.get(key)
        if answer is None:
            return None
        refused = staleness.refused(
            answer.placed, digest=digest, template_uid=template.metadata.uid, uids=fleet.staying
        )
        self._do.judged(refused)
        return None if refused else answer

    def _answered_too_early(self, key: OriginKey, digest: str) -> bool:
        """Whether the question is the same as before, and the scheduler did not know yet which clusters are left."""
        answer = self._view.placements.get(key)
        if answer is None or answer.placed.digest != digest:
            return False
        self._view.placements.settle(key)
        return True

    async def _ask(
        self,
        key: OriginKey,
        wanted: ResourceBinding,
        digest: str,
        template: Template,
        fleet: Fleet,
        traceparent: str,
        *,
        hurry: bool,
    ) -> Outcome:
        request = self._request(wanted, digest, template, fleet)
        subject = f"{key.namespace}/{key.name}"
        with telemetry.span(
            telemetry.messaging_name("publish", _REQUEST),
            parent=traceparent,
            kind="producer",
            attributes=telemetry.messaging("publish", _REQUEST, subject),
        ) as span:
            await self._do.requests.ask(key, request, hurry=hurry, traceparent=span.traceparent)
        return DONE

    def _request(self, wanted: ResourceBinding, digest: str, template: Template, fleet: Fleet) -> BindingRequest:
        return staleness.request(
            wanted,
            digest,
            hub_uid=self._view.hub.uid,
            order=self._do.orders.next(),
            generation=template.metadata.generation,
            cluster_revision=fleet.revision,
        )

    def _note(self, key: OriginKey, wanted: ResourceBinding, answer: Answer, fleet: Fleet) -> None:
        """Notes from which clusters a decision was made that is now durable."""
        views = fleet.views_of(wanted)
        if staleness.is_behind(answer.placed, fleet.revision):
            self._decided.for_now(key, *views, now=asyncio.get_running_loop().time())
        else:
            self._decided.at(key, *views, until=_good_until(answer))

    def _placed(self, wanted: ResourceBinding, answer: Answer, fleet: Fleet) -> ResourceBinding:
        return bindings.placed(
            wanted,
            answer.placed,
            inputs_digest=staleness.inputs_digest(wanted),
            uids=fleet.uids,
            order=self._do.orders.next(),
            now=self._do.now(),
            keep=fleet.kept,
        )

    # ---- a template without one ----

    async def _frozen(
        self, key: OriginKey, template: Template, binding: ResourceBinding, decision: matching.Decision
    ) -> Outcome:
        """Nobody decides about the binding now: what runs stays, and what leaves still leaves."""
        self._view.placements.settle(key)
        fleet, traceparent = self._view.fleet(), telemetry.root(template.trace_id)
        wanted = departures.released_from_departed(binding, fleet.clusters, fleet.uids, self._do.orders.next())
        if isinstance(decision, Release):
            wanted = bindings.released(wanted, decision.claim)
        stands = await self._do.bindings.write(key, wanted, binding)
        sent = await self._do.sending.binding(
            key, stands, reference(template), template.body(), frozen=True, traceparent=traceparent
        )
        return await self._removal.clear(key, stands, sent)


def _sooner(outcome: Outcome, delay: timedelta | None) -> Outcome:
    """The outcome, and a look after `delay` if that comes first."""
    if delay is None or (isinstance(outcome, After) and outcome.delay <= delay):
        return outcome
    return After(delay)


def _good_until(answer: Answer) -> float:
    """When an answer is to be asked for again though nothing changed, by the loop's clock."""
    again = _AGAIN.get(answer.placed.failure or "")
    return asyncio.get_running_loop().time() + again.total_seconds() if again is not None else math.inf

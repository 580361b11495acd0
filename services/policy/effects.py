"""What the handlers can do: write bindings and claims, ask the scheduler, send works, say something."""

from datetime import UTC, datetime

from libs.common.api.policy import PropagationPolicy
from libs.common.api.work import BindingSchedulePriority, ResourceBinding
from libs.common.names import OriginKey
from services.policy import metrics, priorities
from services.policy.bindings import Bindings
from services.policy.claims import Claims
from services.policy.core.orders import Orders
from services.policy.notices import Notices
from services.policy.placements import Answer
from services.policy.requests import Requests
from services.policy.sending import Sending
from services.policy.view import View


class Effects:
    def __init__(
        self,
        view: View,
        orders: Orders,
        *,
        bindings: Bindings,
        claims: Claims,
        requests: Requests,
        sending: Sending,
        notices: Notices,
    ) -> None:
        self._view = view
        self.orders = orders
        self.bindings = bindings
        self.claims = claims
        self.requests = requests
        self.sending = sending
        self.notices = notices

    async def priority(self, policy: PropagationPolicy) -> BindingSchedulePriority | None:
        """The scheduling priority that a policy gives."""
        return await priorities.priority_of(self._view.hub.api, policy)

    def settled(self, key: OriginKey, binding: ResourceBinding, answer: Answer) -> None:
        """An answer is durable on the hub."""
        self._view.placements.settle(key)
        self.notices.scheduled(key, binding, answer.placed, answer.traceparent)

    def judged(self, refused: str) -> None:
        """An answer was looked at; `refused` is why it does not count, or empty."""
        metrics.PLACEMENTS.labels("refused" if refused else "accepted").inc()

    def forget(self, key: OriginKey) -> None:
        """Nothing is left of an origin."""
        self.requests.drop(key)
        self._view.placements.settle(key)
        self.notices.forget(key)

    def now(self) -> str:
        """The time as Kubernetes writes it."""
        return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

"""argosy-policy: from templates and policies to bindings, and from bindings to works."""

from libs.common import bus, service
from libs.common.kube import credentials, holder, lease
from libs.common.kube.client import Client
from libs.common.kube.identity import cluster_uid
from libs.common.kube.lease import Term
from libs.common.kube.resources import ObjectKey
from libs.common.service import Health
from services.policy.leadership import Leadership
from services.policy.settings import Settings


async def serve(settings: Settings, health: Health) -> None:
    """Leads whenever this replica holds the Lease, and stands by otherwise."""
    health.ready("bus", False)
    health.ready("hub", False)
    async with (
        bus.connect(settings.nats_url, name="argosy-policy", prefix=settings.subject_prefix) as nats,
        Client(credentials.of_hub(settings.hub_kubeconfig), user_agent="argosy-policy") as api,
    ):
        await nats.ensure_streams()
        health.ready("bus", True)
        uid = await cluster_uid(api)
        health.ready("hub", True)

        async def body(term: Term) -> None:
            health.ready("leader", False)
            await Leadership(api, nats, settings, uid).rule(term, health)

        key = ObjectKey(settings.lease_namespace, settings.lease_name)
        await lease.lead(
            api,
            key,
            settings.identity or holder.identity(),
            body,
            duration=settings.lease_duration,
            deadline=settings.lease_renew_deadline,
            retry=settings.lease_retry_period,
        )


def main() -> None:
    """The console script."""
    service.run("policy", Settings, serve)


if __name__ == "__main__":
    main()

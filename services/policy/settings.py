"""What can be set on the policy service."""

from datetime import timedelta

from libs.common.settings import ServiceSettings


class Settings(ServiceSettings, frozen=True, kw_only=True):
    """Environment variables are these names in upper case after `ARGOSY_`."""

    lease_namespace: str = "karmada-system"
    """Namespace on the hub of the Lease by which one of several replicas leads."""

    lease_name: str = "argosy-policy"
    """Name of that Lease."""

    lease_duration: timedelta = timedelta(seconds=15)
    """How long others wait for a leader that is silent."""

    lease_renew_deadline: timedelta = timedelta(seconds=10)
    """After how long without a renewal a leader gives up."""

    lease_retry_period: timedelta = timedelta(seconds=2)
    """Pause between two renewals, or attempts to lead."""

    identity: str = ""
    """Name of this replica in the Lease; empty: made up anew at each start."""

    skipped_propagating_apis: str = ""
    """Kinds never propagated: `<group>`, `<group>/<version>` or `<group>/<version>/<Kind>,<Kind>`, joined by `;`."""

    skipped_propagating_namespaces: str = "kube-.*"
    """Namespaces that are never propagated nor synced: regular expressions over the whole name, joined by `,`."""

    leaving_patience: timedelta = timedelta(minutes=1)
    """How long a member that is to leave may be unready and silent until nobody waits for its word."""

    workers: int = 32
    """How many objects are worked on at the same time."""

    request_window: int = 256
    """How many questions to the scheduler may be open at the same time; the rest waits by priority."""

    request_timeout: timedelta = timedelta(seconds=5)
    """After this time without an answer a question is asked again."""

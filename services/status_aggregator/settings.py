"""What the status-aggregator can be told. Names and defaults of what Karmada has too are Karmada's."""

from datetime import timedelta

from libs.common.api import wellknown
from libs.common.settings import ServiceSettings


class Settings(ServiceSettings, frozen=True, kw_only=True):
    """Settings of the status-aggregator."""

    nats_credentials: str = ""
    """Path of a NATS `.creds` file; empty means: none."""
    lease_namespace: str = wellknown.SYSTEM_NAMESPACE
    """Namespace on the hub of the Lease by which one of several replicas leads."""
    identity: str = ""
    """Name of this replica in the Lease; empty: made up anew at each start."""
    cluster_success_threshold: timedelta = timedelta(seconds=30)
    """How long a cluster must be healthy again before its Ready condition says so."""
    cluster_failure_threshold: timedelta = timedelta(seconds=30)
    """How long a cluster must be unhealthy before its Ready condition says so."""
    cluster_monitor_period: timedelta = timedelta(seconds=5)
    """How often silence of clusters is looked for, and the bus tried."""
    cluster_monitor_grace_period: timedelta = timedelta(seconds=40)
    """How long a cluster may be silent before its Ready condition is Unknown."""
    cluster_startup_grace_period: timedelta = timedelta(seconds=60)
    """The same for a cluster that has never reported."""

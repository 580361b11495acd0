"""What the agent can be told."""

from datetime import timedelta
from typing import Literal

from libs.common.settings import ServiceSettings


class Settings(ServiceSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of argosy-agent."""

    mode: Literal["hosted", "pull"] = "hosted"
    """`hosted`: an agent for each Cluster of the hub with `syncMode: Push`; `pull`: one agent, for the member named."""
    nats_credentials: str = ""
    """Path of a NATS `.creds` file; empty means: none."""
    host: str = ""
    """Name of this machine in the members' Leases; empty means: the host name."""
    lease_duration: timedelta = timedelta(seconds=15)
    """How long a second agent of the same member waits for the first when that one falls silent."""

    cluster_name: str = ""
    """Pull mode: name of the Cluster on the hub."""
    cluster_uid: str = ""
    """Pull mode: uid of the Cluster on the hub."""
    hub_uid: str = ""
    """Pull mode: uid of the Namespace kube-system of the hub."""
    member_kubeconfig: str = ""
    """Pull mode: path of the member's kubeconfig; empty means: the cluster that the agent runs in."""

    beat_interval: timedelta = timedelta(seconds=2)
    """Time between two beats."""
    cluster_status_update_frequency: timedelta = timedelta(seconds=10)
    """A report of the member's facts comes at least this often."""
    report_interval: timedelta = timedelta(seconds=1)
    """Two reports of the member's facts are at least this far apart."""
    status_interval: timedelta = timedelta(milliseconds=200)
    """Two status messages about one object are at least this far apart."""
    probe_interval: timedelta = timedelta(seconds=2)
    """Time between two looks at the member's health endpoint."""
    probe_timeout: timedelta = timedelta(seconds=5)
    """How long the member's health endpoint may take to answer."""
    call_timeout: timedelta = timedelta(seconds=15)
    """How long the member may take to answer one call about an object."""
    discovery_interval: timedelta = timedelta(seconds=30)
    """Time between two readings of what kinds the member serves, when nothing says that they changed."""
    secret_interval: timedelta = timedelta(minutes=1)
    """Hosted mode: time between two readings of the Secret with a member's credentials."""
    workers: int = 16
    """Works that one agent handles at a time."""

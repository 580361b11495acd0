"""What the scheduler can be told."""

from datetime import timedelta

from libs.common.settings import ServiceSettings


class Settings(ServiceSettings, frozen=True, kw_only=True):
    """The scheduler's settings."""

    workers: int = 64
    """Requests in hand at a time; deciding itself takes one core, the others wait for the bus."""
    mirror_wait: timedelta = timedelta(seconds=2)
    """How long a request waits for the cluster table to show the change that caused it."""
    nats_credentials: str = ""
    """Path of a NATS `.creds` file; empty means: none."""
    plugins: tuple[str, ...] = ("*",)
    """Filters and scores that are on, separated by commas: `*` is all, `-Name` takes one away."""
    enable_empty_workload_propagation: bool = False
    """Whether selected clusters to which no replica falls get the template all the same."""

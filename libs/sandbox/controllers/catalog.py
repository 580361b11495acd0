"""Which controllers run where, the most urgent first."""

from typing import Final

from libs.sandbox.controllers import definitions, deployments, garbage, namespaces, placement, replicasets
from libs.sandbox.controllers.controller import Controller

HUB: Final[tuple[Controller, ...]] = (
    namespaces.ACCOUNTS,
    garbage.CONTROLLER,
    definitions.CONTROLLER,
    namespaces.LIFE,
)
"""A cluster that holds templates: workloads stay what they are."""

MEMBER: Final[tuple[Controller, ...]] = (
    placement.CONTROLLER,
    replicasets.CONTROLLER,
    deployments.CONTROLLER,
    namespaces.CERTIFICATES,
    *HUB,
)
"""A cluster that runs workloads."""

"""Which controllers run where, the most urgent first."""

from libs.sandbox.controllers import definitions, deployments, garbage, namespaces, placement, replicasets, tokens
from libs.sandbox.controllers.controller import Controller


def hub(token: str) -> tuple[Controller, ...]:
    """A cluster that holds templates: workloads stay what they are. `token` is what ServiceAccounts get."""
    return (
        namespaces.ACCOUNTS,
        tokens.issuer(token),
        garbage.CONTROLLER,
        definitions.CONTROLLER,
        namespaces.LIFE,
    )


def member(token: str) -> tuple[Controller, ...]:
    """A cluster that runs workloads."""
    return (
        placement.CONTROLLER,
        replicasets.CONTROLLER,
        deployments.CONTROLLER,
        namespaces.CERTIFICATES,
        *hub(token),
    )

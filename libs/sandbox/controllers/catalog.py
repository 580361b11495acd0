"""Which controllers run where, the most urgent first."""

from libs.sandbox.controllers import (
    autoscalers,
    cronjobs,
    daemonsets,
    definitions,
    deployments,
    disruption,
    garbage,
    jobs,
    namespaces,
    placement,
    quotas,
    replicasets,
    services,
    statefulsets,
    tokens,
    volumes,
)
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
        statefulsets.CONTROLLER,
        daemonsets.CONTROLLER,
        jobs.CONTROLLER,
        deployments.CONTROLLER,
        cronjobs.CONTROLLER,
        volumes.CLAIMS,
        volumes.VOLUMES,
        namespaces.CERTIFICATES,
        *hub(token),
        services.CONTROLLER,
        disruption.CONTROLLER,
        autoscalers.CONTROLLER,
        quotas.CONTROLLER,
    )

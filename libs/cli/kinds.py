"""Finds the kind that a user means: `deploy`, `deployments.apps`, `Deployment`, `deploy/nginx`."""

from collections.abc import Sequence

import click

from libs.common.kube import discovery
from libs.common.kube.client import Client
from libs.common.kube.resources import Resource


async def find(api: Client, word: str) -> Resource:
    """The resource of that plural, singular, kind or short name, with or without its group.

    Raises:
        ClickException: the server has no such kind.
    """
    wanted, _, group = word.lower().partition(".")
    matches = [r for r in await discovery.served(api) if _named(r, wanted) and (not group or _in_group(r, group))]
    if not matches:
        raise click.ClickException(f"the server has no kind {word!r}; `kubectl api-resources` lists what it has")
    return min(matches, key=lambda r: (bool(r.group) and not r.group.endswith("k8s.io") and "." in r.group, r.group))


def split(words: Sequence[str]) -> tuple[str, str]:
    """`deploy/nginx` or `deploy nginx` as kind and name; the name may be empty."""
    kind, _, name = words[0].partition("/")
    if len(words) > 2 or (name and len(words) > 1):
        raise click.BadParameter("expected KIND, KIND NAME or KIND/NAME")
    return kind, name or (words[1] if len(words) > 1 else "")


def _named(resource: Resource, word: str) -> bool:
    return word in (resource.plural, resource.singular or resource.kind.lower(), *resource.short_names)


def _in_group(resource: Resource, group: str) -> bool:
    return group in (resource.group, f"{resource.version}.{resource.group}")

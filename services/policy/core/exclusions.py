"""What is never propagated: Argosy's own kinds, the hub's internals, and what settings name (Karmada's skip flags)."""

import re
from typing import Final

from libs.common.api import wellknown
from libs.common.api.meta import ObjectMeta

_GROUPS: Final = frozenset(
    {
        *(
            f"{g}.karmada.io"
            for g in ("cluster", "policy", "work", "config", "networking", "autoscaling", "remedy", "apps")
        ),
        "events.k8s.io",
    }
)
_KINDS: Final = frozenset({("v1", "Event"), ("coordination.k8s.io/v1", "Lease")})


class Exclusions:
    """The rules. Raises ValueError for settings that cannot be parsed, naming the part that is wrong.

    Args:
        apis: `<group>`, `<group>/<version>` or `<group>/<version>/<Kind>,<Kind>` (core: `v1/<Kind>`), joined by `;`.
        namespaces: regular expressions over the whole name, joined by `,`.
    """

    def __init__(self, apis: str = "", namespaces: str = "kube-.*") -> None:
        self._groups = set(_GROUPS)
        self._versions: set[str] = set()
        self._kinds = set(_KINDS)
        for token in filter(None, (t.strip() for t in apis.split(";"))):
            self._add(token)
        self._namespaces = [_pattern(text.strip()) for text in namespaces.split(",") if text.strip()]

    def _add(self, token: str) -> None:
        parts = token.split("/")
        if parts[0] == "v1":
            parts = ["", *parts]
        match parts:
            case [group]:
                self._groups.add(group)
            case [group, version]:
                self._versions.add(f"{group}/{version}" if group else version)
            case [group, version, kinds]:
                api_version = f"{group}/{version}" if group else version
                self._kinds |= {(api_version, kind) for kind in kinds.split(",")}
            case _:
                raise ValueError(f"skipped API {token!r} has more than group, version and kinds")

    def group(self, group: str) -> bool:
        return group in self._groups

    def kind(self, group: str, api_version: str, kind: str) -> bool:
        return group in self._groups or api_version in self._versions or (api_version, kind) in self._kinds

    def namespace(self, name: str) -> bool:
        """Whether objects of this namespace are left alone; "" asks for cluster-scoped objects."""
        return is_reserved(name) or any(p.fullmatch(name) for p in self._namespaces)

    def object(self, kind: str, metadata: ObjectMeta) -> bool:
        return (
            self.namespace(metadata.namespace)
            or (kind == "Namespace" and is_reserved(metadata.name))
            or (metadata.labels or {}).get(wellknown.CLAIMED_BY_LABEL, "") != ""
        )

    def synced_namespace(self, metadata: ObjectMeta) -> bool:
        """Whether a hub Namespace is copied to members without any policy."""
        label = (metadata.labels or {}).get(wellknown.SKIP_AUTO_PROPAGATION_LABEL, "")
        return not (
            metadata.name == wellknown.DEFAULT_NAMESPACE
            or self.namespace(metadata.name)
            or label.lower() == wellknown.SKIP_AUTO_PROPAGATION_VALUE
        )


def is_reserved(namespace: str) -> bool:
    """Argosy's own namespaces on the hub."""
    return namespace in (wellknown.SYSTEM_NAMESPACE, wellknown.CLUSTER_NAMESPACE) or namespace.startswith(
        wellknown.EXECUTION_NAMESPACE_PREFIX
    )


def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise ValueError(f"skipped namespaces: {text!r} is no regular expression: {error}") from error

"""What a URL's path names: a kind, perhaps a namespace, an object, a subresource."""

import msgspec

from libs.sandbox import statuses
from libs.sandbox.kinds import Resource
from libs.sandbox.registry import Registry


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """The place that a request is about. Without `name` it is a collection; `subresource` may be `a/b` for proxies."""

    resource: Resource
    namespace: str = ""
    name: str = ""
    subresource: str = ""


def target(path: str, registry: Registry) -> Target | None:
    """What a path below `/api` or `/apis` names, None if it is the path of a discovery document.

    Raises Refusal for one that leads nowhere.
    """
    parts = path.strip("/").split("/")
    if parts[0] == "api":
        group, rest = "", parts[1:]
    else:
        group, rest = (parts[1], parts[2:]) if len(parts) > 2 else ("", [])
    if len(rest) < 2:
        return None
    version, rest = rest[0], rest[1:]
    namespace = ""
    # /namespaces/<name>/<plural> is a collection inside, /namespaces/<name>/status a subresource of the namespace
    if rest[0] == "namespaces" and len(rest) > 2 and not (len(rest) == 3 and rest[2] in ("status", "finalize")):
        namespace, rest = rest[1], rest[2:]
    found = registry.at(group, version, rest[0])
    if found is None or (namespace and not found.namespaced):
        raise statuses.unserved()
    name = rest[1] if len(rest) > 1 else ""
    subresource = "/".join(rest[2:])
    if name and found.namespaced and not namespace:
        raise statuses.unserved()
    if subresource and subresource not in found.subresources:
        raise statuses.unserved()
    return Target(resource=found, namespace=namespace, name=name, subresource=subresource)

"""What was asked of a server, counted as kube-apiserver counts it."""

from collections import Counter
from typing import Final

from libs.sandbox.serving.routes import Target
from libs.sandbox.serving.wire import Reply, Request, Stream

_NAME: Final = "apiserver_request_total"


class Counters:
    """Counts requests by verb, kind, subresource and code."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str, str, str, str, int]] = Counter()

    def count(self, target: Target, request: Request, reply: Reply | Stream) -> None:
        """Adds a request and its answer."""
        resource = target.resource
        code = reply.code if isinstance(reply, Reply) else 200
        key = (_verb(target, request), resource.group, resource.version, resource.plural, target.subresource, code)
        self._counts[key] += 1

    def text(self) -> bytes:
        """The counts in Prometheus' text format."""
        lines = [f"# HELP {_NAME} Counter of apiserver requests.", f"# TYPE {_NAME} counter"]
        for (verb, group, version, plural, subresource, code), number in sorted(self._counts.items()):
            labels = f'code="{code}",group="{group}",resource="{plural}",subresource="{subresource}"'
            lines.append(f'{_NAME}{{{labels},verb="{verb}",version="{version}"}} {number}')
        return ("\n".join(lines) + "\n").encode()


def _verb(target: Target, request: Request) -> str:
    method = request.method
    if method == "GET" and request.asks("watch"):
        return "WATCH"
    if method == "GET":
        return "GET" if target.name else "LIST"
    if method == "PATCH":
        return "APPLY" if "apply-patch" in request.headers.get("content-type", "") else "PATCH"
    if method == "DELETE" and not target.name:
        return "DELETECOLLECTION"
    return method

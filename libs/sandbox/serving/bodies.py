"""Request bodies as documents, and the options that a write's query carries."""

import contextlib
from typing import Any, Final, Literal, cast

import msgspec
import yaml

from libs.sandbox import protobuf, statuses
from libs.sandbox.cluster import Write
from libs.sandbox.serving.routes import Target
from libs.sandbox.serving.wire import BODY_LIMIT, TOO_LARGE, Request

USER: Final = "kubernetes-admin"
"""Who every client with the token is."""

_VALIDATIONS: Final = ("Ignore", "Warn", "Strict")
_decode: Final = msgspec.json.Decoder().decode


def document(request: Request) -> Any:
    """The body as plain data, whatever its type is. Raises Refusal."""
    if TOO_LARGE in request.headers or len(request.body) > BODY_LIMIT:
        raise statuses.too_large_request(BODY_LIMIT)
    kind = content_type(request)
    try:
        if kind == "application/vnd.kubernetes.protobuf":
            return protobuf.decoded(request.body)
        return _from_yaml(request.body) if "yaml" in kind else _decode(request.body)
    except (msgspec.DecodeError, yaml.YAMLError, UnicodeDecodeError, protobuf.Malformed) as error:
        raise statuses.bad_request(f"error decoding the body: {error}") from None


class _Loader(yaml.CSafeLoader):
    """YAML as API servers read it: what looks like a date stays text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


def _from_yaml(body: bytes) -> Any:
    """YAML, or JSON, which is a part of it: most clients call JSON so when they apply, and it is read far faster."""
    if body.lstrip()[:1] == b"{":
        with contextlib.suppress(msgspec.DecodeError):
            return _decode(body)
    return yaml.load(body, Loader=_Loader)


def content_type(request: Request) -> str:
    """The body's media type, without parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip()


def mapping(request: Request) -> dict[str, Any]:
    """The body as an object. Raises Refusal if it is none."""
    body = document(request)
    if not isinstance(body, dict):
        raise statuses.bad_request("the body of the request is not an object")
    return body


def of_kind(target: Target, body: dict[str, Any]) -> dict[str, Any]:
    """The body, checked to be of the kind and in the namespace that the path names. Raises Refusal."""
    resource = target.resource
    version, kind = body.get("apiVersion"), body.get("kind")
    if version is None or kind is None:
        body = {"kind": resource.kind, "apiVersion": resource.api_version} | body
    if (version or resource.api_version) != resource.api_version or (kind or resource.kind) != resource.kind:
        message = (
            f"the API version in the data ({version}, kind {kind}) does not match the expected API version"
            f" ({resource.api_version}, kind {resource.kind})"
        )
        raise statuses.bad_request(message)
    meta = body.get("metadata")
    if meta is not None and not isinstance(meta, dict):
        raise statuses.bad_request("metadata is not an object")
    namespace = (meta or {}).get("namespace")
    if resource.namespaced and namespace and namespace != target.namespace:
        message = "the namespace of the provided object does not match the namespace sent on the request"
        raise statuses.bad_request(message)
    if target.name and (meta or {}).get("name") not in (None, "", target.name):
        message = f"the name of the object ({(meta or {})['name']}) does not match the name on the URL ({target.name})"
        raise statuses.bad_request(message)
    named = {"namespace": target.namespace} if resource.namespaced else {}
    if target.name:
        named["name"] = target.name
    return {**body, "metadata": {**(meta or {}), **named}}


def write(target: Target, request: Request) -> Write:
    """How the write is to be made, by the request's query. Raises Refusal."""
    query = request.query
    if query.get("dryRun", "All") != "All":
        raise statuses.bad_request(f'Invalid value: "{query["dryRun"]}": dryRun must be "All"')
    validation = query.get("fieldValidation") or "Warn"
    if validation not in _VALIDATIONS:
        raise statuses.bad_request(f'fieldValidation: Unsupported value: "{validation}"')
    agent = request.headers.get("user-agent", "").partition("/")[0] or "unknown"
    return Write(
        manager=query.get("fieldManager") or agent,
        user=USER,
        subresource=target.subresource,
        dry_run="dryRun" in query,
        validation=cast(Literal["Ignore", "Warn", "Strict"], validation),
        warnings=[],
    )

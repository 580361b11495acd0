"""Names that Argosy builds: subject tokens, bindings, works, owner labels, trace ids. The only codec of each.

Binding, work and reference names follow Karmada (its `pkg/util/names`), so that tools find what they look for.
"""

import hashlib
import re
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

_TOKEN_SAFE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")
_PLAIN = re.compile(r"[A-Za-z0-9_-]+").fullmatch
_ESCAPED = re.compile(r"=([0-9A-F]{2})")
_SAFE_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
_MAX_NAME = 253

CLUSTER_SCOPE = "_"
"""The token that stands for the namespace of a cluster-scoped object."""


class OriginKey(NamedTuple):
    """Names what a work comes from: a binding, or a hub object that decides by itself.

    `namespace` is empty for cluster-scoped origins. `name` is the binding's name, or `<kind>:<name>` in lower case for
    objects that decide by themselves: no binding's name has a colon, so the two never meet.
    """

    namespace: str
    name: str


def namespace_origin(namespace: str) -> OriginKey:
    """The origin of the works that copy a hub Namespace to the members."""
    return OriginKey("", f"namespace:{namespace}")


@lru_cache(maxsize=8192)
def encode_token(name: str) -> str:
    """A Kubernetes name as one NATS subject token: bytes outside `[A-Za-z0-9_-]` become `=XX`; "" becomes `_`.

    A name that is itself `_` (no Kubernetes name is) would collide with the cluster scope and is escaped.
    """
    if not name:
        return CLUSTER_SCOPE
    if name == CLUSTER_SCOPE:
        return "=5F"
    if _PLAIN(name):
        return name
    return "".join(chr(b) if b in _TOKEN_SAFE else f"={b:02X}" for b in name.encode())


@lru_cache(maxsize=8192)
def decode_token(token: str) -> str:
    """The inverse of `encode_token`. Raises ValueError for text that no encoder wrote."""
    if token == CLUSTER_SCOPE:
        return ""
    if "=" not in token:
        return token
    raw = bytearray()
    position = 0
    while position < len(token):
        if token[position] == "=":
            match = _ESCAPED.match(token, position)
            if match is None:
                raise ValueError(
                    f"subject token {token!r} has a bad escape at {position}; expected '=' and two hex digits"
                )
            raw.append(int(match[1], 16))
            position = match.end()
        else:
            raw += token[position].encode()
            position += 1
    return raw.decode()


def fnv1a32(text: str) -> int:
    """FNV-1a over the UTF-8 bytes of `text`, 32 bits."""
    value = 0x811C9DC5
    for byte in text.encode():
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return value


def safe_hash(text: str) -> str:
    """Karmada's short hash: the decimal FNV-1a of `text` in an alphabet without vowels."""
    return "".join(_SAFE_ALPHABET[ord(c) % len(_SAFE_ALPHABET)] for c in str(fnv1a32(text)))


def binding_name(kind: str, name: str) -> str:
    """The name of the binding of a template, as Karmada builds it."""
    return f"{name.replace(':', '.')}-{kind}".lower()


def hashed_binding_name(api_version: str, kind: str, name: str) -> str:
    """The name for a binding whose Karmada name is taken by another living template, or too long for Kubernetes."""
    group = api_version.rpartition("/")[0]
    digest = safe_hash(f"{group}/{kind}/{name}")
    return f"{binding_name(kind, name)[: _MAX_NAME - len(digest) - 1]}-{digest}"


def fits(name: str) -> bool:
    """Whether Kubernetes takes `name` for a custom resource."""
    return len(name) <= _MAX_NAME


@lru_cache(maxsize=1024)
def work_name(kind: str, namespace: str, name: str) -> str:
    """The name Karmada gives the Work of an object; Argosy writes it into annotations of member objects."""
    plain = name.replace(":", ".").lower()
    key = f"{namespace}-{plain}-{kind}" if namespace else f"{plain}-{kind}"
    return f"{plain}-{safe_hash(key.lower())}"


def execution_namespace(cluster: str) -> str:
    return f"karmada-es-{cluster}"


def binding_reference_key(namespace: str, name: str) -> str:
    """The key under which an attached binding names the binding that needs it."""
    return safe_hash(f"{namespace}/{name}" if namespace else name)


@lru_cache(maxsize=1024)
def owner_hash(hub_uid: str, cluster_uid: str) -> str:
    """The value of the owner label on member objects: which hub, and as which cluster, manages the object."""
    return hashlib.sha256(f"{hub_uid}/{cluster_uid}".encode()).hexdigest()[:40]


def trace_id(template: dict[str, Any]) -> str:
    """The id, 32 hex digits, of the trace of this state of an object; anyone can compute it from the object.

    SHA-256 of `uid/generation`; for kinds without a generation of `uid/` and the deterministic JSON of the object
    without status, managedFields, resourceVersion and what Argosy itself writes on it.
    """
    metadata = template.get("metadata") or {}
    uid, generation = metadata.get("uid", ""), metadata.get("generation")
    if generation:
        source = f"{uid}/{generation}".encode()
    else:
        source = f"{uid}/".encode() + msgspec.json.encode(_own_content(template), order="deterministic")
    return hashlib.sha256(source).digest()[:16].hex()


def deletion_trace_id(uid: str) -> str:
    """The id, 32 hex digits, of the trace of an object's deletion: SHA-256 of `uid/deleted`."""
    return hashlib.sha256(f"{uid}/deleted".encode()).digest()[:16].hex()


def is_claim_key(key: str) -> bool:
    """Whether a label or annotation key of a template is written by Argosy, not by the user."""
    prefix = key.partition("/")[0]
    return prefix in ("propagationpolicy.karmada.io", "clusterpropagationpolicy.karmada.io") or prefix.endswith(
        "argosy.dev"
    )


def _own_content(template: dict[str, Any]) -> dict[str, Any]:
    metadata = {
        k: v for k, v in (template.get("metadata") or {}).items() if k not in ("managedFields", "resourceVersion")
    }
    for field in ("labels", "annotations"):
        if metadata.get(field):
            metadata[field] = {k: v for k, v in metadata[field].items() if not is_claim_key(k)}
        if not metadata.get(field):
            metadata.pop(field, None)
    return {**{k: v for k, v in template.items() if k != "status"}, "metadata": metadata}

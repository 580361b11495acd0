"""A user's object on the hub as policy keeps it: bytes, what matching looks at, and a digest of what users change."""

import hashlib
from collections.abc import Mapping
from functools import cached_property
from typing import Any, NamedTuple

import msgspec

from libs.common import names
from libs.common.api import wellknown
from libs.common.api.meta import ObjectMeta, PartialObject
from libs.common.api.meta import Template as Body
from services.policy.core import matching
from services.policy.core.matching import TemplateFacts

_partial = msgspec.json.Decoder(PartialObject).decode
_whole = msgspec.json.Decoder(dict[str, Any]).decode
_encode = msgspec.json.Encoder(order="deterministic").encode


class TemplateKey(NamedTuple):
    """Names a template whatever version it is read in. `namespace` is empty for cluster-scoped objects."""

    group: str
    kind: str
    namespace: str
    name: str


class Template(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """One object in one version. Its body is decoded anew when asked for: most of the time nobody asks."""

    api_version: str
    kind: str
    metadata: ObjectMeta
    raw: bytes
    digest: str
    """Over all that a user can change: neither status, versions and managed fields, nor claims."""

    @property
    def key(self) -> TemplateKey:
        metadata = self.metadata
        return TemplateKey(group_of(self.api_version), self.kind, metadata.namespace, metadata.name)

    @property
    def facts(self) -> TemplateFacts:
        return TemplateFacts(api_version=self.api_version, kind=self.kind, metadata=self.metadata)

    @property
    def is_orphaning(self) -> bool:
        """Whether it is being deleted in such a way that what it owns stays."""
        metadata = self.metadata
        return metadata.deletion_timestamp is not None and wellknown.ORPHAN_FINALIZER in (metadata.finalizers or ())

    def body(self) -> Body:
        return _whole(self.raw)

    @cached_property
    def trace_id(self) -> str:
        """The id of the trace that this state of the object begins."""
        return names.trace_id(self.body())


def read(raw: bytes) -> Template:
    """An object as the API server sent it. Raises msgspec.DecodeError for what is no object."""
    partial = _partial(raw)
    return Template(
        api_version=partial.api_version,
        kind=partial.kind,
        metadata=partial.metadata,
        raw=raw,
        digest=hashlib.blake2b(_encode(own_content(_whole(raw))), digest_size=16).hexdigest(),
    )


def own_content(body: Body) -> Body:
    """What users write: the object without status, versions, managed fields and without what Argosy writes on it."""
    metadata = {k: v for k, v in body["metadata"].items() if k not in _SERVERS}
    for field in ("labels", "annotations"):
        own = {k: v for k, v in (metadata.pop(field, None) or {}).items() if not names.is_claim_key(k)}
        if own:
            metadata[field] = own
    return {**{k: v for k, v in body.items() if k != "status"}, "metadata": metadata}


def with_metadata(body: Body, labels: Mapping[str, str | None], notes: Mapping[str, str | None]) -> Body:
    """The object with these labels and annotations set (None: taken away)."""
    metadata = dict(body["metadata"])
    for field, changes in (("labels", labels), ("annotations", notes)):
        merged = {**(metadata.get(field) or {}), **changes}
        metadata[field] = {key: value for key, value in merged.items() if value is not None}
    return {**body, "metadata": metadata}


def group_of(api_version: str) -> str:
    """The API group of `group/version`; empty for the core API."""
    return api_version.rpartition("/")[0]


_SERVERS = frozenset({"managedFields", "resourceVersion", "generation"})


def is_claimed(template: Template) -> bool:
    """Whether a policy's claim stands on it."""
    return matching.claim_of(template.metadata) is not None


def same_to_users(old: Template, new: Template, *, but_claims: bool = False) -> bool:
    """Whether nothing changed but what servers and Argosy write: status, versions, managed fields.

    A claim that somebody took away or wrote is a change, so that it can be put right; `but_claims` says that the new
    one is ours.
    """
    same_claims = but_claims or matching.claim_of(old.metadata) == matching.claim_of(new.metadata)
    return old.digest == new.digest and old.metadata.uid == new.metadata.uid and same_claims

"""Reads kubeconfig files (reference: client-go tools/clientcmd/api/v1)."""

import base64
import binascii
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from libs.common.kube.errors import CredentialsError


class Entry(msgspec.Struct, frozen=True, kw_only=True, rename="kebab"):
    """What the parts of a kubeconfig share: kebab-case names; what we do not know is passed over."""


class Cluster(Entry, frozen=True, kw_only=True):
    server: str = ""
    certificate_authority: str | None = None
    certificate_authority_data: str | None = None
    insecure_skip_tls_verify: bool = False
    tls_server_name: str | None = None
    proxy_url: str | None = None


class User(Entry, frozen=True, kw_only=True):
    client_certificate: str | None = None
    client_certificate_data: str | None = None
    client_key: str | None = None
    client_key_data: str | None = None
    token: str | None = None
    token_file: str | None = msgspec.field(default=None, name="tokenFile")
    username: str | None = None
    password: str | None = None
    as_: str | None = msgspec.field(default=None, name="as")
    as_groups: list[str] | None = None
    exec: dict[str, Any] | None = None
    auth_provider: dict[str, Any] | None = None


class Context(Entry, frozen=True, kw_only=True):
    cluster: str = ""
    user: str = ""
    namespace: str | None = None


class NamedCluster(Entry, frozen=True, kw_only=True):
    name: str
    cluster: Cluster = Cluster()


class NamedUser(Entry, frozen=True, kw_only=True):
    name: str
    user: User = User()


class NamedContext(Entry, frozen=True, kw_only=True):
    name: str
    context: Context = Context()


class Kubeconfig(Entry, frozen=True, kw_only=True):
    current_context: str = ""
    clusters: list[NamedCluster] | None = None
    users: list[NamedUser] | None = None
    contexts: list[NamedContext] | None = None


class Chosen(msgspec.Struct, frozen=True, kw_only=True):
    """One context of a kubeconfig with what it names; `folder` is what relative paths start from."""

    name: str
    cluster: Cluster
    user: User
    folder: Path


N = TypeVar("N", NamedCluster, NamedUser, NamedContext)


def read(path: Path) -> dict[str, Any]:
    """The document in a file. Raises CredentialsError if there is none."""
    import yaml  # only who reads such a file pays for it

    try:
        document = yaml.load(path.read_text(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except OSError as error:
        raise CredentialsError(f"kubeconfig {path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CredentialsError(f"kubeconfig {path} is not YAML: {error}") from error
    if not isinstance(document, dict):
        raise CredentialsError(f"kubeconfig {path} is empty or not a mapping")
    return document


def choose(document: dict[str, Any], context: str = "", folder: Path = Path()) -> Chosen:
    """The context of that name, or the current one. Raises CredentialsError that names the field that is wrong."""
    try:
        config = msgspec.convert(document, Kubeconfig)
    except msgspec.ValidationError as error:
        raise CredentialsError(f"kubeconfig: {error}") from error
    name = context or config.current_context
    if not name and len(config.contexts or ()) == 1:
        name = (config.contexts or [])[0].name
    if not name:
        raise CredentialsError("kubeconfig: current-context is not set; name a context")
    found = _named(config.contexts, name, "contexts").context
    return Chosen(
        name=name,
        cluster=_named(config.clusters, found.cluster, "clusters").cluster,
        user=_named(config.users, found.user, "users").user if found.user else User(),
        folder=folder,
    )


def content(field: str, data: str | None, path: str | None, folder: Path) -> str:
    """The text that stands in base64 in `data`, or in a file; "" for neither. `field` is named in errors."""
    if data:
        try:
            return base64.b64decode(data, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError) as error:
            raise CredentialsError(f"kubeconfig: {field}-data is not base64 of text: {error}") from error
    if path:
        try:
            return (folder / path).read_text()
        except OSError as error:
            raise CredentialsError(f"kubeconfig: {field} {folder / path}: {error.strerror}") from error
    return ""


def _named(entries: list[N] | None, name: str, field: str) -> N:
    for entry in entries or ():
        if entry.name == name:
            return entry
    known = ", ".join(entry.name for entry in entries or ()) or "none"
    raise CredentialsError(f"kubeconfig: {field} has no {name!r}; there are: {known}")

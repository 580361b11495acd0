"""Where an API server is and how to prove who asks: kubeconfigs, in-cluster accounts, Secrets of joined clusters."""

import asyncio
import base64
import os
import ssl
import tempfile
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from urllib import parse, request

from libs.common.kube import kubeconfig, proxies
from libs.common.kube.errors import CredentialsError
from libs.common.kube.plugins import Plugin

_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_TOKEN_AGE: Final = timedelta(seconds=60)


@dataclass(kw_only=True)
class Credentials:
    """One server and one user of it. Secrets do not show in its repr."""

    server: str = field(repr=False)
    """Base URL, without a slash at its end."""
    ca_pem: str = ""
    """Who signs the server's certificate; empty means: the authorities that this machine trusts."""
    ca_file: str = ""
    """The same as a file, which is read anew for each session."""
    insecure: bool = False
    """Whether the server's certificate is not checked at all."""
    server_name: str = ""
    """The name that the certificate must bear, if not the host of `server`."""
    client_certificate: str = field(default="", repr=False)
    client_key: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    token_file: str = ""
    """Read anew each minute: tokens of service accounts rotate."""
    username: str = ""
    password: str = field(default="", repr=False)
    impersonate: str = ""
    impersonate_groups: tuple[str, ...] = ()
    proxy: str = ""
    """URL of the proxy; empty means: none."""
    plugin: Plugin | None = field(default=None, repr=False)
    """Runs the exec plugin or the OIDC refresh of a kubeconfig."""
    _read_at: float = field(default=float("-inf"), repr=False)

    @property
    def origin(self) -> str:
        """The server without a path, which may be a secret: for logs and messages."""
        parts = parse.urlsplit(self.server)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"

    async def headers(self, *, renew: bool = False) -> list[tuple[str, str]]:
        """The headers that say who asks. `renew` after a 401: nothing that was remembered is used."""
        found = []
        token = await self._bearer(renew)
        if token:
            if not (token.isascii() and token.isprintable()):
                raise CredentialsError(f"the token for {self.origin} has characters that no token has")
            found.append(("Authorization", f"Bearer {token}"))
        elif self.username:
            basic = base64.b64encode(f"{self.username}:{self.password}".encode()).decode()
            found.append(("Authorization", f"Basic {basic}"))
        if self.impersonate:
            found.append(("Impersonate-User", self.impersonate))
            found += [("Impersonate-Group", group) for group in self.impersonate_groups]
        return found

    async def ssl_context(self) -> ssl.SSLContext | None:
        """What the connection is secured with; None for plain HTTP."""
        if not self.server.startswith("https://"):
            return None
        certificate, key = self.client_certificate, self.client_key
        if self.plugin is not None:
            certificate, key = await self.plugin.certificate() or (certificate, key)
        return await asyncio.to_thread(self._context, certificate, key)

    def _context(self, certificate: str, key: str) -> ssl.SSLContext:
        try:
            context = ssl.create_default_context(cafile=self.ca_file or None, cadata=self.ca_pem or None)
            # many clusters' own authorities lack the key identifiers that Python 3.13 began to insist on
            context.verify_flags &= ~ssl.VERIFY_X509_STRICT
            if self.insecure:
                context.check_hostname = False
                context.verify_mode = ssl.CERT_NONE
            if certificate:
                _load_chain(context, certificate, key)
        except (ssl.SSLError, OSError, ValueError) as error:
            raise CredentialsError(f"certificates for {self.origin} cannot be used: {error}") from error
        return context

    async def _bearer(self, renew: bool) -> str:
        if self.plugin is not None:
            return await self.plugin.token(renew=renew)
        if self.token_file:
            now = asyncio.get_running_loop().time()
            if renew or now - self._read_at > _TOKEN_AGE.total_seconds():
                self.token = await asyncio.to_thread(_token_of, Path(self.token_file))
                self._read_at = now
        return self.token


def from_kubeconfig(source: str | Path | dict[str, Any], context: str = "", *, plugins: bool = True) -> Credentials:
    """The credentials of one context of a kubeconfig, the current one unless named.

    `source` is a path or the document itself. `plugins=False` refuses users that run a program: for kubeconfigs that
    are not the local user's own. Raises CredentialsError that names the field.
    """
    if isinstance(source, dict):
        document, folder = source, Path()
    else:
        path = Path(source).expanduser()
        document, folder = kubeconfig.read(path), path.parent
    chosen = kubeconfig.choose(document, context, folder)
    cluster, user = chosen.cluster, chosen.user
    server = _server(cluster.server, "kubeconfig: server")
    plugin = None
    if user.exec is not None or user.auth_provider is not None:
        if not plugins:
            raise CredentialsError("kubeconfig: users with exec or auth-provider are not taken from here; use a token")
        plugin = Plugin(document, chosen.name, folder)
    return Credentials(
        server=server,
        ca_pem=kubeconfig.content(
            "certificate-authority", cluster.certificate_authority_data, cluster.certificate_authority, folder
        ),
        insecure=cluster.insecure_skip_tls_verify,
        server_name=cluster.tls_server_name or "",
        client_certificate=kubeconfig.content(
            "client-certificate", user.client_certificate_data, user.client_certificate, folder
        ),
        client_key=kubeconfig.content("client-key", user.client_key_data, user.client_key, folder),
        token=user.token or "",
        token_file=str(folder / user.token_file) if user.token_file and not user.token else "",
        username=user.username or "",
        password=user.password or "",
        impersonate=user.as_ or "",
        impersonate_groups=tuple(user.as_groups or ()),
        proxy=_proxy(cluster.proxy_url or _environment_proxy(server), "kubeconfig: proxy-url"),
        plugin=plugin,
    )


def from_secret(
    endpoint: str, token: str, ca_bundle: str | bytes = "", *, insecure: bool = False, proxy: str | None = None
) -> Credentials:
    """The credentials of a joined cluster: a bearer token and the PEM of its authority."""
    ca_pem = ca_bundle.decode() if isinstance(ca_bundle, bytes) else ca_bundle
    if not token.strip():
        raise CredentialsError("the cluster's Secret has no token")
    return Credentials(
        server=_server(endpoint, "apiEndpoint"),
        token=token.strip(),
        ca_pem=ca_pem,
        insecure=insecure,
        proxy=_proxy(proxy or "", "proxyURL"),
    )


def in_cluster(account: Path = _ACCOUNT) -> Credentials:
    """The credentials of the Pod's service account. Raises CredentialsError outside a cluster."""
    host, port = os.environ.get("KUBERNETES_SERVICE_HOST", ""), os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    if not host:
        raise CredentialsError("not in a cluster: KUBERNETES_SERVICE_HOST is not set; name a kubeconfig")
    if not (account / "token").exists():
        raise CredentialsError(f"{account / 'token'} is missing: the Pod has no service account token mounted")
    return Credentials(
        server=f"https://{f'[{host}]' if ':' in host else host}:{port}",
        ca_file=str(account / "ca.crt"),
        token_file=str(account / "token"),
    )


def of_hub(path: str) -> Credentials:
    """The credentials that a service's setting `hub_kubeconfig` means: a file, or the cluster it runs in for ""."""
    return from_kubeconfig(path) if path else in_cluster()


def _server(url: str, where: str) -> str:
    parts = parse.urlsplit(url if "://" in url else f"https://{url}" if url else "")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise CredentialsError(f"{where} must be an http or https URL, got {url!r}")
    return parts.geturl().rstrip("/")


def _proxy(url: str, where: str) -> str:
    if url and parse.urlsplit(url).scheme not in proxies.SCHEMES:
        raise CredentialsError(f"{where} must be an http or socks5 URL, got {parse.urlsplit(url).scheme}://")
    return url


def _environment_proxy(server: str) -> str:
    """The proxy of the environment for this server; none for this machine itself, as in client-go."""
    parts = parse.urlsplit(server)
    host = parts.hostname or ""
    if host in ("localhost", "::1") or host.startswith("127.") or request.proxy_bypass(parts.netloc):
        return ""
    return request.getproxies().get(parts.scheme, "")


def _token_of(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError as error:
        raise CredentialsError(f"token file {path}: {error.strerror}") from error


def _load_chain(context: ssl.SSLContext, certificate: str, key: str) -> None:
    """ssl takes certificate and key from a file only: one that nobody else can read, for a moment."""
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as chain:
        chain.write(f"{certificate}\n{key}\n")
        chain.flush()
        context.load_cert_chain(chain.name)

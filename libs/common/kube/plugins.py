"""Users of a kubeconfig who get their credentials from a program (exec) or an identity provider (OIDC).

kubernetes_asyncio knows how. It is imported here only, and only when there is such a user: it costs some 60 MiB and a
second. The programs are named by the kubeconfig, so only the local user's own files may have them.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from libs.common.kube.errors import CredentialsError

_LIMIT: Final = timedelta(seconds=60)
_MARGIN: Final = timedelta(seconds=30)


class Plugin:
    """The credentials of one context of a kubeconfig document, kept until they expire."""

    def __init__(self, document: dict[str, Any], context: str, folder: Path) -> None:
        self._document = document
        self._context = context
        self._folder = folder
        self._lock = asyncio.Lock()
        self._token = ""
        self._certificate: tuple[str, str] | None = None
        self._expires: datetime | None = None
        self._loaded = False

    async def token(self, *, renew: bool = False) -> str:
        """The bearer token; "" if the user has a certificate instead. Raises CredentialsError."""
        await self._load(renew)
        return self._token

    async def certificate(self) -> tuple[str, str] | None:
        """PEM of the client certificate and its key, if the program gives these."""
        await self._load(False)
        return self._certificate

    async def _load(self, renew: bool) -> None:
        async with self._lock:
            if self._loaded and not renew and (self._expires is None or datetime.now(UTC) < self._expires - _MARGIN):
                return
            try:
                async with asyncio.timeout(_LIMIT.total_seconds()):
                    await self._ask()
            except TimeoutError:
                raise CredentialsError(
                    f"the credential plugin gave no answer in {_LIMIT.total_seconds():.0f} s"
                ) from None
            self._loaded = True

    async def _ask(self) -> None:
        new_loader, new_configuration = await asyncio.to_thread(_library)
        configuration = new_configuration()
        try:
            loader = new_loader(self._document, active_context=self._context, config_base_path=str(self._folder))
            await loader.load_and_set(configuration)
        except Exception as error:  # the library raises its own, the program's and the network's
            raise CredentialsError(f"the credential plugin failed: {error}") from error
        self._token = str(configuration.api_key.get("BearerToken", "")).removeprefix("Bearer ")
        self._expires = getattr(loader, "exec_plugin_expiry", None)
        if configuration.cert_file and configuration.key_file:
            self._certificate = await asyncio.to_thread(_texts, configuration.cert_file, configuration.key_file)


def _library() -> tuple[Callable[..., Any], Callable[..., Any]]:
    from kubernetes_asyncio.client import Configuration
    from kubernetes_asyncio.config.kube_config import KubeConfigLoader

    return KubeConfigLoader, Configuration


def _texts(certificate: str, key: str) -> tuple[str, str]:
    return Path(certificate).read_text(), Path(key).read_text()

"""Kubeconfigs and Secrets as credentials; what is wrong is named."""

import asyncio
import base64
import ssl
from pathlib import Path
from typing import Any

import pytest
import yaml

from libs.common.kube import credentials
from libs.common.kube.errors import CredentialsError


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def document(cluster: dict[str, Any] | None = None, user: dict[str, Any] | None = None) -> dict[str, Any]:
    """A kubeconfig of one context."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": "https://10.0.0.1:6443/", **(cluster or {})}}],
        "users": [{"name": "u", "user": user or {}}],
    }


def test_a_kubeconfig_of_data() -> None:
    found = credentials.from_kubeconfig(
        document(
            {"certificate-authority-data": encoded("CA"), "tls-server-name": "api", "proxy-url": "http://p:1"},
            {"client-certificate-data": encoded("CERT"), "client-key-data": encoded("KEY"), "token": "T"},
        )
    )
    assert (found.server, found.ca_pem, found.server_name, found.proxy) == (
        "https://10.0.0.1:6443",
        "CA",
        "api",
        "http://p:1",
    )
    assert (found.client_certificate, found.client_key, found.token) == ("CERT", "KEY", "T")


def test_files_are_beside_the_kubeconfig(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_text("CA")
    (tmp_path / "token").write_text("T\n")
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(document({"certificate-authority": "ca.crt"}, {"tokenFile": "token"})))
    found = credentials.from_kubeconfig(path)
    assert (found.ca_pem, found.token_file) == ("CA", str(tmp_path / "token"))


def test_another_context_is_taken_by_name() -> None:
    config = document()
    config["clusters"].append({"name": "d", "cluster": {"server": "http://d"}})
    config["contexts"].append({"name": "there", "context": {"cluster": "d", "user": "u"}})
    assert credentials.from_kubeconfig(config, "there").server == "http://d"


@pytest.mark.parametrize(
    ("config", "message"),
    [
        pytest.param({**document(), "current-context": "x"}, "contexts has no 'x'; there are: here", id="context"),
        pytest.param({**document(), "clusters": None}, "clusters has no 'c'; there are: none", id="cluster"),
        pytest.param({**document(), "users": []}, "users has no 'u'", id="user"),
        pytest.param(document({"server": ""}), "server must be an http or https URL, got ''", id="no-server"),
        pytest.param(document({"server": "ftp://x"}), "server must be", id="scheme"),
        pytest.param(document({"proxy-url": "https://p"}), "proxy-url must be an http or socks5 URL", id="proxy"),
        pytest.param(document({"certificate-authority-data": "%%%"}), "certificate-authority-data is not", id="base64"),
        pytest.param(
            document({"certificate-authority": "/nowhere"}), "certificate-authority /nowhere: No such", id="file"
        ),
        pytest.param(
            {**document(), "contexts": "no"}, r"Expected `array \| null`, got `str` - at `\$.contexts`", id="type"
        ),
    ],
)
def test_what_is_wrong_is_named(config: dict[str, Any], message: str) -> None:
    with pytest.raises(CredentialsError, match=message):
        credentials.from_kubeconfig(config)


@pytest.mark.parametrize("text", ["", "- a\n", "a: [", "\x00"])
def test_a_file_that_is_no_kubeconfig_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(text)
    with pytest.raises(CredentialsError, match=str(path)):
        credentials.from_kubeconfig(path)


@pytest.mark.parametrize("user", [{"exec": {"command": "x"}}, {"auth-provider": {"name": "oidc"}}])
def test_programs_are_run_only_for_who_allows_it(user: dict[str, Any]) -> None:
    with pytest.raises(CredentialsError, match="not taken from here"):
        credentials.from_kubeconfig(document(user=user), plugins=False)


def test_secrets_do_not_show_when_printed() -> None:
    shown = repr(credentials.from_kubeconfig(document(user={"token": "hush", "password": "hush", "username": "me"})))
    assert "hush" not in shown


@pytest.mark.parametrize(
    ("user", "headers"),
    [
        pytest.param({"token": "T"}, [("Authorization", "Bearer T")], id="token"),
        pytest.param(
            {"username": "me", "password": "pw"}, [("Authorization", f"Basic {encoded('me:pw')}")], id="basic"
        ),
        pytest.param(
            {"token": "T", "as": "jane", "as-groups": ["a", "b"]},
            [
                ("Authorization", "Bearer T"),
                ("Impersonate-User", "jane"),
                ("Impersonate-Group", "a"),
                ("Impersonate-Group", "b"),
            ],
            id="impersonation",
        ),
        pytest.param({}, [], id="nobody"),
    ],
)
async def test_who_asks(user: dict[str, Any], headers: list[tuple[str, str]]) -> None:
    assert await credentials.from_kubeconfig(document(user=user)).headers() == headers


def test_a_token_file_is_read_anew_each_minute(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("first")

    async def scenario() -> list[str]:
        found = credentials.Credentials(server="http://x", token_file=str(path))
        seen = [(await found.headers())[0][1]]
        path.write_text("second")
        seen.append((await found.headers())[0][1])
        found._read_at -= 61
        seen.append((await found.headers())[0][1])
        path.write_text("third")
        seen.append((await found.headers(renew=True))[0][1])
        return seen

    assert asyncio.run(scenario()) == ["Bearer first", "Bearer first", "Bearer second", "Bearer third"]


def test_a_secret_needs_a_token() -> None:
    with pytest.raises(CredentialsError, match="has no token"):
        credentials.from_secret("https://m", " \n", "CA")


def test_outside_a_cluster_the_way_out_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(CredentialsError, match="name a kubeconfig"):
        credentials.in_cluster()


def test_in_a_cluster_the_account_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("T")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    found = credentials.in_cluster(tmp_path)
    assert (found.server, found.token_file) == ("https://[fd00::1]:443", str(tmp_path / "token"))


@pytest.mark.parametrize(
    ("server", "proxy"),
    [
        pytest.param("https://api.example:6443", "http://proxy:3128", id="elsewhere"),
        pytest.param("https://127.0.0.1:6443", "", id="this-machine"),
        pytest.param("https://localhost:6443", "", id="this-machine-by-name"),
        pytest.param("https://api.inside.example", "", id="no-proxy"),
    ],
)
def test_the_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch, server: str, proxy: str) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy:3128")
    monkeypatch.setenv("no_proxy", "inside.example")
    assert credentials.from_kubeconfig(document({"server": server})).proxy == proxy


async def test_an_insecure_connection_checks_nothing() -> None:
    context = await credentials.from_secret("https://m", "T", insecure=True).ssl_context()
    assert context is not None
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_NONE, False)


async def test_authorities_without_key_identifiers_are_taken() -> None:
    context = await credentials.from_secret("https://m", "T").ssl_context()
    assert context is not None
    assert not context.verify_flags & ssl.VERIFY_X509_STRICT


async def test_a_certificate_that_is_none_is_named() -> None:
    with pytest.raises(CredentialsError, match="certificates for https://m cannot be used"):
        await credentials.from_secret("https://m", "T", "no PEM").ssl_context()


async def test_plain_http_needs_no_certificates() -> None:
    assert await credentials.from_secret("http://m", "T").ssl_context() is None


PLUGIN = """#!/bin/sh
echo run >> {log}
cat <<'END'
{{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {{"token": "from-a-program"}}}}
END
"""


async def test_an_exec_plugin_is_asked_once(tmp_path: Path) -> None:
    program, log = tmp_path / "plugin", tmp_path / "log"
    program.write_text(PLUGIN.format(log=log))
    program.chmod(0o700)
    user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": str(program)}}
    found = credentials.from_kubeconfig(document(user=user))
    headers = [await found.headers() for _ in range(3)]
    assert headers == [[("Authorization", "Bearer from-a-program")]] * 3
    assert log.read_text() == "run\n"
    await found.headers(renew=True)
    assert log.read_text() == "run\nrun\n"


async def test_an_exec_plugin_that_fails_is_named(tmp_path: Path) -> None:
    user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "/bin/false"}}
    with pytest.raises(CredentialsError, match="plugin failed"):
        await credentials.from_kubeconfig(document(user=user)).headers()


@pytest.mark.parametrize("token", ["a\r\nX-Remote-User: admin", "ä", "a\tb"])
async def test_a_token_that_would_be_more_than_a_header_is_refused(token: str) -> None:
    with pytest.raises(CredentialsError, match="characters that no token has"):
        await credentials.Credentials(server="http://x", token=token).headers()

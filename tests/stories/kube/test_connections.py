"""What a client does where connections are secured or lead through a proxy."""

import ssl
from pathlib import Path
from typing import Any

import pytest

from libs.common.kube import errors
from libs.common.kube.client import Client
from libs.common.kube.credentials import Credentials
from libs.common.kube.resources import CONFIG_MAPS, ObjectKey
from tests.stories.kube import scripted, socks
from tests.stories.kube.scripted import Raw, Reply

KEY = ObjectKey("ns", "a")
PATH = "/api/v1/namespaces/ns/configmaps/a"
TLS = Path(__file__).parents[2] / "data" / "tls"


def client(server: scripted.Server, **more: Any) -> Client:
    return Client(Credentials(server=server.url, token="T", **more))


def tls(*, asks_for_certificate: bool = False) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(TLS / "server.pem")
    if asks_for_certificate:
        context.load_verify_locations(TLS / "ca.crt")
        context.verify_mode = ssl.CERT_REQUIRED
    return context


CA = (TLS / "ca.crt").read_text()


async def test_a_server_whose_authority_is_known_is_trusted() -> None:
    async with scripted.serving(Reply(), tls=tls()) as server, client(server, ca_pem=CA) as api:
        assert await api.get(CONFIG_MAPS, KEY) == b"{}"


async def test_a_server_that_bears_another_name_is_trusted_under_that() -> None:
    async with scripted.serving(Reply(), tls=tls()) as server, client(server, ca_pem=CA, server_name="api.test") as api:
        assert await api.get(CONFIG_MAPS, KEY) == b"{}"


@pytest.mark.parametrize(
    "more",
    [
        pytest.param({}, id="unknown-authority"),
        pytest.param({"ca_pem": CA, "server_name": "other.test"}, id="other-name"),
    ],
)
async def test_a_server_that_cannot_show_who_it_is_is_refused(more: dict[str, str]) -> None:
    async with scripted.serving(Reply(), tls=tls()) as server, client(server, **more) as api:
        with pytest.raises(errors.Unreachable, match="its certificate or TLS is not accepted"):
            await api.get(CONFIG_MAPS, KEY)


async def test_checks_can_be_waived() -> None:
    async with scripted.serving(Reply(), tls=tls()) as server, client(server, insecure=True) as api:
        assert await api.get(CONFIG_MAPS, KEY) == b"{}"


async def test_a_client_certificate_is_shown() -> None:
    pem = (TLS / "client.pem").read_text()
    async with (
        scripted.serving(Reply(), tls=tls(asks_for_certificate=True)) as server,
        client(server, ca_pem=CA, client_certificate=pem, client_key="") as api,
    ):
        assert await api.get(CONFIG_MAPS, KEY) == b"{}"


async def test_a_proxy_leads_to_a_server_with_tls() -> None:
    async with (
        scripted.serving(Reply(), tls=tls()) as server,
        scripted.serving() as proxy,
        client(server, ca_pem=CA, proxy=proxy.url.replace("//", "//me:secret@")) as api,
    ):
        assert await api.get(CONFIG_MAPS, KEY) == b"{}"
        assert (proxy.requests[0].method, f"https://{proxy.requests[0].path}") == ("CONNECT", server.url)
        assert proxy.requests[0].headers["proxy-authorization"] == "Basic bWU6c2VjcmV0"


async def test_a_proxy_is_asked_for_the_whole_url_of_a_plain_server() -> None:
    async with (
        scripted.serving(Reply()) as proxy,
        Client(Credentials(server="http://hub.test", proxy=proxy.url)) as api,
    ):
        await api.get(CONFIG_MAPS, KEY)
        assert proxy.requests[0].path == f"http://hub.test{PATH}"


async def test_a_proxy_that_refuses_is_named() -> None:
    async with (
        scripted.serving(Raw(b"HTTP/1.1 407 Who are you\r\n\r\n")) as nothing,
        Client(Credentials(server="https://hub.test", proxy=nothing.url, insecure=True)) as api,
    ):
        nothing.refuses_tunnels = True
        with pytest.raises(errors.Unreachable, match=r"proxy 127\.0\.0\.1 said 'HTTP/1\.1 407"):
            await api.get(CONFIG_MAPS, KEY)


async def test_a_plain_proxy_is_told_who_asks() -> None:
    async with (
        scripted.serving(Reply()) as proxy,
        Client(Credentials(server="http://hub.test", proxy=proxy.url.replace("//", "//me:secret@"))) as api,
    ):
        await api.get(CONFIG_MAPS, KEY)
        assert proxy.requests[0].headers["proxy-authorization"] == "Basic bWU6c2VjcmV0"


async def test_a_socks_proxy_leads_to_a_server_with_tls() -> None:
    async with (
        scripted.serving(Reply(), Reply(), tls=tls()) as server,
        socks.proxying() as proxy,
        client(server, ca_pem=CA, proxy=proxy.url) as api,
    ):
        for _ in range(2):
            assert await api.get(CONFIG_MAPS, KEY) == b"{}"
        assert [host for host, _ in proxy.targets] == ["127.0.0.1"]


async def test_a_socks_proxy_resolves_names_itself_and_is_told_who_asks() -> None:
    async with scripted.serving(Reply()) as server, socks.proxying() as proxy:
        port = server.url.rpartition(":")[2]
        creds = Credentials(server=f"http://hub.test:{port}", proxy=proxy.url.replace("//", "//me:secret@"))
        async with Client(creds) as api:
            assert await api.get(CONFIG_MAPS, KEY) == b"{}"
        assert (proxy.targets, proxy.logins) == ([("hub.test", int(port))], [(b"me", b"secret")])


@pytest.mark.parametrize(
    ("reply", "login", "message"),
    [
        pytest.param(5, b"\x01\x00", "proxy 127.0.0.1 cannot connect: connection refused", id="refused"),
        pytest.param(77, b"\x01\x00", "proxy 127.0.0.1 cannot connect: error 77", id="unknown"),
        pytest.param(0, b"\x01\x01", "proxy 127.0.0.1 does not take our user and password", id="login"),
    ],
)
async def test_a_socks_proxy_that_refuses_is_named(reply: int, login: bytes, message: str) -> None:
    async with socks.proxying(reply=reply, login=login) as proxy:
        creds = Credentials(server="http://hub.test", proxy=proxy.url.replace("//", "//me:secret@"))
        async with Client(creds) as api:
            with pytest.raises(errors.Unreachable, match=message):
                await api.get(CONFIG_MAPS, KEY)


async def test_what_is_no_proxy_is_found_out() -> None:
    async with scripted.serving(Raw(b"SSH-2.0-OpenSSH_9.6\r\n")) as nothing:
        nothing.refuses_tunnels = True
        async with Client(Credentials(server="https://hub.test", proxy=nothing.url, insecure=True)) as api:
            with pytest.raises(errors.Unreachable, match="the proxy closed the connection"):
                await api.get(CONFIG_MAPS, KEY)

"""Kubernetes' protobuf, written by hand and read."""

from collections.abc import Iterable
from typing import Any

import pytest

from libs.sandbox import protobuf


def varint(value: int) -> bytes:
    """A number."""
    value &= (1 << 64) - 1
    made = bytearray()
    while True:
        value, low = value >> 7, value & 0x7F
        made.append(low | (0x80 if value else 0))
        if not value:
            return bytes(made)


def message(fields: Iterable[tuple[int, Any]]) -> bytes:
    """A message of numbers, text, and messages."""
    made = b""
    for number, value in fields:
        if isinstance(value, int):
            made += varint(number << 3) + varint(value)
        else:
            raw = value.encode() if isinstance(value, str) else value
            made += varint(number << 3 | 2) + varint(len(raw)) + raw
    return made


def envelope(api_version: str, kind: str, body: bytes) -> bytes:
    """An object as it travels."""
    return protobuf.MAGIC + message([(1, message([(1, api_version), (2, kind)])), (2, body)])


def entry(key: str, value: str | bytes) -> bytes:
    """One pair of a map."""
    return message([(1, key), (2, value)])


META = message([(1, "a"), (2, ""), (8, b""), (11, entry("k", "v"))])


def test_a_config_map() -> None:
    body = message([(1, META), (2, entry("x", "1")), (3, entry("y", b"\x00"))])
    assert protobuf.decoded(envelope("v1", "ConfigMap", body)) == {
        "kind": "ConfigMap",
        "apiVersion": "v1",
        "metadata": {"name": "a", "labels": {"k": "v"}},
        "data": {"x": "1"},
        "binaryData": {"y": "AA=="},
    }


def test_a_deployment() -> None:
    volume = message([(1, "v"), (2, message([(2, message([(1, "")]))]))])
    port = message([(3, 80), (4, "")])
    quantity = message([(1, "cpu"), (2, message([(1, "1")]))])
    probe = message([(1, message([(2, message([(1, "/"), (2, message([(1, 1), (3, "http")]))]))])), (2, 0)])
    container = message([(1, "c"), (2, "nginx"), (6, port), (8, message([(1, quantity)])), (10, probe)])
    pod = message([(1, volume), (2, container), (4, -1)])
    spec = message([(1, 0), (3, message([(2, pod)])), (7, 0)])
    made = protobuf.decoded(envelope("apps/v1", "Deployment", message([(1, META), (2, spec)])))
    assert made["spec"] == {
        "replicas": 0,
        "template": {
            "spec": {
                "volumes": [{"name": "v", "emptyDir": {}}],
                "containers": [
                    {
                        "name": "c",
                        "image": "nginx",
                        "ports": [{"containerPort": 80}],
                        "resources": {"limits": {"cpu": "1"}},
                        "livenessProbe": {"httpGet": {"path": "/", "port": "http"}},
                    }
                ],
                "terminationGracePeriodSeconds": -1,
            }
        },
    }


def test_delete_options_of_any_group() -> None:
    made = protobuf.decoded(envelope("apps/v1", "DeleteOptions", message([(1, 5), (4, "Orphan")])))
    assert (made["gracePeriodSeconds"], made["propagationPolicy"]) == (5, "Orphan")


def test_a_time() -> None:
    lease = message([(2, message([(1, "me"), (3, message([(1, 1_700_000_000), (2, 5_000)]))]))])
    made = protobuf.decoded(envelope("coordination.k8s.io/v1", "Lease", lease))
    assert made["spec"] == {"holderIdentity": "me", "acquireTime": "2023-11-14T22:13:20.000005Z"}


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        envelope("v1", "Nothing", b""),
        envelope("v1", "ConfigMap", b"\x0a\x7f"),
        envelope("v1", "ConfigMap", b"\x0d\x00\x00\x00\x00"),
        protobuf.MAGIC,
    ],
    ids=["json", "unknown kind", "cut off", "fixed width", "empty"],
)
def test_what_cannot_be_read(body: bytes) -> None:
    with pytest.raises(protobuf.Malformed):
        protobuf.decoded(body)

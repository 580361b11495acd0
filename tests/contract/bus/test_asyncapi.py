"""docs/asyncapi.yaml and the code say the same."""

import inspect
from pathlib import Path
from typing import Any

import msgspec
import yaml

from libs.common import asyncapi, channels, messages
from libs.common.bus import streams
from libs.common.messages import Message
from libs.common.subjects import Subjects

ROOT = Path(__file__).parents[3]
BUILDERS = {
    name
    for name, method in inspect.getmembers(Subjects, inspect.isfunction)
    if not name.startswith("_") and inspect.signature(method).return_annotation is str
} - {"works_of", "works_on", "reports_on", "dead", "all", "kind", "cluster"}
"""What builds a whole subject: neither filters nor parsers."""


def _document() -> Any:
    return yaml.safe_load((ROOT / asyncapi.FILE).read_text())


def test_the_file_is_fresh() -> None:
    assert (ROOT / asyncapi.FILE).read_text() == asyncapi.text(), "run `make gen`"


def test_every_subject_is_described() -> None:
    assert {channel.name for channel in channels.CHANNELS} == BUILDERS


def test_every_stream_is_described_and_has_its_subjects() -> None:
    configs = {config.name: config.subjects or [] for config in streams.configs(Subjects())}
    assert set(configs) == set(channels.STREAMS)
    for channel in channels.CHANNELS:
        if channel.stream:
            subject = channels.address(channel)
            assert any(subject.startswith(s.removesuffix(">")) for s in configs[channel.stream]), subject


def test_every_message_of_the_bus_is_described() -> None:
    """A message that nothing refers to would be one that nobody can send, or one that the file forgets."""
    described = set(_document()["components"]["schemas"])
    declared = {
        name
        for name, found in vars(messages).items()
        if isinstance(found, type) and issubclass(found, Message) and found is not Message
    }
    assert declared - described == {"ClusterEntry"}, "the row of the cluster table is the only one not on the bus"


def test_all_references_lead_somewhere() -> None:
    document = _document()

    def follow(node: Any) -> None:
        if isinstance(node, dict):
            if isinstance(node.get("$ref"), str):
                target = document
                for part in node["$ref"].removeprefix("#/").split("/"):
                    target = target[part]
            for value in node.values():
                follow(value)
        elif isinstance(node, list):
            for value in node:
                follow(value)

    follow(document)


def test_payloads_have_the_names_that_travel() -> None:
    document = _document()
    for channel in channels.CHANNELS:
        if channel.payload is not None:
            names = {field.encode_name for field in msgspec.structs.fields(channel.payload)}
            assert set(document["components"]["schemas"][channel.payload.__name__]["properties"]) == names

"""Packs the protobuf messages of the Kubernetes API for the embedded API servers.

    go mod download -json k8s.io/api@v0.36.0 k8s.io/apimachinery@v0.36.0        # names the directories
    python -m libs.sandbox.data.protobuf API-DIRECTORY APIMACHINERY-DIRECTORY

Clients with compiled types, kubectl among them, send protobuf. `messages.json.gz` has for each message its fields by
number: JSON name, type, and how an empty value is to be read. Derived from k8s.io/api and k8s.io/apimachinery (Apache
License 2.0, copyright The Kubernetes Authors).
"""

import gzip
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

_HERE: Final = Path(__file__).parent
_MESSAGE: Final = re.compile(r"^message (\w+) \{$(.*?)^\}$", re.M | re.S)
_FIELD: Final = re.compile(r"^  (?:(optional|repeated|required) )?(map<[^>]+>|[.\w]+) (\w+) = (\d+);", re.M)
_STRUCT: Final = re.compile(r"^type (\w+) struct \{$(.*?)^\}$", re.M | re.S)
_MEMBER: Final = re.compile(r'^\s+(?:\w+\s+)?(\S+)\s+`json:"([^"]*)" protobuf:"\w+,(\d+)', re.M)
_FOLDERS: Final = (
    *(f"{group}/v1" for group in ("admissionregistration", "apps", "authentication", "authorization", "autoscaling")),
    "autoscaling/v2",
    *(f"{group}/v1" for group in ("batch", "certificates", "coordination", "core", "discovery", "events")),
    *(f"{group}/v1" for group in ("networking", "node", "policy", "rbac", "scheduling", "storage")),
)
_MACHINERY: Final = ("pkg/apis/meta/v1", "pkg/api/resource", "pkg/util/intstr", "pkg/runtime")


def main(api: Path, machinery: Path) -> None:
    """Reads the `generated.proto` and the Go types of all served groups and writes the pack beside this module."""
    messages: dict[str, Any] = {}
    for root, folders in ((api, _FOLDERS), (machinery, _MACHINERY)):
        for folder in folders:
            messages |= _package(root / folder)
    pack = msgspec.json.encode(messages, order="deterministic")
    (_HERE / "messages.json.gz").write_bytes(gzip.compress(pack, 9, mtime=0))


def _package(folder: Path) -> Iterator[tuple[str, Any]]:
    text = (folder / "generated.proto").read_text()
    package = re.search(r"^package ([\w.]+);", text, re.M)
    assert package is not None
    members = {}
    for path in folder.glob("*.go"):
        for name, body in _STRUCT.findall(path.read_text()):
            for kind, tag, number in _MEMBER.findall(body):
                members[name, number] = (kind, tag)
    for name, body in _MESSAGE.findall(text):
        fields = {}
        for label, kind, field, number in _FIELD.findall(body):
            fields[number] = _field(package[1], label, kind, field, members.get((name, number), ("*", field)))
        yield f"{package[1]}.{name}", fields


def _field(package: str, label: str, kind: str, name: str, member: tuple[str, str]) -> list[str]:
    """JSON name, type, and marks: `r`epeated, `m`ap, `i`nline, `o`mitted when it has its zero value."""
    go, tag = member
    json_name, _, options = tag.partition(",")
    marks = ""
    if kind.startswith("map<"):
        marks += "m"
        kind = kind[4:-1].split(",")[1].strip()
    if label == "repeated":
        marks += "r"
    if "inline" in options and not json_name:
        marks += "i"
    elif "omitempty" in options and not go.startswith("*"):
        marks += "o"
    if kind.startswith("."):
        kind = kind[1:]
    elif kind[0].isupper():
        kind = f"{package}.{kind}"
    return [json_name or name, kind, marks]


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

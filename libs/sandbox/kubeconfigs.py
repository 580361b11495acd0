"""The files by which clients find and enter the servers of a fleet: kubeconfigs and the bearer token."""

import os
import secrets
from pathlib import Path
from typing import Any

import yaml


def token(path: Path) -> str:
    """The fleet's bearer token: the one that stands in the file, or a new one, which then does."""
    if path.exists():
        return path.read_text().strip()
    made = secrets.token_urlsafe(32)
    write(path, made.encode() + b"\n")
    return made


def kubeconfig(path: Path, content: dict[str, Any]) -> None:
    """Writes a kubeconfig."""
    write(path, yaml.safe_dump(content, sort_keys=False).encode())


def write(path: Path, content: bytes) -> None:
    """Writes a file that only its owner can read; whoever looks sees it whole or as it was before."""
    fresh = path.with_name(f".{path.name}.new")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    fresh.replace(path)

"""Settings from the environment: `ARGOSY_NATS_URL` is the field `nats_url`. Read once, in a service's `main`.

A variable that no field knows stops the start with its name and the nearest known one, so that a misspelt setting is
never silently ignored. What Kubernetes injects for Services whose names begin with "argosy" is passed over.
"""

import difflib
import re
import types
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import msgspec

S = TypeVar("S", bound=msgspec.Struct)

PREFIX = "ARGOSY_"
_SERVICE_LINK = re.compile(r".*_(SERVICE_(HOST|PORT)(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_(ADDR|PORT|PROTO))?)?)")
_DURATION = re.compile(r"(\d+(?:\.\d+)?|\.\d+)(ms|us|µs|ns|h|m|s)")
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}


class SettingsError(Exception):
    """The environment cannot be used; the message names the variable and says what was expected."""


class ServiceSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every service can be told."""

    nats_url: str = "nats://127.0.0.1:4222"
    """NATS servers, comma-separated."""
    redis_url: str = "redis://127.0.0.1:6379/0"
    """The Redis that holds the cluster table."""
    hub_kubeconfig: str = ""
    """Path of the kubeconfig of the hub; empty means: the service runs in the hub's cluster."""
    subject_prefix: str = "argosy"
    """First token of all subjects."""
    health_address: str = "127.0.0.1:0"
    """`host:port` of `/healthz`, `/readyz` and `/metrics`; port 0 takes any free one."""
    address_file: str = ""
    """A file that the chosen health address is written to, as one line; empty means: none."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """What is logged: this level and above."""
    log_format: Literal["auto", "json", "console"] = "auto"
    """`auto` is `console` on a terminal and `json` elsewhere."""


def load(type_: type[S], environ: Mapping[str, str]) -> S:
    """The settings that `environ` holds. Raises SettingsError for an unknown variable or an unusable value."""
    fields = {field.name: field for field in msgspec.structs.fields(type_)}
    values: dict[str, Any] = {}
    for variable, text in sorted(environ.items()):
        if not variable.startswith(PREFIX):
            continue
        name = variable.removeprefix(PREFIX).lower()
        if name in fields:
            values[name] = _value(variable, text, fields[name].type)
        elif not _SERVICE_LINK.fullmatch(variable):
            raise SettingsError(_unknown(variable, name, list(fields)))
    missing = [variable_of(name) for name, field in fields.items() if field.required and name not in values]
    if missing:
        raise SettingsError(f"{missing[0]} is not set, and has no default")
    try:
        return type_(**values)
    except (ValueError, TypeError) as error:
        raise SettingsError(str(error)) from error


def variable_of(field: str) -> str:
    """The environment variable of a field."""
    return PREFIX + field.upper()


def duration(text: str) -> timedelta:
    """A duration as Go writes it: "10s", "5m", "1h30m", "0". Raises ValueError for anything else."""
    if text == "0":
        return timedelta()
    sign, body = (-1, text[1:]) if text.startswith("-") else (1, text)
    if not body or _DURATION.sub("", body):
        raise ValueError(f"expected a duration such as 10s, 5m or 1h30m, got {text!r}")
    return sign * timedelta(seconds=sum(float(number) * _UNITS[unit] for number, unit in _DURATION.findall(body)))


def _value(variable: str, text: str, type_: Any) -> Any:
    plain = _plain(type_)
    try:
        if plain is timedelta:
            return msgspec.convert(duration(text), type_)
        if get_origin(plain) in (list, tuple, frozenset):
            return msgspec.convert([part.strip() for part in text.split(",") if part.strip()], type_, strict=False)
        return msgspec.convert(text, type_, strict=False)
    except ValueError as error:
        raise SettingsError(f"{variable}={text!r}: {error}") from error


def _plain(type_: Any) -> Any:
    """The type without Annotated and without `| None`."""
    if get_origin(type_) is Annotated:
        return _plain(get_args(type_)[0])
    if get_origin(type_) in (Union, types.UnionType):
        others = [part for part in get_args(type_) if part is not type(None)]
        return _plain(others[0]) if len(others) == 1 else type_
    return type_


def _unknown(variable: str, name: str, fields: list[str]) -> str:
    nearest = difflib.get_close_matches(name, fields, n=1)
    known = ", ".join(variable_of(field) for field in sorted(fields))
    hint = f"; did you mean {variable_of(nearest[0])}?" if nearest else f"; known are {known}"
    return f"{variable} is not a setting of this service{hint}"

"""The streams: what each holds, for how long, and how they are made. A table."""

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import APIError

from libs.common import subjects as subject_names
from libs.common.subjects import Subjects

_MIB: Final = 1024 * 1024
_NAME_IN_USE: Final = 10058


def stream_name(prefix: str, stream: str) -> str:
    """The stream's name on the server: under another prefix than `argosy` it carries that prefix."""
    return stream if prefix == "argosy" else f"{re.sub('[^A-Za-z0-9_-]', '_', prefix)}_{stream}"


def configs(subjects: Subjects) -> list[StreamConfig]:
    """All streams. State streams keep the last message of each subject, for ever."""
    return [
        _in_flight(subjects, subject_names.BINDINGS, subjects.all("binding", "request")),
        _in_flight(subjects, subject_names.PLACEMENTS, subjects.all("binding", "placed")),
        _state(subjects, subject_names.WORKS, subjects.all("work")),
        _state(subjects, subject_names.STATUS, *(subjects.all(k) for k in ("status", "gone", "capacity", "outcome"))),
        _log(subjects, subject_names.EVENTS, "event", keep=timedelta(hours=24)),
        _log(subjects, subject_names.DEAD, "dead", keep=timedelta(days=7)),
        StreamConfig(
            name=stream_name(subjects.prefix, subject_names.INBOX),
            subjects=[subjects.all("publish")],
            retention=RetentionPolicy.WORK_QUEUE,
            storage=StorageType.FILE,
        ),
    ]


async def ensure(js: JetStreamContext, subjects: Subjects) -> None:
    """Makes the streams that are missing and brings the others to the table's settings. Repeating it is harmless."""
    for config in configs(subjects):
        try:
            await js.add_stream(config)
        except APIError as error:
            if error.err_code != _NAME_IN_USE:
                raise
            await _update(js, config)


async def _update(js: JetStreamContext, config: StreamConfig) -> None:
    assert config.name is not None
    if config.storage is StorageType.MEMORY:
        info = await js.stream_info(config.name)
        if info.config.storage != StorageType.MEMORY:  # of an earlier version; it cannot be changed
            await js.delete_stream(config.name)
            await js.add_stream(config)
            return
    await js.update_stream(config)


def filtered(filters: Sequence[str]) -> dict[str, Any]:
    """The filter fields of a consumer's configuration: one filter stands alone, so that permissions can name it."""
    return {"filter_subject": filters[0]} if len(filters) == 1 else {"filter_subjects": list(filters)}


def is_missing(error: NatsError) -> bool:
    """Whether the server says that a stream or consumer does not exist."""
    return isinstance(error, APIError) and error.err_code in (10014, 10059)


def _state(subjects: Subjects, stream: str, *filters: str) -> StreamConfig:
    return StreamConfig(
        name=stream_name(subjects.prefix, stream),
        subjects=list(filters),
        max_msgs_per_subject=1,
        discard=DiscardPolicy.OLD,
        storage=StorageType.FILE,
        allow_direct=True,
    )


def _in_flight(subjects: Subjects, stream: str, *filters: str) -> StreamConfig:
    """Questions and answers: each lives for milliseconds, and one that is lost with the server is asked again."""
    return _state(subjects, stream, *filters).evolve(storage=StorageType.MEMORY)


def _log(subjects: Subjects, stream: str, token: str, *, keep: timedelta) -> StreamConfig:
    return StreamConfig(
        name=stream_name(subjects.prefix, stream),
        subjects=[subjects.all(token)],
        max_age=keep.total_seconds(),
        max_bytes=256 * _MIB,
        discard=DiscardPolicy.OLD,
        storage=StorageType.FILE,
        allow_direct=True,
    )

"""Who holds a Lease: names of processes by which another process on the same machine can tell that one has ended.

Without this, whoever is restarted after a crash would wait for its own Lease to run out.
"""

import os
import socket
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
_UNKNOWN: Final = "?"
_STATE, _STARTED = 0, 19
"""Positions in /proc/<pid>/stat after the name: R, S, Z (ended, not yet waited for)...; clock ticks since boot."""


def identity(host: str = "") -> str:
    """The identity of this process: host, boot and process namespace, process id and when it was started.

    `host` is by default this machine's name. The answer is different for each process that ever was.
    """
    pid = os.getpid()
    return "_".join((host or socket.gethostname(), _space(), str(pid), _stat(pid)[_STARTED]))


def has_ended(identity: str, host: str = "") -> bool:
    """Whether that process is known to have ended. False for processes elsewhere: nothing is known of them."""
    parts = identity.rsplit("_", 3)
    if len(parts) != 4 or not parts[2].isdecimal():
        return False
    name, space, pid, started = parts
    if name != (host or socket.gethostname()) or space == _UNKNOWN or space != _space():
        return False
    return not _runs(int(pid)) or _stat(int(pid))[_STARTED] != started


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return _stat(pid)[_STATE] not in ("Z", "X")


def _space() -> str:
    """Where numbers of processes mean the same: the boot of the machine, as machines can have the same name, and the
    process namespace, as processes of other containers have numbers of their own.
    """
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}.{os.readlink(_PROC / 'self/ns/pid').rpartition('[')[2].rstrip(']')}"
    except OSError:
        return _UNKNOWN


def _stat(pid: int) -> list[str]:
    """What Linux says of a process, from its state on; zeros where there is no such file."""
    try:
        return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ["0"] * (_STARTED + 1)

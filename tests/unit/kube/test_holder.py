"""Identities of processes: another process can tell when one has ended, and never guesses."""

import subprocess
import sys
from pathlib import Path

import pytest

from libs.common.kube import holder


def test_a_running_process_has_not_ended() -> None:
    assert not holder.has_ended(holder.identity())


def test_a_process_that_ran_to_its_end_has_ended() -> None:
    program = "from libs.common.kube import holder; print(holder.identity())"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert holder.has_ended(done.stdout.strip())


@pytest.mark.parametrize(
    "identity",
    ["", "somebody", "argosy-agent-7f9c_x", "_".join(("elsewhere", *holder.identity().rsplit("_", 3)[1:3], "1"))],
    ids=["empty", "of another form", "two parts", "another host"],
)
def test_nothing_is_said_of_who_is_not_known(identity: str) -> None:
    assert not holder.has_ended(identity)


def test_a_number_used_again_is_another_process() -> None:
    host, space, pid, started = holder.identity().rsplit("_", 3)
    assert holder.has_ended("_".join((host, space, pid, f"{started}0")))


def test_nothing_is_said_of_another_machine_of_the_same_name() -> None:
    host, space, pid, started = holder.identity().rsplit("_", 3)
    boot, _, namespace = space.partition(".")
    assert boot.count("-") == 4
    elsewhere = f"{'0' * 8}{boot[8:]}.{namespace}"
    assert not holder.has_ended("_".join((host, elsewhere, pid, f"{started}0")))


def test_nothing_is_said_where_the_system_tells_no_boot(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(holder, "_PROC", tmp_path)
    host, space, _, _ = holder.identity().rsplit("_", 3)
    assert not holder.has_ended("_".join((host, space, "999999999", "1")))

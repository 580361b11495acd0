"""What a run costs: CPU and memory of processes, writes on the hub."""

import os
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from statistics import quantiles

import msgspec

_WRITES = ("POST", "PUT", "PATCH", "APPLY", "DELETE")
_SAMPLE = re.compile(r"^apiserver_request_total\{(?P<labels>[^}]*)\} (?P<count>[0-9.e+]+)$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="([^"]*)"')
_TICKS = os.sysconf("SC_CLK_TCK")


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """CPU in seconds, resident memory in MiB."""

    cpu: float
    rss: float


def cost(pid: int) -> Cost:
    """What a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return Cost(cpu=(int(fields[11]) + int(fields[12])) / _TICKS, rss=pages * os.sysconf("SC_PAGE_SIZE") / 2**20)


def costs(pids: Mapping[str, int]) -> dict[str, Cost]:
    """The same of several, by name."""
    return {name: cost(pid) for name, pid in pids.items()}


def spent(before: Mapping[str, Cost], after: Mapping[str, Cost]) -> dict[str, float]:
    """The CPU seconds that each process used in between."""
    return {name: round(c.cpu - before[name].cpu, 2) for name, c in after.items()}


def writes(metrics: str) -> Counter[str]:
    """Successful writes by `VERB resource[/subresource]`, out of an API server's metrics."""
    found: Counter[str] = Counter()
    for sample in _SAMPLE.finditer(metrics):
        labels = dict(_LABEL.findall(sample["labels"]))
        if labels.get("verb") in _WRITES and labels.get("code", "").startswith("2"):
            subresource = f"/{labels['subresource']}" if labels.get("subresource") else ""
            found[f"{labels['verb']} {labels.get('resource', '')}{subresource}"] += int(float(sample["count"]))
    return found


def percentile(values: list[float], percent: int) -> float:
    """The value below which so many percent of the values lie."""
    return quantiles(values, n=100, method="inclusive")[percent - 1]

"""What an installation decides about scheduling, under the names of Karmada's flags."""

from collections.abc import Sequence

import msgspec


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """Options of all decisions."""

    plugins: Sequence[str] = ("*",)
    """Names of filters and scores that are on; `*` is all, `-Name` takes one away."""
    enable_empty_workload_propagation: bool = False
    """Whether selected clusters to which no replica falls get the template all the same."""

    def has(self, plugin: str) -> bool:
        """Whether a plug-in is on."""
        return f"-{plugin}" not in self.plugins and ("*" in self.plugins or plugin in self.plugins)


DEFAULT = Options()

"""The one place that imports `cel`. The package loads its own command line with it (typer, rich, prompt_toolkit: more
than half of the fleet's start), which is kept away."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

__all__ = ["cel", "stdlib"]


@contextmanager
def _without(module: str) -> Iterator[None]:
    """Has `module` stand empty while the block imports something, unless it is loaded already."""
    if module in sys.modules:
        yield
        return
    sys.modules[module] = ModuleType(module)
    try:
        yield
    finally:
        del sys.modules[module]


with _without("cel.cli"):
    import cel
    from cel import stdlib

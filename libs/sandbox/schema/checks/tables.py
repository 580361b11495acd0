"""Which checks run on which kind."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from libs.common.kube.errors import Cause

Object: TypeAlias = Mapping[str, Any]
Check: TypeAlias = Callable[[Object, Object | None], Sequence[Cause]]

BY_KIND: Final[Mapping[tuple[str, str], Check]] = {}

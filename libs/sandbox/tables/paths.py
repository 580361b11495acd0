"""JSONPath, as far as `additionalPrinterColumns` need it: fields, indexes, `[*]`, and filters on one field.

Reference: k8s.io/client-go util/jsonpath.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import Any, Final, TypeAlias

Step: TypeAlias = Callable[[Any], Iterable[Any]]

_TOKEN: Final = re.compile(
    r"""\.(?P<field>(?:\\.|[^.\[\]\\])+)
    |\[['"](?P<quoted>[^'"]+)['"]\]
    |\[(?P<index>-?\d+)\]
    |(?P<all>\[\*\]|\.\*)
    |\[\?\(@\.(?P<where>[^=!<>\s]+)\s*(?P<op>==|!=)\s*["'](?P<value>[^"']*)["']\)\]""",
    re.X,
)


def find(path: str, obj: Any) -> Any:
    """The first value at a path, None if there is none."""
    return next(iter(_walk(_steps(path), obj)), None)


def _walk(steps: tuple[Step, ...], value: Any) -> Iterator[Any]:
    if not steps:
        yield value
        return
    for each in steps[0](value):
        yield from _walk(steps[1:], each)


@cache
def _steps(path: str) -> tuple[Step, ...]:
    path = path.strip().removeprefix("{").removesuffix("}")
    path = path if path.startswith((".", "[")) else f".{path}"
    steps: list[Step] = []
    place = 0
    while place < len(path):
        found = _TOKEN.match(path, place)
        if found is None:
            return (lambda value: (),)
        steps.append(_step(found))
        place = found.end()
    return tuple(steps)


def _step(found: re.Match[str]) -> Step:
    field = found["field"] or found["quoted"]
    if found["all"] or field == "*":
        return lambda value: value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    if field:
        key = field.replace("\\", "")
        return lambda value: (value[key],) if isinstance(value, Mapping) and key in value else ()
    if found["index"]:
        index = int(found["index"])
        return lambda value: value[index : index + 1 or None] if isinstance(value, list) else ()
    where, wanted, equal = _steps("." + found["where"]), found["value"], found["op"] == "=="
    return lambda value: (
        [each for each in value if any((str(got) == wanted) == equal for got in _walk(where, each))]
        if isinstance(value, list)
        else ()
    )

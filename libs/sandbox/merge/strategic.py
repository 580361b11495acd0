"""Strategic merge patches: merge patches that know from the schema which lists merge by key.

Reference: k8s.io/apimachinery pkg/util/strategicpatch.
"""

from collections.abc import Mapping
from typing import Any, Final

from libs.sandbox.merge.documents import Unfit
from libs.sandbox.schema.nodes import ANY, Node

_DIRECTIVE: Final = "$patch"
_RETAIN: Final = "$retainKeys"
_DELETE_FROM: Final = "$deleteFromPrimitiveList/"
_ORDER: Final = "$setElementOrder/"


def merged(node: Node, target: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """The document that a strategic merge patch makes of `target`, which stays as it is. Raises Unfit."""
    directive = patch.get(_DIRECTIVE)
    if directive == "replace":
        return {key: value for key, value in patch.items() if key != _DIRECTIVE}
    if directive == "delete":
        return {}
    if directive not in (None, "merge"):
        raise Unfit(f"unknown patch type: {directive}")
    retained = patch.get(_RETAIN, target)
    made = {key: value for key, value in target.items() if key in retained}
    orders: dict[str, list[Any]] = {}
    for key, value in patch.items():
        if key.startswith(_ORDER):
            orders[key.removeprefix(_ORDER)] = value
        elif key.startswith(_DELETE_FROM):
            name = key.removeprefix(_DELETE_FROM)
            if name in made:
                made[name] = [item for item in made[name] if item not in value]
    for key, value in patch.items():
        if not key.startswith("$"):
            _merge_key(node.field(key) or ANY, made, key, value)
    for key, order in orders.items():
        if isinstance(made.get(key), list):
            found = node.field(key) or ANY
            made[key] = _ordered(found, made[key], order, patch.get(key) or ())
    return made


def _merge_key(node: Node, made: dict[str, Any], key: str, value: Any) -> None:
    held = made.get(key)
    if value is None:
        made.pop(key, None)
    elif isinstance(value, Mapping):
        if "replace" in node.patch_strategy and _DIRECTIVE not in value:
            made[key] = _plain(value)
        else:
            made[key] = merged(node, held if isinstance(held, Mapping) else {}, value)
    elif isinstance(value, list):
        made[key] = _merge_list(node, held if isinstance(held, list) else [], value)
    else:
        made[key] = value


def _plain(value: Any) -> Any:
    """A value that is new, without the patch's own keys."""
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items() if not key.startswith("$") and each is not None}
    return [_plain(each) for each in value] if isinstance(value, list) else value


def _merge_list(node: Node, held: list[Any], patch: list[Any]) -> list[Any]:
    if "merge" not in node.patch_strategy:
        return [_plain(item) for item in patch]
    name = node.patch_merge_key
    if not name:
        return held + [item for place, item in enumerate(patch) if item not in held and item not in patch[:place]]
    if any(isinstance(item, Mapping) and item.get(_DIRECTIVE) == "replace" for item in patch):
        return [_plain(item) for item in patch if item.get(_DIRECTIVE) != "replace"]
    made = list(held)
    for item in patch:
        if not isinstance(item, Mapping) or name not in item:
            raise Unfit(f"map: {item} does not contain declared merge key: {name}")
        places = [place for place, each in enumerate(made) if each.get(name) == item[name]]
        if item.get(_DIRECTIVE) == "delete":
            made = [each for each in made if each.get(name) != item[name]]
        elif places:
            made[places[0]] = merged(node.items, made[places[0]], item)
        else:
            made.append(merged(node.items, {}, item))
    return made


def _ordered(node: Node, items: list[Any], order: list[Any], patch: Any) -> list[Any]:
    """The items in the order that the patch asks for; those it does not name keep their place among each other."""
    name = node.patch_merge_key
    if name:
        order = [each.get(name) for each in order]

    def key(item: Any) -> Any:
        return item.get(name) if name else item

    wanted = {each: place for place, each in enumerate(order)}
    named = sorted((item for item in items if key(item) in wanted), key=lambda item: wanted[key(item)])
    lone = [(place, item) for place, item in enumerate(items) if key(item) not in wanted]
    places = {id(item): place for place, item in enumerate(items)}
    made: list[Any] = []
    for item in named:
        while lone and lone[0][0] < places[id(item)]:
            made.append(lone.pop(0)[1])
        made.append(item)
    return made + [item for _, item in lone]

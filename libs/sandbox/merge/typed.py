"""The values that server-side apply makes: what is applied laid over what stands, and fields taken out.

Reference: sigs.k8s.io/structured-merge-diff typed (merge, remove) and merge (prune).
"""

from typing import Any

from libs.sandbox.merge import fields
from libs.sandbox.merge.fields import Fields
from libs.sandbox.schema.nodes import ANY, Node


def merged(node: Node, live: Any, applied: Any) -> Any:
    """`applied` laid over `live`: granular parts are merged, others taken whole. Neither is changed."""
    if not fields.is_granular(node, applied) or type(live) is not type(applied):
        return applied
    if isinstance(applied, dict):
        made = dict(live)
        for key, part in applied.items():
            made[key] = merged(node.field(key) or ANY, live[key], part) if key in live else part
        return made
    return _merged_list(node, live, applied)


def _merged_list(node: Node, live: list[Any], applied: list[Any]) -> list[Any]:
    """The applied items in their order; those that stand alone in `live` keep their place before the next shared."""
    ours = {fields.element_of(node, item): item for item in live}
    theirs = {fields.element_of(node, item): item for item in applied}
    made: list[Any] = []
    lone = list(ours)
    place = 0
    for element, item in theirs.items():
        if element in ours:
            at = lone.index(element)
            made += [ours[each] for each in lone[place:at] if each not in theirs]
            place = max(place, at + 1)
            item = merged(node.items, ours[element], item)
        made.append(item)
    made += [ours[each] for each in lone[place:] if each not in theirs]
    return made


def pruned(node: Node, value: Any, given_up: Fields, owned: Fields) -> Any:
    """The value without what is in `given_up` and in no way in `owned`; None if nothing is left of it."""
    if not fields.is_granular(node, value):
        return value
    kept: list[tuple[str, Any]] = []
    for element, part, below, _ in fields.children(node, value):
        if element not in given_up:
            kept.append((element, part))
        elif element in owned:
            part = pruned(below, part, given_up[element], owned[element])
            if part is not None:
                kept.append((element, part))
    if not kept and value:
        return None
    if isinstance(value, dict):
        return {element[2:]: part for element, part in kept}
    return [part for _, part in kept]

"""Which binding belongs to which template, both ways.

A binding's name follows from kind and name of its template. Where another living template has that name already (a
kind of the same name in two groups) or it is too long, a hash joins it. Who was first keeps the plain name: bindings on
the hub are entered first at start, so that a restart changes no name.
"""

from libs.common import names
from libs.common.api.work import ObjectReference
from libs.common.names import OriginKey
from services.policy.core import template
from services.policy.core.template import TemplateKey


class Origins:
    def __init__(self) -> None:
        self._templates: dict[OriginKey, TemplateKey] = {}
        self._origins: dict[TemplateKey, OriginKey] = {}

    def template(self, key: OriginKey) -> TemplateKey | None:
        return self._templates.get(key)

    def of(self, wanted: TemplateKey) -> OriginKey | None:
        """The binding of a template, if one has been named."""
        return self._origins.get(wanted)

    def name(self, wanted: TemplateKey, api_version: str) -> OriginKey:
        """The binding of a template, named now if it had none."""
        known = self._origins.get(wanted)
        if known is not None:
            return known
        plain = plain_name(wanted)
        free = names.fits(plain.name) and self._templates.get(plain, wanted) == wanted
        key = (
            plain
            if free
            else OriginKey(wanted.namespace, names.hashed_binding_name(api_version, wanted.kind, wanted.name))
        )
        self._enter(key, wanted)
        return key

    def enter(self, key: OriginKey, reference: ObjectReference) -> None:
        """Takes over what a binding on the hub says of itself, unless its template has another one already."""
        wanted = _key(reference)
        if self._templates.get(key) != wanted:
            self.forget(key)
            if wanted not in self._origins:
                self._enter(key, wanted)

    def forget(self, key: OriginKey) -> None:
        """The name is free again."""
        wanted = self._templates.pop(key, None)
        if wanted is not None and self._origins.get(wanted) == key:
            del self._origins[wanted]

    def _enter(self, key: OriginKey, wanted: TemplateKey) -> None:
        self._templates[key] = wanted
        self._origins[wanted] = key


def plain_name(wanted: TemplateKey) -> OriginKey:
    """The name that a binding has unless it is taken."""
    return OriginKey(wanted.namespace, names.binding_name(wanted.kind, wanted.name))


def is_plain(key: OriginKey, reference: ObjectReference) -> bool:
    """Whether a binding has the name that its template's binding usually has."""
    return plain_name(_key(reference)) == key


def _key(reference: ObjectReference) -> TemplateKey:
    return TemplateKey(template.group_of(reference.api_version), reference.kind, reference.namespace, reference.name)

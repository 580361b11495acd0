"""v1 ServiceAccount and Secret: what the member's token controller owns stays."""

from typing import Any

from libs.common.api.meta import Template
from libs.common.interpreter import typed
from libs.common.interpreter.rules import Rules

TOKEN_TYPE = "kubernetes.io/service-account-token"
_REFERENCES = typed.each(typed.anything)


def retain_account(desired: Template, observed: Template) -> Template:
    """Keeps the references that the member added to `secrets` and `imagePullSecrets`."""
    for field in ("secrets", "imagePullSecrets"):
        ours: list[Any] = typed.raw(desired, field, form=_REFERENCES) or []
        theirs: list[Any] = typed.raw(observed, field, form=_REFERENCES) or []
        known = {_name(reference) for reference in ours}
        added = {_name(reference): reference for reference in reversed(theirs)}
        kept = [added[name] for name in dict.fromkeys(map(_name, theirs)) if name not in known]
        if kept:
            desired = {**desired, field: ours + kept}
    return desired


def _name(reference: Any) -> str:
    name = reference.get("name") if isinstance(reference, dict) else None
    return typed.text(name, "name of a referenced Secret")


def retain_secret(desired: Template, observed: Template) -> Template:
    """Keeps the member's own token."""
    if typed.raw(desired, "type", form=typed.text) != TOKEN_TYPE:
        return desired
    data = typed.raw(observed, "data", form=typed.mapping(typed.text))
    return desired if data is None else {**desired, "data": data}


SERVICE_ACCOUNT = Rules(retain=retain_account)
SECRET = Rules(retain=retain_secret)

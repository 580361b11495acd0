"""Tokens of ServiceAccounts: Secrets that ask for one get one (k8s.io/kubernetes pkg/controller/serviceaccount)."""

import base64
from collections.abc import Iterable
from typing import Final

from libs.sandbox import kinds
from libs.sandbox.controllers import controller, objects
from libs.sandbox.controllers.actions import Decision, Delete, Replace
from libs.sandbox.controllers.controller import Controller
from libs.sandbox.controllers.objects import Object
from libs.sandbox.controllers.view import Key, View
from libs.sandbox.store import Event

_TYPE: Final = "kubernetes.io/service-account-token"
_ACCOUNT: Final = "kubernetes.io/service-account.name"
_ACCOUNT_UID: Final = "kubernetes.io/service-account.uid"


def decide(secret: Object, account: Object | None, token: str) -> Decision:
    """Fills a Secret of the token type; one whose account is gone, or another by now, goes."""
    marks = objects.annotations(secret)
    known = marks.get(_ACCOUNT_UID)
    if account is None or (known and known != objects.uid(account)):
        gone = known is not None and not objects.terminating(secret)
        return Decision(actions=(Delete(resource=kinds.SECRETS, target=secret),) if gone else ())
    data = secret.get("data") or {}
    if data.get("token") and known:
        return Decision()
    filled = {
        "ca.crt": "",
        "namespace": _coded(objects.namespace(secret)),
        "token": _coded(token),
    }
    body = objects.with_metadata(secret, annotations={**marks, _ACCOUNT_UID: objects.uid(account)})
    return Decision(actions=(Replace(resource=kinds.SECRETS, body={**body, "data": data | filled}),))


def _coded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _of_account(event: Event, view: View) -> Iterable[Key]:
    namespace, name = objects.namespace(event.object), objects.name(event.object)
    return [
        controller.name_of(each)
        for each in view.within(kinds.SECRETS, namespace)
        if each.get("type") == _TYPE and objects.annotations(each).get(_ACCOUNT) == name
    ]


def issuer(token: str) -> Controller:
    """The controller that hands out `token`, which the server accepts."""

    def look(view: View, key: Key) -> Decision:
        secret = view.get(kinds.SECRETS, *key)
        if secret is None or secret.get("type") != _TYPE:
            return Decision()
        account = view.get(kinds.SERVICE_ACCOUNTS, key[0], objects.annotations(secret).get(_ACCOUNT, ""))
        return decide(secret, account, token)

    routes = {kinds.SECRETS.table: controller.itself, kinds.SERVICE_ACCOUNTS.table: _of_account}
    return Controller(name="tokens", routes=routes, look=look)

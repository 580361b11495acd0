"""What counts as a change of a template, what is never propagated, who gets which binding, and lazy policies."""

import msgspec
import pytest

from libs.common.api.meta import ObjectMeta
from libs.common.api.work import ObjectReference
from libs.common.names import OriginKey
from services.policy.core import lazy
from services.policy.core import template as templates
from services.policy.core.exclusions import Exclusions
from services.policy.core.template import Template, TemplateKey
from services.policy.origins import Origins
from tests.unit.policy.fleets import binding, policy


def template(*, created: str = "2026-01-02T00:00:00Z", **fields: object) -> Template:
    metadata = {"name": "a", "namespace": "default", "uid": "t", "creationTimestamp": created}
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata | fields.pop("metadata", {}), **fields}  # type: ignore[operator]
    return templates.read(msgspec.json.encode(body))


CLAIM = {
    "labels": {"propagationpolicy.karmada.io/permanent-id": "u"},
    "annotations": {"propagationpolicy.karmada.io/name": "p", "propagationpolicy.karmada.io/namespace": "default"},
}


@pytest.mark.parametrize(
    ("after", "same"),
    [
        pytest.param(template(status={"x": 1}), True, id="status"),
        pytest.param(template(metadata={"resourceVersion": "2", "managedFields": []}), True, id="versions"),
        pytest.param(template(data={"k": "v"}), False, id="data"),
        pytest.param(template(metadata={"labels": {"a": "b"}}), False, id="labels"),
        pytest.param(template(metadata=CLAIM), False, id="a claim that somebody else wrote"),
        pytest.param(template(metadata={"uid": "other"}), False, id="made anew"),
    ],
)
def test_what_counts_as_a_change(after: Template, same: bool) -> None:
    assert templates.same_to_users(template(), after) == same


def test_our_own_claim_is_no_change() -> None:
    assert templates.same_to_users(template(), template(metadata=CLAIM), but_claims=True)


@pytest.mark.parametrize(
    ("apis", "group", "api_version", "kind", "excluded"),
    [
        ("", "work.karmada.io", "work.karmada.io/v1alpha2", "ResourceBinding", True),
        ("", "", "v1", "Event", True),
        ("", "", "v1", "ConfigMap", False),
        ("v1/ConfigMap,Secret", "", "v1", "Secret", True),
        ("apps", "apps", "apps/v1", "Deployment", True),
        ("apps/v1beta1", "apps", "apps/v1", "Deployment", False),
        ("apps/v1/Deployment", "apps", "apps/v1", "StatefulSet", False),
    ],
)
def test_which_kinds_are_left_alone(apis: str, group: str, api_version: str, kind: str, excluded: bool) -> None:
    assert Exclusions(apis).kind(group, api_version, kind) == excluded


@pytest.mark.parametrize(
    ("namespace", "excluded"),
    [
        ("kube-system", True),
        ("karmada-system", True),
        ("karmada-es-m1", True),
        ("default", False),
        ("my-kube-x", False),
    ],
)
def test_which_namespaces_are_left_alone(namespace: str, excluded: bool) -> None:
    assert Exclusions().namespace(namespace) == excluded


def test_the_default_namespace_is_not_copied() -> None:
    assert not Exclusions().synced_namespace(ObjectMeta(name="default"))


def test_a_namespace_can_say_that_it_is_not_copied() -> None:
    label = {"namespace.karmada.io/skip-auto-propagation": "TRUE"}

    assert not Exclusions().synced_namespace(ObjectMeta(name="shop", labels=label))


def test_a_bad_expression_is_named() -> None:
    with pytest.raises(ValueError, match=r"\(unclosed"):
        Exclusions("", "(unclosed")


HERE, THERE = TemplateKey("apps", "Thing", "default", "a"), TemplateKey("shop", "Thing", "default", "a")


def test_the_first_keeps_the_plain_name() -> None:
    origins = Origins()

    first, second = origins.name(HERE, "apps/v1"), origins.name(THERE, "shop/v1")

    assert first == OriginKey("default", "a-thing")
    assert second.name.startswith("a-thing-")
    assert origins.template(second) == THERE


def test_a_name_is_free_again_when_its_binding_is_gone() -> None:
    origins = Origins()
    first = origins.name(HERE, "apps/v1")

    origins.forget(first)

    assert origins.name(THERE, "shop/v1") == first


def test_bindings_on_the_hub_keep_their_names() -> None:
    origins = Origins()
    reference = ObjectReference(api_version="shop/v1", kind="Thing", namespace="default", name="a")
    origins.enter(OriginKey("default", "a-thing"), reference)

    assert origins.name(THERE, "shop/v1") == OriginKey("default", "a-thing")
    assert origins.name(HERE, "apps/v1") != OriginKey("default", "a-thing")


def test_a_name_that_is_too_long_is_hashed() -> None:
    name = Origins().name(TemplateKey("", "ConfigMap", "default", "x" * 250), "v1").name

    assert len(name) <= 253
    assert name.startswith("xxx")


LAZY = policy(activationPreference="Lazy", generation=2)


def applied(digest: str, generation: int = 1) -> object:
    notes = {"argosy.dev/template-digest": digest, "argosy.dev/policy-generation": str(generation)}
    made = binding("m1", **notes)
    labels = {"propagationpolicy.karmada.io/permanent-id": LAZY.metadata.uid}
    return msgspec.structs.replace(made, metadata=msgspec.structs.replace(made.metadata, labels=labels))


def test_a_changed_lazy_policy_waits_for_the_template() -> None:
    now = template()

    assert lazy.holds(LAZY, now, applied(now.digest), now.digest)  # type: ignore[arg-type]
    assert not lazy.holds(LAZY, now, applied("before"), now.digest)  # type: ignore[arg-type]


def test_a_lazy_policy_that_is_applied_holds_nothing() -> None:
    now = template()

    assert not lazy.holds(LAZY, now, applied(now.digest, generation=2), now.digest)  # type: ignore[arg-type]


def test_a_lazy_policy_takes_younger_templates_at_once() -> None:
    older = policy(activationPreference="Lazy")
    older = msgspec.structs.replace(
        older, metadata=msgspec.structs.replace(older.metadata, creation_timestamp="2026-01-03T00:00:00Z")
    )
    young, old = template(created="2026-01-04T00:00:00Z"), template(created="2026-01-01T00:00:00Z")

    assert not lazy.holds(older, young, None, young.digest)
    assert lazy.holds(older, old, None, old.digest)

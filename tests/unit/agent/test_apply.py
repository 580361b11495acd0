"""What a work makes of what stands in the member."""

from typing import Any

import msgspec
import pytest

from libs.common.api import wellknown
from libs.common.api.meta import Template
from libs.common.interpreter import registry
from libs.common.messages import Work
from services.agent.core import identity, ownership, plan
from services.agent.core.actions import Action, Create, Keep, Refuse, Replace, Stale, Wait
from tests.unit.agent import objects
from tests.unit.agent.objects import ME, manifest, standing, with_annotations, with_labels, work


def decide(asked: Work, made: Template, observed: Template | None, **more: Any) -> Action:
    return plan.apply(asked, made, observed, ME, retain=registry.retain, prune=registry.prune, **more)


def foreign(**parts: Any) -> Template:
    """The same object, made by somebody else."""
    metadata = {"name": "settings", "namespace": "demo", "uid": "member-uid", "resourceVersion": "7"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {**metadata, **parts}, "data": {"theirs": "yes"}}


def test_what_is_absent_is_created_with_our_marks() -> None:
    action = decide(work(), manifest(), None)
    assert isinstance(action, Create)
    found = identity.marks_of(action.body)
    assert (found.owner, found.origin, found.order, found.digest) == (ME.owner, objects.ORIGIN, work().order, "digest")
    assert found.created


def test_the_record_of_managed_keys_does_not_name_our_marks() -> None:
    action = decide(work(), manifest(), None)
    assert isinstance(action, Create)
    notes = action.body["metadata"]["annotations"]
    assert wellknown.ORDER_ANNOTATION not in notes[wellknown.MANAGED_ANNOTATIONS_ANNOTATION]
    assert wellknown.OWNER_LABEL not in notes[wellknown.MANAGED_LABELS_ANNOTATION]


@pytest.mark.parametrize(
    "observed",
    [
        standing(),
        standing(managedFields=[{"manager": "x"}], generation=3),
        {**standing(), "status": {"phase": "Active"}},
        with_labels(standing(), theirs="kept"),
        with_annotations(standing(), {"theirs": "kept"}),
        standing(finalizers=["example.com/hold"], ownerReferences=[{"uid": "x", "name": "x", "kind": "X"}]),
        with_annotations(standing(), {wellknown.DIGEST_ANNOTATION: "another"}),
        with_annotations(standing(), {wellknown.ORDER_ANNOTATION: "0.1"}),
        with_annotations(standing(), {wellknown.ORDER_ANNOTATION: "not an order"}),
    ],
    ids=[
        "as we made it",
        "the server's own metadata",
        "a status",
        "a label of somebody else",
        "an annotation of somebody else",
        "finalizers and owners",
        "made from another digest with the same result",
        "made on an earlier order",
        "a tampered order",
    ],
)
def test_what_is_right_is_not_written(observed: Template) -> None:
    assert decide(work(), manifest(), observed) == Keep()


@pytest.mark.parametrize(
    "observed",
    [
        {**standing(), "data": {"colour": "red"}},
        {**standing(), "data": {"colour": "blue", "added": "by hand"}},
        with_labels(standing(), app="other"),
        with_labels(standing(), app=None),
        with_annotations(standing(), {wellknown.TEMPLATE_UID_ANNOTATION: None}),
        with_annotations(standing(), {wellknown.ORIGIN_ANNOTATION: None}),
        {k: v for k, v in standing().items() if k != "data"},
    ],
    ids=[
        "a changed value",
        "a key added by hand",
        "a changed label of the template",
        "a label of the template taken away",
        "a Karmada annotation taken away",
        "our origin taken away",
        "a field taken away",
    ],
)
def test_what_a_hand_changed_is_put_back(observed: Template) -> None:
    action = decide(work(), manifest(), observed)
    assert isinstance(action, Replace)
    assert action.body["data"] == {"colour": "blue"}
    assert action.body["metadata"]["labels"]["app"] == "settings"
    assert action.body["metadata"]["resourceVersion"] == "7"


def test_a_replacement_keeps_what_others_added_and_drops_what_left_the_template() -> None:
    before = standing(manifest(labels={"old": "1"}, annotations={"old": "1"}))
    before = with_annotations(with_labels(before, theirs="kept"), {"theirs": "kept"})
    action = decide(work(), manifest(data={"colour": "green"}), before)
    assert isinstance(action, Replace)
    metadata = action.body["metadata"]
    assert "old" not in metadata["labels"]
    assert "old" not in metadata["annotations"]
    assert metadata["labels"]["theirs"] == "kept"
    assert metadata["annotations"]["theirs"] == "kept"


def test_a_replacement_does_not_claim_to_have_created_what_was_there() -> None:
    action = decide(work(conflict_resolution="overwrite"), manifest(), foreign())
    assert isinstance(action, Replace)
    assert not identity.marks_of(action.body).created


def test_a_replacement_remembers_who_created() -> None:
    created = with_annotations(standing(), {wellknown.CREATED_ANNOTATION: "true"})
    action = decide(work(), manifest(data={"colour": "green"}), created)
    assert isinstance(action, Replace)
    assert identity.marks_of(action.body).created


def test_finalizers_and_owners_of_the_member_stay() -> None:
    held = {**standing(finalizers=["example.com/hold"], ownerReferences=[{"uid": "x"}]), "data": {}}
    action = decide(work(), manifest(), held)
    assert isinstance(action, Replace)
    assert action.body["metadata"]["finalizers"] == ["example.com/hold"]
    assert action.body["metadata"]["ownerReferences"] == [{"uid": "x"}]


def test_what_the_interpreter_retains_is_not_overwritten() -> None:
    service = {"apiVersion": "v1", "kind": "Service", "spec": {"ports": [{"port": 80}]}}
    asked = work(kind="Service")
    made = {**manifest(), **service}
    del made["data"]
    observed = standing(made)
    observed = {**observed, "spec": {**observed["spec"], "clusterIP": "10.0.0.7", "clusterIPs": ["10.0.0.7"]}}
    changed = {**made, "spec": {"ports": [{"port": 81}]}}
    action = decide(asked, changed, observed)
    assert isinstance(action, Replace)
    assert action.body["spec"]["clusterIP"] == "10.0.0.7"


@pytest.mark.parametrize(
    ("api_version", "kind", "filled"),
    [
        ("v1", "Namespace", {"spec": {"finalizers": ["kubernetes"]}}),
        ("v1", "PersistentVolumeClaim", {"spec": {"storageClassName": "standard", "volumeMode": "Filesystem"}}),
        ("v1", "PersistentVolume", {"spec": {"claimRef": {"name": "data"}, "nodeAffinity": {"required": {}}}}),
        ("networking.k8s.io/v1", "Ingress", {"spec": {"ingressClassName": "nginx"}}),
    ],
)
def test_what_the_member_s_admission_filled_in_stays(api_version: str, kind: str, filled: dict[str, Any]) -> None:
    made = {**manifest(), "apiVersion": api_version, "kind": kind}
    asked = work(api_version=api_version, kind=kind)
    assert decide(asked, made, {**standing(made), **filled}) == Keep()
    other = decide(asked, {**made, "data": {"colour": "green"}}, {**standing(made), **filled})
    assert isinstance(other, Replace)
    assert other.body["spec"] == filled["spec"]


PORTS = {"ports": [{"port": 80}, {"port": 81, "protocol": "TCP"}]}
ALLOTTED = {
    "clusterIP": "10.0.0.7",
    "clusterIPs": ["10.0.0.7"],
    "ipFamilies": ["IPv4"],
    "type": "NodePort",
    "ports": [{"port": 81, "protocol": "TCP", "nodePort": 30081}, {"port": 80, "protocol": "TCP", "nodePort": 30080}],
}


@pytest.mark.parametrize(
    ("kind", "asked", "found", "put"),
    [
        pytest.param(
            "Service",
            {"type": "NodePort", **PORTS},
            ALLOTTED,
            {
                **{field: ALLOTTED[field] for field in ("clusterIP", "clusterIPs", "ipFamilies", "type")},
                "ports": [{"port": 80, "nodePort": 30080}, {"port": 81, "protocol": "TCP", "nodePort": 30081}],
            },
            id="node ports by port",
        ),
        pytest.param(
            "Service",
            {"type": "ClusterIP", **PORTS},
            ALLOTTED,
            {"type": "ClusterIP", "clusterIP": "10.0.0.7", **PORTS},
            id="not those of another type",
        ),
        pytest.param(
            "Pod",
            {"containers": [{"name": "a", "resources": {"limits": {"cpu": "1"}}}, {"name": "b"}]},
            {
                "priority": 0,
                "containers": [
                    {"name": "a", "resources": {"limits": {"cpu": "2", "memory": "1Gi"}}},
                    {"name": "b", "resources": {"requests": {"cpu": "1"}}},
                ],
            },
            {
                "priority": 0,
                "containers": [
                    {"name": "a", "resources": {"limits": {"cpu": "1", "memory": "1Gi"}}},
                    {"name": "b", "resources": {"requests": {"cpu": "1"}}},
                ],
            },
            id="what a LimitRange gave",
        ),
    ],
)
def test_what_the_member_allotted_stays(
    kind: str, asked: dict[str, Any], found: dict[str, Any], put: dict[str, Any]
) -> None:
    made = {**manifest(), "kind": kind, "spec": asked, "data": {"colour": "green"}}
    action = decide(work(kind=kind), made, {**standing({**made, "data": {}}), "spec": found})
    assert isinstance(action, Replace)
    assert action.body["spec"] == put


def test_what_the_template_says_goes_before_what_the_member_filled_in() -> None:
    made = {**manifest(), "kind": "PersistentVolumeClaim", "spec": {"storageClassName": "fast"}}
    observed = {**standing(made), "spec": {"storageClassName": "standard"}}
    action = decide(work(kind="PersistentVolumeClaim"), made, observed)
    assert isinstance(action, Replace)
    assert action.body["spec"]["storageClassName"] == "fast"


KARMADA = foreign(labels={wellknown.MANAGED_LABEL: "true"})
OTHER_HUB = with_labels(standing(), **{wellknown.OWNER_LABEL: "somebody"})


@pytest.mark.parametrize("observed", [foreign(), KARMADA, OTHER_HUB], ids=["a user's", "a Karmada's", "another hub's"])
def test_what_is_somebody_else_s_is_refused_in_karmada_s_words(observed: Template) -> None:
    assert decide(work(), manifest(), observed) == Refuse(
        message="resource(kind=ConfigMap, demo/settings) already exists in the cluster member1 and the "
        "work.karmada.io/conflict-resolution strategy value is empty, Karmada will not manage this resource"
    )


@pytest.mark.parametrize("observed", [foreign(), KARMADA, OTHER_HUB], ids=["a user's", "a Karmada's", "another hub's"])
def test_overwrite_takes_it_over_in_place(observed: Template) -> None:
    action = decide(work(conflict_resolution="overwrite"), manifest(), observed)
    assert isinstance(action, Replace)
    assert identity.marks_of(action.body).owner == ME.owner
    assert action.body["data"] == {"colour": "blue"}
    assert action.body["metadata"]["resourceVersion"] == "7"


def test_cluster_scoped_objects_are_named_with_an_empty_namespace() -> None:
    name = identity.ObjectName(api_version="v1", kind="Namespace", name="demo")
    assert "resource(kind=Namespace, /demo) already exists" in ownership.refusal(name, "member1")


def test_an_object_written_on_a_later_order_is_left_alone() -> None:
    assert decide(work(seq=5), manifest(data={}), standing(seq=6)) == Stale()


def test_orders_of_another_origin_are_not_compared() -> None:
    other = msgspec.structs.replace(objects.ORIGIN, name="other")
    assert isinstance(decide(work(seq=5, origin=other), manifest(), standing(seq=6)), Replace)


def test_a_later_epoch_beats_a_higher_sequence() -> None:
    asked = work(order=msgspec.structs.replace(work().order, epoch=2, seq=1))
    assert isinstance(decide(asked, manifest(data={}), standing(seq=600)), Replace)


def test_what_is_on_its_way_out_is_waited_for() -> None:
    action = decide(work(), manifest(), standing(deletionTimestamp="2026-01-01T00:00:00Z"))
    assert action == Wait(reason="ConfigMap demo/settings is being deleted in the cluster member1")


def test_an_object_of_an_earlier_template_is_taken_over_unless_it_is_ordered_away() -> None:
    action = decide(work(template_uid="new"), manifest(uid="new"), standing())
    assert isinstance(action, Replace)
    assert identity.marks_of(action.body).template_uid == "new"


def test_two_templates_do_not_fight_for_one_object() -> None:
    action = decide(work(), manifest(), standing(), others={objects.ORIGIN.uid})
    assert isinstance(action, Refuse)
    assert "already managed for ResourceBinding demo/settings-configmap" in action.message

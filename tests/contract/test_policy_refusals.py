"""A hub refuses what Karmada's webhooks refuse of propagation policies, in their words, and takes what they take.

The rows bear the numbers of the table in which Karmada's webhook is described.
"""

from typing import Any

import msgspec
import pytest

from tests.contract import hub

_QUALIFIED = "name part must consist of alphanumeric characters"
_SELECTOR = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "nginx"}
_DIVIDED = {"replicaSchedulingType": "Divided", "replicaDivisionPreference": "Aggregated"}
_TOLERATE = {"decisionConditions": {"tolerationSeconds": 10}}


def propagation(placement: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"resourceSelectors": [_SELECTOR], **spec}
    return made if placement is None else {**made, "placement": placement}


def affinities(*terms: dict[str, Any], **placement: Any) -> dict[str, Any]:
    named = [{"affinityName": f"t{number}", **term} for number, term in enumerate(terms)]
    return propagation({"clusterAffinities": named, **placement})


def failover(**application: Any) -> dict[str, Any]:
    return propagation(propagateDeps=True, failover={"application": {**_TOLERATE, **application}})


REFUSED: list[tuple[str, dict[str, Any], str, str]] = [
    (
        "4",
        propagation({"clusterAffinity": {}, "clusterAffinities": []}),
        "placement",
        "clusterAffinities cannot co-exist with clusterAffinity",
    ),
    (
        "5",
        affinities({"clusterNames": ["m"], "overflowAffinities": [{"affinityName": "o"}]}),
        "placement.clusterAffinities",
        "overflowAffinities can only be used together with dynamic weight or aggregated scheduling",
    ),
    (
        "6 key",
        propagation({"clusterAffinity": {"fieldSelector": {"matchExpressions": [{"key": "foo", "operator": "In"}]}}}),
        "placement.clusterAffinity.fieldSelector.matchExpressions[0].key",
        'unsupported key "foo", must be provider, region, or zone',
    ),
    (
        "6 operator",
        affinities({"fieldSelector": {"matchExpressions": [{"key": "zone", "operator": "Exists"}]}}),
        "placement.clusterAffinities[0].fieldSelector.matchExpressions[0].operator",
        'unsupported operator "Exists", must be In or NotIn',
    ),
    ("7", affinities({"affinityName": "-a"}), "placement.clusterAffinities[0].affinityName", _QUALIFIED),
    (
        "8",
        affinities({"affinityName": "a"}, {"affinityName": "a"}),
        "placement.clusterAffinities",
        "each affinity term in a policy must have a unique name",
    ),
    (
        "9",
        affinities({"overflowAffinities": [{"affinityName": "o"}]}, replicaScheduling=_DIVIDED),
        "placement.clusterAffinities[0].overflowAffinities",
        "overflowAffinities can only be used together with the inline ClusterAffinity",
    ),
    (
        "10",
        affinities({"exclude": ["m"], "overflowAffinities": [{"affinityName": "t0"}]}, replicaScheduling=_DIVIDED),
        "placement.clusterAffinities[0].overflowAffinities",
        "overflow affinity name must be unique and must not duplicate the primary group's affinityName",
    ),
    (
        "11 both",
        propagation({"spreadConstraints": [{"spreadByField": "cluster", "spreadByLabel": "a"}]}),
        "placement.spreadConstraints[0]",
        "spreadByLabel should not co-exist with spreadByField",
    ),
    (
        "11 min",
        propagation({"spreadConstraints": [{"minGroups": -1}]}),
        "placement.spreadConstraints[0]",
        "minGroups lower than 0 is not allowed",
    ),
    (
        "11 max",
        propagation({"spreadConstraints": [{"maxGroups": -1}]}),
        "placement.spreadConstraints[0]",
        "maxGroups lower than 0 is not allowed",
    ),
    (
        "11 order",
        propagation({"spreadConstraints": [{"maxGroups": 1, "minGroups": 2}]}),
        "placement.spreadConstraints[0]",
        "maxGroups lower than minGroups is not allowed",
    ),
    (
        "12",
        propagation({"spreadConstraints": [{"spreadByField": "cluster"}, {"spreadByField": "cluster"}]}),
        "placement.spreadConstraints",
        "multiple cluster spread constraints are not allowed",
    ),
    (
        "13",
        propagation({"spreadConstraints": [{"spreadByField": "region"}]}),
        "placement.spreadConstraints",
        "the cluster spread constraint must be enabled in one of the constraints in case of SpreadByField is enabled",
    ),
    (
        "14",
        propagation({"workloadAffinity": {"affinity": {"groupByLabelKey": "a b"}}}),
        "placement.workloadAffinity.affinity.groupByLabelKey",
        _QUALIFIED,
    ),
    (
        "15",
        propagation(
            {"workloadAffinity": {"affinity": {"groupByLabelKey": "a"}, "antiAffinity": {"groupByLabelKey": "a"}}}
        ),
        "placement.workloadAffinity",
        "affinity and antiAffinity must not use the same groupByLabelKey",
    ),
    (
        "16",
        propagation({"clusterTolerations": [{"operator": "Gt"}]}),
        "placement.clusterTolerations[0].operator",
        'Unsupported value: "Gt": supported values: "", "Exists", "Equal"',
    ),
    (
        "17",
        propagation(failover={"application": _TOLERATE}),
        "propagateDeps",
        "application failover is set, propagateDeps must be true",
    ),
    (
        "18",
        failover(decisionConditions={"tolerationSeconds": -1}),
        "failover.application.decisionConditions.tolerationSeconds",
        "must be greater than or equal to 0",
    ),
    (
        "19 mode",
        failover(purgeMode="Never", gracePeriodSeconds=1),
        "failover.application.gracePeriodSeconds",
        "only takes effect when purgeMode is gracefully",
    ),
    ("19 zero", failover(gracePeriodSeconds=0), "failover.application.gracePeriodSeconds", "must be greater than 0"),
    (
        "20",
        failover(statePreservation={"rules": [{"aliasLabelName": "a b", "jsonPath": "{.a}"}]}),
        "failover.application.statePreservation.rules[0].aliasLabelName",
        _QUALIFIED,
    ),
    (
        "22",
        propagation(preemption="Always", resourceSelectors=[{"apiVersion": "v1", "kind": "Secret"}]),
        "resourceSelectors",
        "name cannot be empty if preemption is Always, the empty name may cause unexpected resources preemption",
    ),
    (
        "23",
        propagation(suspension={"dispatching": True, "dispatchingOnClusters": {"clusterNames": ["a"]}}),
        "suspension",
        "suspension dispatching cannot co-exist with dispatchingOnClusters.clusterNames",
    ),
    (
        "enum",
        propagation(preemption="Maybe"),
        "preemption",
        'Unsupported value: "Maybe": supported values: "Always", "Never"',
    ),
    (
        "no selector",
        propagation(resourceSelectors=[]),
        "resourceSelectors",
        "Invalid value: 0: spec.resourceSelectors in body should have at least 1 items",
    ),
    (
        "priority class",
        propagation(schedulePriority={"priorityClassSource": "PodPriorityClass", "priorityClassName": "a"}),
        "schedulePriority.priorityClassSource",
        'Unsupported value: "PodPriorityClass": supported values: "KubePriorityClass"',
    ),
]


@pytest.mark.parametrize("kind", ["PropagationPolicy", "ClusterPropagationPolicy"])
@pytest.mark.parametrize(("spec", "field", "detail"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_propagation_policies_are_refused(kind: str, spec: dict[str, Any], field: str, detail: str) -> None:
    (refusal,) = hub.told(kind, spec)
    assert refusal.startswith(f"spec.{field}: ")
    assert detail in refusal


TAKEN = [
    propagation(),
    propagation({}),
    propagation({"clusterAffinity": {"labelSelector": {}}}),
    propagation({"spreadConstraints": [{"maxGroups": 1}]}),
    propagation({"spreadConstraints": [{"spreadByField": "region"}, {"minGroups": 1}]}),
    propagation({"spreadConstraints": [{"spreadByLabel": "a"}, {"spreadByLabel": "b"}]}),
    propagation({"clusterTolerations": [{"operator": ""}, {"key": "a", "operator": "Exists"}]}),
    propagation({"replicaScheduling": {"replicaSchedulingType": "Duplicated"}}),
    propagation(suspension={"dispatching": False, "dispatchingOnClusters": {"clusterNames": ["a"]}}),
    propagation(suspension={"dispatching": True, "dispatchingOnClusters": {}}),
    failover(),
    failover(purgeMode="Never"),
    propagation(
        failover={"application": _TOLERATE},
        resourceSelectors=[{"apiVersion": "multicluster.x-k8s.io/v1alpha1", "kind": "ServiceImport"}],
    ),
    affinities({"clusterNames": ["m"], "overflowAffinities": [{"affinityName": "o"}]}, replicaScheduling=_DIVIDED),
    affinities(*[{"clusterNames": [f"m{number}"]} for number in range(128)]),
]


@pytest.mark.parametrize("spec", TAKEN, ids=range(len(TAKEN)))
def test_propagation_policies_are_taken(spec: dict[str, Any]) -> None:
    assert hub.told("PropagationPolicy", spec) == []


def test_the_scheduler_of_a_policy_stays() -> None:
    refusals = hub.told("PropagationPolicy", propagation(schedulerName="other"), propagation())
    assert refusals == ['spec.schedulerName: Invalid value: "other": the schedulerName should not be updated']


@pytest.mark.parametrize("kind", ["PropagationPolicy", "OverridePolicy"])
@pytest.mark.parametrize(("namespace", "refused"), [("", False), ("default", False), ("other", True)])
def test_selectors_stay_in_the_namespace_of_their_policy(kind: str, namespace: str, refused: bool) -> None:
    spec = {"resourceSelectors": [{**_SELECTOR, "namespace": namespace}]}
    text = "namespace of resource selector must be the same as the namespace of the policy"
    assert [text in refusal for refusal in hub.told(kind, spec)] == [True] * refused


def test_defaults_of_a_policy() -> None:
    made = hub.schema("PropagationPolicy").default(
        {"spec": propagation({"replicaScheduling": {}, "spreadConstraints": [{}]}, failover={"cluster": {}})}
    )["spec"]
    assert msgspec.json.decode(msgspec.json.encode(made)) == {
        "resourceSelectors": [_SELECTOR],
        "priority": 0,
        "preemption": "Never",
        "schedulerName": "default-scheduler",
        "conflictResolution": "Abort",
        "failover": {"cluster": {"purgeMode": "Gracefully"}},
        "placement": {
            "replicaScheduling": {"replicaSchedulingType": "Divided", "replicaDivisionPreference": "Weighted"},
            "spreadConstraints": [{"minGroups": 1}],
        },
    }

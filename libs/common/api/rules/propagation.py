"""What is checked of a PropagationPolicy and a ClusterPropagationPolicy."""

from typing import Final

from libs.common.api.rules.table import (
    QUALIFIED_NAME,
    QUALIFIED_NAME_TEXT,
    Refinements,
    field_selector,
    is_qualified_name,
    rule,
    rules,
)

_AFFINITIES: Final = "spec.placement.clusterAffinities"
_OVERFLOWS: Final = f"{_AFFINITIES}[].overflowAffinities"

_OVERFLOW_NEEDS_CAPACITY: Final = (
    "!has(self.clusterAffinities)"
    " || !self.clusterAffinities.exists(a, has(a.overflowAffinities) && a.overflowAffinities.size() > 0)"
    " || (has(self.replicaScheduling) && self.replicaScheduling.replicaSchedulingType == 'Divided'"
    " && has(self.replicaScheduling.replicaDivisionPreference)"
    " && (self.replicaScheduling.replicaDivisionPreference == 'Aggregated'"
    " || (has(self.replicaScheduling.weightPreference)"
    " && has(self.replicaScheduling.weightPreference.dynamicWeight)"
    " && self.replicaScheduling.weightPreference.dynamicWeight != '')))"
)
_DEPENDENCIES_FOLLOW: Final = (
    "!has(self.failover) || !has(self.failover.application) || (has(self.propagateDeps) && self.propagateDeps)"
    " || self.resourceSelectors.exists(s,"
    " s.kind == 'ServiceImport' && s.apiVersion == 'multicluster.x-k8s.io/v1alpha1')"
)
_INLINE_AFFINITY_SAYS_SOMETHING: Final = (
    "!has(self.overflowAffinities) || self.overflowAffinities.size() == 0"
    " || has(self.labelSelector) || has(self.fieldSelector)"
    " || (has(self.clusterNames) && self.clusterNames.size() > 0) || (has(self.exclude) && self.exclude.size() > 0)"
)
_OVERFLOW_NAMES_ARE_UNIQUE: Final = (
    "!has(self.overflowAffinities) || self.overflowAffinities.all(o, o.affinityName != self.affinityName"
    " && self.overflowAffinities.exists_one(other, other.affinityName == o.affinityName))"
)
_BY_CLUSTER: Final = "(has(c.spreadByField) ? c.spreadByField == 'cluster' : !has(c.spreadByLabel))"

_SPEC: Final = rules(
    rule(_DEPENDENCIES_FOLLOW, "application failover is set, propagateDeps must be true", field=".propagateDeps"),
    rule(
        "self.preemption != 'Always' || self.resourceSelectors.all(s, has(s.name) && s.name != '')",
        "name cannot be empty if preemption is Always, the empty name may cause unexpected resources preemption",
        field=".resourceSelectors",
    ),
)
_SUSPENSION: Final = rules(
    rule(
        "!has(self.dispatching) || !self.dispatching || !has(self.dispatchingOnClusters)"
        " || !has(self.dispatchingOnClusters.clusterNames) || self.dispatchingOnClusters.clusterNames.size() == 0",
        "suspension dispatching cannot co-exist with dispatchingOnClusters.clusterNames",
    )
)
_PLACEMENT: Final = rules(
    rule(
        "!has(self.clusterAffinity) || !has(self.clusterAffinities)",
        "clusterAffinities cannot co-exist with clusterAffinity",
    ),
    rule(
        _OVERFLOW_NEEDS_CAPACITY,
        "overflowAffinities can only be used together with dynamic weight or aggregated scheduling",
        field=".clusterAffinities",
    ),
)
_TERM: Final = rules(
    rule(
        _INLINE_AFFINITY_SAYS_SOMETHING,
        "overflowAffinities can only be used together with the inline ClusterAffinity",
        field=".overflowAffinities",
    ),
    rule(
        _OVERFLOW_NAMES_ARE_UNIQUE,
        "overflow affinity name must be unique and must not duplicate the primary group's affinityName",
        field=".overflowAffinities",
    ),
)
_SPREAD_CONSTRAINT: Final = rules(
    rule(
        "!has(self.spreadByLabel) || self.spreadByLabel == '' || !has(self.spreadByField)",
        "spreadByLabel should not co-exist with spreadByField",
    ),
    rule("!has(self.minGroups) || self.minGroups >= 0", "minGroups lower than 0 is not allowed"),
    rule("!has(self.maxGroups) || self.maxGroups >= 0", "maxGroups lower than 0 is not allowed"),
    rule(
        "!has(self.maxGroups) || !has(self.minGroups) || self.maxGroups <= 0 || self.maxGroups >= self.minGroups",
        "maxGroups lower than minGroups is not allowed",
    ),
)
_SPREAD_CONSTRAINTS: Final = rules(
    rule(
        f"self.filter(c, {_BY_CLUSTER}).size() <= 1",
        "multiple cluster spread constraints are not allowed",
    ),
    *(
        rule(
            f"self.filter(c, has(c.spreadByField) && c.spreadByField == '{field}').size() <= 1",
            f"multiple {field} spread constraints are not allowed",
        )
        for field in ("region", "zone", "provider")
    ),
    rule(
        f"!self.exists(c, has(c.spreadByField)) || self.exists(c, {_BY_CLUSTER})",
        "the cluster spread constraint must be enabled in one of the constraints in case of SpreadByField is enabled",
    ),
    maxItems=64,
)
_WORKLOAD_AFFINITY: Final = rules(
    rule(
        "!has(self.affinity) || !has(self.antiAffinity)"
        " || self.affinity.groupByLabelKey != self.antiAffinity.groupByLabelKey",
        "affinity and antiAffinity must not use the same groupByLabelKey",
    )
)
_TOLERATION_OPERATOR: Final = rules(
    rule(
        "!(self in ['Lt', 'Gt'])",
        'unsupported operator: supported values: "", "Exists", "Equal"',
        message_expression="""'Unsupported value: "' + self + '": supported values: "", "Exists", "Equal"'""",
    ),
    maxLength=32,
)
_APPLICATION_FAILOVER: Final = rules(
    rule(
        "!has(self.gracePeriodSeconds) || self.purgeMode == 'Gracefully'",
        "only takes effect when purgeMode is gracefully",
        field=".gracePeriodSeconds",
    )
)

REFINEMENTS: Final[Refinements] = {
    "spec": _SPEC,
    "spec.resourceSelectors": {"maxItems": 1000},
    "spec.schedulerName": rules(rule("self == oldSelf", "the schedulerName should not be updated")),
    "spec.suspension": _SUSPENSION,
    "spec.placement": _PLACEMENT,
    **field_selector("spec.placement.clusterAffinity.fieldSelector"),
    _AFFINITIES: rules(
        rule(
            "self.all(a, self.exists_one(other, other.affinityName == a.affinityName))",
            "each affinity term in a policy must have a unique name",
        ),
        maxItems=128,
    ),
    f"{_AFFINITIES}[]": _TERM,
    f"{_AFFINITIES}[].affinityName": rules(rule(is_qualified_name("self"), QUALIFIED_NAME_TEXT)),
    **field_selector(f"{_AFFINITIES}[].fieldSelector"),
    _OVERFLOWS: {"maxItems": 32},
    f"{_OVERFLOWS}[].affinityName": rules(rule(is_qualified_name("self"), QUALIFIED_NAME_TEXT)),
    **field_selector(f"{_OVERFLOWS}[].fieldSelector"),
    "spec.placement.spreadConstraints": _SPREAD_CONSTRAINTS,
    "spec.placement.spreadConstraints[]": _SPREAD_CONSTRAINT,
    "spec.placement.workloadAffinity": _WORKLOAD_AFFINITY,
    "spec.placement.workloadAffinity.affinity.groupByLabelKey": QUALIFIED_NAME,
    "spec.placement.workloadAffinity.antiAffinity.groupByLabelKey": QUALIFIED_NAME,
    "spec.placement.clusterTolerations": {"maxItems": 1000},
    "spec.placement.clusterTolerations[].operator": _TOLERATION_OPERATOR,
    "spec.failover.application": _APPLICATION_FAILOVER,
    "spec.failover.application.decisionConditions.tolerationSeconds": rules(
        rule("self >= 0", "must be greater than or equal to 0")
    ),
    "spec.failover.application.gracePeriodSeconds": rules(rule("self > 0", "must be greater than 0")),
    **{f"spec.failover.{cause}.statePreservation.rules": {"maxItems": 256} for cause in ("application", "cluster")},
    **{
        f"spec.failover.{cause}.statePreservation.rules[].aliasLabelName": QUALIFIED_NAME
        for cause in ("application", "cluster")
    },
}

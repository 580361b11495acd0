"""multicluster.x-k8s.io/v1alpha1 ServiceImport: needs the derived Service and its EndpointSlices."""

from libs.common.api.meta import LabelSelector, Template
from libs.common.interpreter import typed
from libs.common.interpreter.kinds import workloads
from libs.common.interpreter.rules import DependentObject, Rules

DERIVED_PREFIX = "derived-"
SERVICE_NAME_LABEL = "kubernetes.io/service-name"


def dependencies(template: Template) -> list[DependentObject]:
    name = DERIVED_PREFIX + (typed.at(template, "metadata", "name", form=typed.text) or "")
    namespace = workloads.namespace(template)
    slices = LabelSelector(match_labels={SERVICE_NAME_LABEL: name})
    return [
        DependentObject(api_version="v1", kind="Service", namespace=namespace, name=name),
        DependentObject(
            api_version="discovery.k8s.io/v1", kind="EndpointSlice", namespace=namespace, label_selector=slices
        ),
    ]


RULES = Rules(dependencies=dependencies)

"""Policies with `activationPreference: Lazy`: their changes wait until the user changes the template.

Karmada decides this by who caused an event; here it follows from facts. The binding says which state of the template
it was made from; as long as the template is still that, a newer policy waits.
"""

import msgspec

from libs.common.api import wellknown
from libs.common.api.policy import PropagationPolicy
from libs.common.api.work import ResourceBinding
from services.policy.core import binding as bindings
from services.policy.core.keys import with_changes
from services.policy.core.template import Template


def is_lazy(policy: PropagationPolicy) -> bool:
    return policy.spec.activation_preference == "Lazy"


def holds(policy: PropagationPolicy, template: Template, binding: ResourceBinding | None, first_digest: str) -> bool:
    """Whether the policy must not be applied yet.

    Args:
        first_digest: of the template when it was first seen; counts while there is no binding.
    """
    if not is_lazy(policy):
        return False
    if binding is None:
        younger = (template.metadata.creation_timestamp or "") >= (policy.metadata.creation_timestamp or "")
        return not younger and template.digest == first_digest
    if bindings.applied_generation(binding) == policy.metadata.generation and _claims(policy, binding):
        return False
    return (binding.metadata.annotations or {}).get(wellknown.TEMPLATE_DIGEST_ANNOTATION) == template.digest


def noted(binding: ResourceBinding, policy: PropagationPolicy, template: Template) -> ResourceBinding:
    """The binding with the state of the template in it, where a lazy policy will want to know it."""
    notes = binding.metadata.annotations or {}
    text = template.digest if is_lazy(policy) else None
    if notes.get(wellknown.TEMPLATE_DIGEST_ANNOTATION) == text:
        return binding
    changed = with_changes(notes, {wellknown.TEMPLATE_DIGEST_ANNOTATION: text})
    return msgspec.structs.replace(binding, metadata=msgspec.structs.replace(binding.metadata, annotations=changed))


def _claims(policy: PropagationPolicy, binding: ResourceBinding) -> bool:
    labels = binding.metadata.labels or {}
    return policy.metadata.uid in (
        labels.get(wellknown.POLICY_ID_LABEL),
        labels.get(wellknown.CLUSTER_POLICY_ID_LABEL),
    )

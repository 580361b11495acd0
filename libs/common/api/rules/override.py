"""What is checked of an OverridePolicy and a ClusterOverridePolicy. What lies too deep for a rule's cost limit is
checked by an admission policy (`libs.common.api.admission`)."""

from typing import Final

from libs.common.api.rules.table import Refinements, field_selector, rule, rules

_RULE: Final = "spec.overrideRules[]"

_DEPRECATED_OVERRIDERS_ARE_EMPTY: Final = "!has(self.overrideRules) || !has(self.overriders) || !({})".format(
    " || ".join(
        f"(has(self.overriders.{name}) && self.overriders.{name}.size() > 0)"
        for name in (
            "plaintext",
            "imageOverrider",
            "commandOverrider",
            "argsOverrider",
            "labelsOverrider",
            "annotationsOverrider",
        )
    )
)

REFINEMENTS: Final[Refinements] = {
    "spec": rules(
        rule(
            "!has(self.overrideRules) || !has(self.targetCluster)",
            "overrideRules and targetCluster can't co-exist",
            field=".targetCluster",
        ),
        rule(
            _DEPRECATED_OVERRIDERS_ARE_EMPTY,
            "overrideRules and overriders can't co-exist",
            field=".overriders",
        ),
    ),
    **field_selector("spec.targetCluster.fieldSelector"),
    "spec.overrideRules": {"maxItems": 2000},
    **field_selector(f"{_RULE}.targetCluster.fieldSelector"),
}

"""What is checked of a Cluster."""

from typing import Final

from libs.common.api.rules.table import LABEL_VALUE, QUALIFIED_NAME, Refinements, rule, rules

_NAME_IS_A_LABEL: Final = (
    "self.metadata.name.size() <= 48 && self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')"
)
_ENDPOINT_LENGTH: Final = 2048

_URL: Final = (
    rule("self == '' || self.matches('^[A-Za-z][A-Za-z0-9+.-]*://[^/?#]')", "must be a URL with a host"),
    rule("!self.matches('^[^/]*//[^/?#]*@')", "user information is not permitted in the URL"),
    rule("!self.contains('#')", "fragments are not permitted in the URL"),
    rule("!self.contains('?')", "query parameters are not permitted in the URL"),
)
_MODELS: Final = rules(
    rule("self.all(m, self.exists_one(other, other.grade == m.grade))", "each grade must be used only once"),
    rule(
        "self.all(m, m.ranges.size() == self[0].ranges.size())",
        "the number of resource ranges must be the same in every grade",
    ),
    rule(
        "self.all(m, m.ranges.all(r, self[0].ranges.exists(first, first.name == r.name)))",
        "every grade must name the same resources",
    ),
    maxItems=64,
)

REFINEMENTS: Final[Refinements] = {
    "": rules(
        rule(
            _NAME_IS_A_LABEL,
            "metadata.name must be no more than 48 characters, and must consist of lower case alphanumeric characters "
            "or '-', and must start and end with an alphanumeric character",
        )
    ),
    "spec": rules(
        rule(
            "!has(self.zone) || self.zone == '' || !has(self.zones) || self.zones.size() == 0",
            "zone and zones can not co-exist",
            field=".zone",
        )
    ),
    "spec.apiEndpoint": rules(*_URL, maxLength=_ENDPOINT_LENGTH),
    "spec.proxyURL": rules(
        rule(
            "self == '' || self.matches('^(http|https|socks5)://[^/?#]')",
            "must be a URL with a host and one of the schemes http, https and socks5",
        ),
        maxLength=_ENDPOINT_LENGTH,
    ),
    "spec.provider": LABEL_VALUE,
    "spec.region": LABEL_VALUE,
    "spec.zones": {"maxItems": 256},
    "spec.zones[]": LABEL_VALUE,
    "spec.taints": rules(
        rule(
            "self.all(t, self.exists_one(other, other.key == t.key && other.effect == t.effect))",
            "taints must be unique by key and effect pair",
        ),
        maxItems=128,
    ),
    "spec.taints[].key": QUALIFIED_NAME,
    "spec.taints[].value": LABEL_VALUE,
    "spec.taints[].effect": {"enum": ["NoSchedule", "NoExecute"]},
    "spec.taints[]": {"required": ["effect"]},
    "spec.resourceModels": _MODELS,
    "spec.resourceModels[].ranges": {"maxItems": 32},
    "spec.resourceModels[].ranges[].name": {"maxLength": 317},
    "spec.resourceModels[].grade": {"minimum": 0},
}

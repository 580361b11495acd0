"""The words of the rule tables: what an API server checks beyond types, and the syntaxes that it checks.

A table maps a path in the schema to keywords that are added there. Limits (`maxItems`, `maxLength`) stand beside rules
because API servers refuse rules whose worst case may cost too much; they lie far beyond what is in use.

Reference: Karmada's validating webhooks (pkg/webhook, pkg/util/validation), whose texts the messages are;
k8s.io/apimachinery util/validation for the syntaxes.
"""

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

Refinements: TypeAlias = Mapping[str, Mapping[str, Any]]

_NAME: Final = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_SUBDOMAIN: Final = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
_LABEL_VALUE: Final = f"({_NAME})?"

QUALIFIED_NAME_TEXT: Final = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    f"'{_NAME}')"
)
LABEL_VALUE_TEXT: Final = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    f"'({_NAME})?')"
)
QUALIFIED_NAME_LENGTH: Final = 317
LABEL_VALUE_LENGTH: Final = 63


def rule(
    expression: str, message: str, *, field: str = "", message_expression: str = "", reason: str = ""
) -> dict[str, str]:
    """One CEL rule. `field` is the path below the place of the rule that an error is reported on, such as `.spec`."""
    keywords = {
        "rule": expression,
        "message": message,
        "messageExpression": message_expression,
        "fieldPath": field,
        "reason": reason,
    }
    return {key: value for key, value in keywords.items() if value}


def rules(*rows: dict[str, str], **limits: Any) -> Mapping[str, Any]:
    """The keywords of one place: CEL rules, and limits as keyword arguments."""
    return {"x-kubernetes-validations": list(rows), **limits}


def is_qualified_name(value: str) -> str:
    """A CEL expression: `value`, an expression too, is a label key."""
    return f"{value}.matches('^({_SUBDOMAIN}/)?{_NAME}$')"


def is_label_value(value: str) -> str:
    """A CEL expression: `value`, an expression too, is a label value."""
    return f"{value}.matches('^{_LABEL_VALUE}$')"


QUALIFIED_NAME: Final = rules(rule(is_qualified_name("self"), QUALIFIED_NAME_TEXT), maxLength=QUALIFIED_NAME_LENGTH)
LABEL_VALUE: Final = rules(rule(is_label_value("self"), LABEL_VALUE_TEXT), maxLength=LABEL_VALUE_LENGTH)


def field_selector(path: str) -> Refinements:
    """What Karmada checks of a cluster field selector that stands at `path`."""
    keys, operators = "['provider', 'region', 'zone']", "['In', 'NotIn']"
    item = f"{path}.matchExpressions[]"
    return {
        f"{path}.matchExpressions": {"maxItems": 64},
        f"{item}.key": rules(
            rule(
                f"self in {keys}",
                "unsupported key, must be provider, region, or zone",
                message_expression="""'unsupported key "' + self + '", must be provider, region, or zone'""",
            ),
            maxLength=QUALIFIED_NAME_LENGTH,
        ),
        f"{item}.operator": rules(
            rule(
                f"self in {operators}",
                "unsupported operator, must be In or NotIn",
                message_expression="""'unsupported operator "' + self + '", must be In or NotIn'""",
            ),
            maxLength=32,
        ),
    }

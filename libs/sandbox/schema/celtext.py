"""CEL texts as Kubernetes writes them, made into what the `cel` package parses.

Two things differ: Kubernetes escapes field names that are no identifiers or are reserved (`self.__namespace__`,
`self.a__dash__b`), and it has the optional syntax `a.?b`.
"""

import re
from typing import Final

_RESERVED: Final = (
    "true|false|null|in|as|break|const|continue|else|for|function|if|import|let|loop|package|namespace|return|var|void|"
    "while"
)
_KEYWORD: Final = re.compile(rf"\.__({_RESERVED})__\b")
_SYMBOLS: Final = {"__dot__": ".", "__dash__": "-", "__slash__": "/", "__underscores__": "__"}
_ESCAPED: Final = re.compile(r"\.(\w*__(?:dot|dash|slash|underscores)__\w*)")
_HAS_INDEX: Final = re.compile(r"has\(([^()]*)\[(\"[^\"]+\")\]\)")
_LITERAL: Final = re.compile(r"""r?("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')""")
_OPTIONAL: Final = re.compile(r"\.\?\s*(\w+)")


def translated(expression: str) -> str:
    """The expression in the dialect of the `cel` package. Literals stay as they are."""
    if "__" not in expression and ".?" not in expression:
        return expression
    literals: list[str] = []

    def put_aside(match: re.Match[str]) -> str:
        literals.append(match.group())
        return f"\x00{len(literals) - 1}\x00"

    text = _LITERAL.sub(put_aside, expression)
    text = _KEYWORD.sub(r".\1", text)
    text = _ESCAPED.sub(lambda match: f'["{_unescaped(match.group(1))}"]', text)
    text = _HAS_INDEX.sub(r"(\2 in \1)", text)
    while match := _OPTIONAL.search(text):
        start = _operand(text, match.start())
        text = f'{text[:start]}optionalField({text[start : match.start()]}, "{match.group(1)}"){text[match.end() :]}'
    return re.sub("\x00(\\d+)\x00", lambda match: literals[int(match.group(1))], text)


def _unescaped(name: str) -> str:
    for escaped, symbol in _SYMBOLS.items():
        name = name.replace(escaped, symbol)
    return name


def _operand(text: str, end: int) -> int:
    """Where the expression begins whose member is selected at `end`: names, calls and indexes in a row."""
    at, depth = end, 0
    while at > 0:
        symbol = text[at - 1]
        if symbol in ")]}":
            depth += 1
        elif symbol in "([{":
            if depth == 0:
                break
            depth -= 1
        elif depth == 0 and not (symbol.isalnum() or symbol in "_.\x00"):
            break
        at -= 1
    return at

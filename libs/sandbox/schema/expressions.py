"""Compiled CEL: rules of schemas and expressions of admission policies."""

import threading
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any, Final

from libs.sandbox.schema import celfunctions, celtext
from libs.sandbox.schema.engine import cel

_ERRORS: Final = (ValueError, TypeError, RuntimeError, KeyError, IndexError, OverflowError, ZeroDivisionError)


class EvaluationError(Exception):
    """The expression has no value for this input."""


class Expression:
    """One compiled expression.

    Raises:
        ValueError: the text is not CEL.
    """

    __slots__ = ("_program", "_with_functions", "missing", "text", "variables")

    def __init__(self, text: str) -> None:
        self.text = text
        self._program = cel.compile(celtext.translated(text))
        functions = [name for name in self._program.functions() if name.isidentifier()]
        foreign = [name for name in functions if name not in celfunctions.NATIVE]
        self._with_functions = bool(foreign)
        self.missing = tuple(name for name in foreign if name not in _known())
        self.variables = frozenset(self._program.variables())

    def value(self, variables: Mapping[str, Any]) -> Any:
        """The value for these variables. EvaluationError if there is none."""
        try:
            if not self._with_functions:
                return self._program.execute(dict(variables))
            context = _CONTEXTS.with_functions
            for name, value in variables.items():
                context.add_variable(name, value)
            return self._program.execute(context)
        except _ERRORS as error:
            raise EvaluationError(_words(error)) from error


@lru_cache(maxsize=4096)
def compiled(text: str) -> Expression:
    """The expression of a text. ValueError if the text is not CEL."""
    return Expression(text)


class _Contexts(threading.local):
    """A context per thread for expressions that need functions. Each expression sets the variables that it reads."""

    def __init__(self) -> None:
        self.with_functions = celfunctions.context()


_CONTEXTS: Final = _Contexts()


@cache
def _known() -> frozenset[str]:
    return frozenset(name.rpartition(".")[2] for name in _CONTEXTS.with_functions.functions)


def _words(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"no such key: {error.args[0]}"
    return str(error).splitlines()[0]

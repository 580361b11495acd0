"""`python -m libs.cli.settings_reference` writes docs/settings.md, out of the settings' source and its docstrings.

The source is read, not imported: the command line knows no service.
"""

import ast
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "settings.md"
_SHARED = ROOT / "libs" / "common" / "settings.py"
_HEAD = """\
# Settings

Made from the services' source by `make gen`. Settings are environment variables. A variable that begins with `ARGOSY_`
and is not known stops the start with its name. Durations are written as in Go: `500ms`, `10s`, `5m`. Where Karmada has
the same as a flag, name and default are Karmada's. Tracing is set by OpenTelemetry's own variables
(`OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_TRACES_SAMPLER`, ...).
"""


class Setting(NamedTuple):
    """One field of a Settings Struct."""

    variable: str
    default: str
    meaning: str


def page() -> str:
    """The whole page."""
    parts = [_HEAD, *_table("All services", _SHARED, "ServiceSettings")]
    for path in sorted((ROOT / "services").glob("*/settings.py")):
        parts += _table(f"argosy-{path.parent.name.replace('_', '-')}", path, "Settings")
    return "\n".join(parts)


def _table(title: str, path: Path, name: str) -> Iterator[str]:
    yield f"## {title}\n\n| variable | default | meaning |\n|---|---|---|"
    for setting in _fields(path, name):
        yield f"| `{setting.variable}` | {setting.default} | {setting.meaning} |"
    yield ""


def _fields(path: Path, name: str) -> Iterator[Setting]:
    """The fields of a class, each followed by its docstring."""
    tree = ast.parse(path.read_text())
    body = next(n.body for n in tree.body if isinstance(n, ast.ClassDef) and n.name == name)
    for field, text in itertools.pairwise(body):
        if not isinstance(field, ast.AnnAssign) or not isinstance(field.target, ast.Name) or field.value is None:
            continue
        if not isinstance(text, ast.Expr) or not isinstance(text.value, ast.Constant):
            raise ValueError(f"{path}:{field.lineno}: {field.target.id} has no docstring")
        meaning = " ".join(str(text.value.value).split()).replace("|", "\\|")
        yield Setting(f"ARGOSY_{field.target.id.upper()}", _written(field.value), meaning)


def _written(default: ast.expr) -> str:
    """The default as one writes it in the environment."""
    if isinstance(default, ast.Call) and ast.unparse(default.func) == "timedelta":
        units = {"milliseconds": "ms", "seconds": "s", "minutes": "m", "hours": "h"}
        return "`" + "".join(f"{ast.unparse(k.value)}{units[k.arg or '']}" for k in default.keywords) + "`"
    if isinstance(default, ast.Tuple):
        return "`" + ",".join(str(ast.literal_eval(e)) for e in default.elts) + "`"
    if isinstance(default, ast.Attribute | ast.Name):
        return f"`{_constant(ast.unparse(default).rpartition('.')[2])}`"
    value = ast.literal_eval(default)
    return f"`{str(value).lower() if isinstance(value, bool) else value}`" if value != "" else "empty"


def _constant(name: str) -> str:
    """The value of a well-known name."""
    tree = ast.parse((ROOT / "libs" / "common" / "api" / "wellknown.py").read_text())
    for node in tree.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == name:
            assert node.value is not None
            return str(ast.literal_eval(node.value))
    raise ValueError(f"{name} is no well-known name")


def main() -> None:
    """Writes the page."""
    PAGE.write_text(page())


if __name__ == "__main__":
    main()

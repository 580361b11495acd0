"""The shape of the code: what a reader can rely on everywhere."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
LINES = 400
SCREEN = 70
"""Lines of a function, docstring included."""


def sources() -> list[Path]:
    return sorted(p for folder in ("libs", "services", "tests") for p in (ROOT / folder).rglob("*.py"))


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_files_stay_under_400_lines() -> None:
    long = {str(p.relative_to(ROOT)): n for p in sources() if (n := len(p.read_text().splitlines())) > LINES}
    assert long == {}


def test_functions_fit_on_a_screen() -> None:
    long = {
        f"{path.relative_to(ROOT)}:{f.lineno} {f.name}": n
        for path in sources()
        for f in functions(path)
        if (n := (f.end_lineno or f.lineno) - f.lineno + 1) > SCREEN
    }
    assert long == {}


def test_mains_only_wire() -> None:
    mains = sorted((ROOT / "services").glob("*/main.py"))
    assert len(mains) >= 4
    assert {str(p.relative_to(ROOT)): n for p in mains if (n := len(p.read_text().splitlines())) > 90} == {}


def test_no_module_is_a_bag() -> None:
    bags = re.compile(r"^(utils?|helpers?|managers?|base|common|misc)\.py$")
    assert [str(p.relative_to(ROOT)) for p in sources() if bags.match(p.name)] == []


def test_modules_have_a_docstring_that_says_why_they_exist() -> None:
    bare = [
        str(p.relative_to(ROOT))
        for p in sources()
        if p.name != "__init__.py" and ast.get_docstring(ast.parse(p.read_text())) is None
    ]
    assert bare == []


def test_subjects_are_built_by_their_codec_alone() -> None:
    """An f-string that begins a subject elsewhere would escape nothing."""
    built = re.compile(r"""f["'](argosy\.|\{[a-z_.]*prefix\}\.[a-z])""")
    allowed = {ROOT / "libs/common/subjects.py"}
    found = [
        f"{p.relative_to(ROOT)}:{n}"
        for p in sources()
        if p not in allowed and "tests" not in p.parts
        for n, line in enumerate(p.read_text().splitlines(), 1)
        if built.search(line)
    ]
    assert found == []


def test_the_lock_names_the_public_index_alone() -> None:
    registries = set(re.findall(r'registry = "([^"]+)"', (ROOT / "uv.lock").read_text()))
    assert registries == {"https://pypi.org/simple"}


def test_nothing_is_executable_by_accident() -> None:
    """Only what is run by hand has the bit."""
    listed = subprocess.run(["git", "ls-files", "-s"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    executable = {line.split("\t")[1] for line in listed.splitlines() if line.startswith("100755")}
    assert executable <= {".ci/run"}

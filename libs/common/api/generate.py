"""Writes what a hub needs to `deploy/k8s/crds/`: the kinds as CustomResourceDefinitions, and the admission policies.

python -m libs.common.api.generate [directory]
"""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from libs.common.api import admission, crds

DIRECTORY: Final = Path("deploy/k8s/crds")
_HEAD: Final = "# Made from libs/common/api by `make gen`. Do not edit.\n"


class _Dumper(yaml.SafeDumper):
    """Writes equal parts out in full: aliases are hard to read."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def files() -> Mapping[str, str]:
    """File name to content."""
    found = {f"{crd['metadata']['name']}.yaml": _document([crd]) for crd in crds.definitions()}
    return found | {"admission.yaml": _document(admission.policies())}


def main(directory: Path = DIRECTORY) -> None:
    """Writes all files and removes those of kinds that are no more."""
    directory.mkdir(parents=True, exist_ok=True)
    contents = files()
    for old in directory.glob("*.yaml"):
        if old.name not in contents:
            old.unlink()
    for name, content in contents.items():
        (directory / name).write_text(content)


def _document(objects: Sequence[Mapping[str, Any]]) -> str:
    return _HEAD + yaml.dump_all(objects, Dumper=_Dumper, sort_keys=False, width=120, explicit_start=True)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))

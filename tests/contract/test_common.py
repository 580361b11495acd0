"""libs.common is not a bag: what is in it has two users elsewhere, or serves what has."""

import grimp

PARTS = ("libs.common.api", "libs.common.bus", "libs.common.interpreter", "libs.common.kube")
"""Packages that are one thing; each counts as a whole."""

PROGRAMS = ("libs.common.asyncapi",)
"""What `make gen` runs."""


def test_each_module_has_two_users_or_serves_the_others() -> None:
    graph = grimp.build_graph("libs", "services")
    modules = {*PARTS, *(m for m in graph.find_children("libs.common") if m not in PARTS)}
    lonely = {}
    for module in modules.difference(PROGRAMS):
        members = {module, *graph.find_descendants(module)}
        importers = set().union(*(graph.find_modules_that_directly_import(member) for member in members)) - members
        outside = {_part(importer) for importer in importers if not importer.startswith("libs.common.")}
        within = any(importer.startswith("libs.common.") for importer in importers)
        if len(outside) < 2 and not within:
            lonely[module] = sorted(outside)
    assert lonely == {}


def _part(module: str) -> str:
    """The service or library that a module belongs to: `services.policy`, `libs.cli`."""
    return ".".join(module.split(".")[:2])

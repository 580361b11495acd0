"""Between a cluster's tables and its journal: how the state comes back, and what a compacted journal holds."""

from collections.abc import Callable, Iterator, Mapping

import msgspec

from libs.sandbox import definitions, journal, kinds
from libs.sandbox.kinds import Resource
from libs.sandbox.registry import Registry
from libs.sandbox.store import Entry, Table


def load(file: journal.Journal, registry: Registry, table: Callable[[Resource], Table]) -> int:
    """Fills the tables from the journal, and serves the definitions that it holds. Answers the cluster's version."""
    resources = {each.table: each for each in registry.stored()}
    version = 0
    for line in file.replay():
        version = max(version, line.v)
        resource = resources.get(line.t)
        if resource is None:
            continue
        found = table(resource)
        found.floor = max(found.floor, line.v)
        if line.k is None:
            continue
        if line.o == journal.NOTHING:
            found.remove(line.k)
            continue
        raw = bytes(line.o)
        entry = Entry(object=msgspec.json.decode(raw), raw=raw, version=line.v)
        found.put(line.k, entry)
        if resource is kinds.CUSTOM_RESOURCE_DEFINITIONS:
            definitions.serve(entry.object, registry, table)
            resources = {each.table: each for each in registry.stored()}
    for definition in table(kinds.CUSTOM_RESOURCE_DEFINITIONS).entries.values():
        definitions.serve(definition.object, registry, table)
    return version


def lines(version: int, tables: Mapping[str, Table]) -> Iterator[journal.Line]:
    """What a journal needs to hold: the versions, and each object as it is; definitions before what they define."""
    yield journal.Line(v=version)
    first = kinds.CUSTOM_RESOURCE_DEFINITIONS.table
    for name, table in sorted(tables.items(), key=lambda each: each[0] != first):
        yield journal.Line(v=table.history[-1].version if table.history else table.floor, t=name)
        for key, entry in table.entries.items():
            yield journal.Line(v=entry.version, t=name, k=key, o=msgspec.Raw(entry.raw))

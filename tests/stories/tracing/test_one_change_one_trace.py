"""One change of one object is one trace, from the hub through all four services and back."""

from collections.abc import Iterator

import pytest

from tests import worlds
from tests.stories.tracing.collector import Collector, Span, collecting
from tests.worlds import Sandbox, until

SERVICES = {"policy", "scheduler", "agent", "status-aggregator"}
APP = worlds.deployment("traced", replicas=2)


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as found:
        yield found


@pytest.fixture(scope="module")
def sandbox(collector: Collector, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    settings = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint, "OTEL_BSP_SCHEDULE_DELAY": "200"}
    found = Sandbox(tmp_path_factory.mktemp("traced"), members=2, environment=settings)
    try:
        yield found
    finally:
        found.down()


def services(spans: list[Span]) -> set[str]:
    return {s.service.removeprefix("argosy-") for s in spans}


@pytest.fixture(scope="module")
def story(sandbox: Sandbox, collector: Collector) -> list[Span]:
    """All spans of the first state of the Deployment."""
    hub = sandbox.hub
    policy = worlds.policy("traced", worlds.selector_of(APP), placement=worlds.weighted(member1=1, member2=1))
    hub.apply(APP, policy, namespace="default")
    hub.kubectl("rollout", "status", "deploy/traced", "--timeout=30s", namespace="default")
    trace_id = sandbox.argosy("trace", "deploy/traced").strip()

    def complete() -> list[Span] | None:
        spans = collector.trace(trace_id)
        known = {s.span_id for s in spans}
        whole = services(spans) == SERVICES and all(not s.parent_id or s.parent_id in known for s in spans)
        return spans if whole else None

    return until(complete, what="spans of all four services, each with its parent")


def test_all_four_services_take_part(story: list[Span]) -> None:
    assert services(story) == SERVICES


def test_there_is_one_root_and_it_is_policys(story: list[Span]) -> None:
    roots = [s for s in story if not s.parent_id]
    assert [services([s]) for s in roots] == [{"policy"}]


def test_every_span_descends_from_the_root(story: list[Span]) -> None:
    parents = {s.span_id: s.parent_id for s in story}
    root = next(s.span_id for s in story if not s.parent_id)
    for span in story:
        at = span.span_id
        while parents[at]:
            at = parents[at]
        assert at == root, f"{span.service} {span.name} hangs on no root"


def test_the_decision_lies_between_request_and_works(story: list[Span]) -> None:
    """scheduler's span descends from policy's, agents' spans from policy's, the aggregator's from an agent's."""
    by_id = {s.span_id: s for s in story}

    def ancestors(span: Span) -> list[str]:
        chain = []
        while span.parent_id:
            span = by_id[span.parent_id]
            chain.append(span.service.removeprefix("argosy-"))
        return chain

    for service, comes_from in (("scheduler", "policy"), ("agent", "policy"), ("status-aggregator", "agent")):
        chains = [ancestors(s) for s in story if services([s]) == {service}]
        assert any(comes_from in chain for chain in chains), f"{service} never follows {comes_from}: {chains}"


def test_each_member_has_its_own_work_in_it(story: list[Span]) -> None:
    """One change, two members: two works are processed in the same trace."""
    worked = [s for s in story if services([s]) == {"agent"} and s.name.startswith("process")]
    assert len(worked) >= 2

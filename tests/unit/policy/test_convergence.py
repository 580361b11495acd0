"""Works reach their end whatever happens on the way: lost, repeated and late messages, crashes between any two steps.

The machine holds what is durable (the binding on the hub, the last value of each subject) and what members run. Policy
has no memory between its steps but what it reads from there, so every step is also a restart.
"""

from collections.abc import Iterator

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from libs.common.messages import Gone, Order, Origin, Removal, TemplateRef, Work
from services.policy.core import dispatch, leaving
from services.policy.core.dispatch import Desired, Published
from services.policy.core.leaving import Leaving
from services.policy.core.orders import Orders
from services.policy.core.render import Rendered

CLUSTERS = ("m1", "m2")
UIDS = {c: f"uid-{c}" for c in CLUSTERS}
ORIGIN = Origin(kind="ResourceBinding", namespace="default", name="a-configmap", uid="b")


class Member:
    """One agent and what its member runs: template uid and digest by name of the object."""

    def __init__(self, cluster: str) -> None:
        self.cluster = cluster
        self.objects: dict[str, tuple[str, str]] = {}
        self.seen = Order()

    def read(self, work: Work) -> Gone | None:
        """Carries out a work, unless a later one was seen; answers what it reports gone."""
        if work.order < self.seen:
            return None
        self.seen = work.order
        orders = list(work.removes) + ([_itself(work)] if work.op == "delete" else [])
        for removal in orders:
            if self.objects.get(removal.name, ("", ""))[0] == removal.template_uid:
                del self.objects[removal.name]
        if work.op == "apply":
            self.objects[work.name] = (work.template.uid, work.digest)
        if not orders:
            return None
        return Gone(
            hub_uid="h",
            cluster=self.cluster,
            cluster_uid=UIDS[self.cluster],
            origin=work.origin,
            order=work.order,
            removed=orders,
        )


class Convergence(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.orders = Orders(1)
        self.targets: tuple[str, ...] = ()
        self.leaving: dict[str, Leaving] = {}
        self.template, self.content, self.name = "t0", 0, "a"
        self.stream: dict[str, tuple[int, Work]] = {}
        self.reports: dict[str, Gone] = {}
        self.members = {c: Member(c) for c in CLUSTERS}
        self.delayed: list[tuple[str, Gone]] = []
        self.seq = 0

    # ---- the user and the scheduler: durable on the hub in one write ----

    @rule(chosen=st.sets(st.sampled_from(CLUSTERS)))
    def place(self, chosen: set[str]) -> None:
        dropped = [c for c in self.targets if c not in chosen]
        self.leaving = leaving.after(self.leaving, dropped=dropped, chosen=chosen, uids=UIDS, order=self.orders.next())
        self.targets = tuple(sorted(chosen))

    @rule()
    def edit(self) -> None:
        self.content += 1

    @rule(name=st.sampled_from(["a", "b"]))
    def rename_by_override(self, name: str) -> None:
        self.name = name

    @rule()
    def replace_template(self) -> None:
        self.template = f"t{int(self.template[1:]) + 1}"

    # ---- policy: any part of a step may be the last before a crash ----

    @rule(data=st.data())
    def publish_some(self, data: st.DataObject) -> None:
        plan = self.plan()
        for publication in plan.publications:
            if data.draw(st.booleans()):
                self.publish(publication)

    @rule()
    def clear_what_is_gone(self) -> None:
        self.leaving = leaving.cleared(self.leaving, self.reports, UIDS)

    @rule()
    def take_over(self) -> None:
        """Another policy leads, with a higher epoch."""
        self.orders = Orders(self.orders.epoch + 1)

    # ---- agents: they read the last value, now or later, once or twice; reports come late ----

    @rule(cluster=st.sampled_from(CLUSTERS), late=st.booleans())
    def agent_reads(self, cluster: str, late: bool) -> None:
        if cluster in self.stream:
            report = self.members[cluster].read(self.stream[cluster][1])
            if report is not None and late:
                self.delayed.append((cluster, report))
            elif report is not None:
                self.reports[cluster] = report

    @rule()
    def a_late_report_comes(self) -> None:
        """It overwrites a newer one: the stream keeps what came last."""
        if self.delayed:
            cluster, report = self.delayed.pop(0)
            self.reports[cluster] = report

    @rule()
    def all_goes_well(self) -> None:
        """One round in which nothing is lost."""
        for publication in self.plan().publications:
            self.publish(publication)
        for cluster in CLUSTERS:
            if cluster in self.stream:
                report = self.members[cluster].read(self.stream[cluster][1])
                if report is not None:
                    self.reports[cluster] = report
        self.leaving = leaving.cleared(self.leaving, self.reports, UIDS)
        for purge in self.plan().purges:
            assert self.stream[purge.cluster][0] == purge.seq
            del self.stream[purge.cluster]

    # ---- what must hold ----

    @invariant()
    def every_left_cluster_is_named(self) -> None:
        """What runs in a cluster that is no target is on record as being left, or ordered away."""
        for cluster, member in self.members.items():
            if member.objects and cluster not in self.targets:
                standing = self.stream.get(cluster)
                assert cluster in self.leaving or (standing is not None and standing[1].op == "delete")

    def teardown(self) -> None:
        """Left alone, all comes to rest in the right state."""
        for _ in range(12):
            self.all_goes_well()
        wanted = {self.name: (self.template, f"{self.content}{self.name}")}
        for cluster, member in self.members.items():
            assert member.objects == (wanted if cluster in self.targets else {})
        assert self.leaving == {}
        assert set(self.stream) == set(self.targets)
        assert self.plan() == dispatch.Plan(publications=[], purges=[], strays=[])

    # ---- how ----

    def plan(self) -> dispatch.Plan:
        return dispatch.plan(self.desired(), dict(self.standing()), self.reports)

    def standing(self) -> Iterator[tuple[str, Published]]:
        for cluster, (seq, work) in self.stream.items():
            yield cluster, dispatch.published(work, seq)

    def desired(self) -> Desired:
        rendered = Rendered(
            api_version="v1",
            kind="ConfigMap",
            namespace="default",
            name=self.name,
            manifest=b"{}",
            digest=f"{self.content}{self.name}",
            conflict_resolution="abort",
            preserve_on_deletion=False,
            suspended=False,
        )
        return Desired(
            hub_uid="h",
            origin=ORIGIN,
            template=TemplateRef(api_version="v1", kind="ConfigMap", namespace="default", name="a", uid=self.template),
            targets=dict.fromkeys(self.targets, rendered),
            leaving=self.leaving,
            uids=UIDS,
        )

    def publish(self, publication: dispatch.Publication) -> None:
        standing = self.stream.get(publication.cluster)
        assert publication.expected_seq == (standing[0] if standing is not None else 0)
        self.seq += 1
        work = msgspec.structs.replace(publication.work, order=self.orders.next())
        self.stream[publication.cluster] = (self.seq, work)


def _itself(work: Work) -> Removal:
    return Removal(
        api_version=work.api_version,
        kind=work.kind,
        namespace=work.namespace,
        name=work.name,
        template_uid=work.template.uid,
    )


TestConvergence = Convergence.TestCase
TestConvergence.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)

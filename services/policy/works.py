"""The works that stand in the stream WORKS and what agents report gone, mirrored; and how works get there.

The mirror is filled from the streams alone, and forgotten whenever they are replayed. Nothing is decided while a replay
is on its way.
"""

import asyncio
from collections.abc import Callable, Mapping

import msgspec

from libs.common import bus, digests, subjects, telemetry
from libs.common.messages import Gone, Message, Order, Removal, Work
from libs.common.names import OriginKey
from services.policy import metrics
from services.policy.core import dispatch
from services.policy.core.dispatch import Publication, Published
from services.policy.core.orders import Orders

_EMPTY: Mapping[str, Published] = {}
_WORK = "work.{cluster}.{namespace}.{binding}"


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """An agent's word that objects are gone, and where in the stream it stands."""

    gone: Gone
    seq: int


class Works:
    """The mirror.

    Args:
        on_change: told of an origin about which somebody else wrote something.
        on_replay: told when a mirror begins anew; the name of the stream.
    """

    def __init__(
        self,
        nats: bus.Bus,
        orders: Orders,
        *,
        on_change: Callable[[OriginKey], None],
        on_replay: Callable[[str], None],
    ) -> None:
        self._nats = nats
        self._orders = orders
        self._on_change = on_change
        self._on_replay = on_replay
        self._standing: dict[OriginKey, dict[str, Published]] = {}
        self._keys: dict[str, set[OriginKey]] = {}
        self._gone: dict[OriginKey, dict[str, Report]] = {}
        self._digests: dict[str, digests.SetDigest] = {}
        self._last_seqs: dict[str, int] = {}
        self._publishing: dict[tuple[OriginKey, str], Order] = {}
        self.works_read = asyncio.Event()
        self.gone_read = asyncio.Event()

    async def run(self) -> None:
        """Follows both streams until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(
                self._nats.follow(
                    subjects.WORKS,
                    [self._nats.subjects.all("work")],
                    consumer="policy-works",
                    decode=_work_type,
                    on_message=self._on_work,
                    on_replay=self._works_anew,
                    caught_up=self.works_read,
                ),
                name="follow works",
            )
            tasks.create_task(
                self._nats.follow(
                    subjects.STATUS,
                    [self._nats.subjects.all("gone")],
                    consumer="policy-gone",
                    decode=_gone_type,
                    on_message=self._on_gone,
                    on_replay=self._gone_anew,
                    caught_up=self.gone_read,
                ),
                name="follow gone",
            )

    async def ready(self) -> None:
        """Waits until no replay is on its way."""
        await self.works_read.wait()
        await self.gone_read.wait()

    # ---- look-ups ----

    def standing(self, key: OriginKey) -> Mapping[str, Published]:
        return self._standing.get(key, _EMPTY)

    def gone(self, key: OriginKey) -> dict[str, Gone]:
        return {cluster: report.gone for cluster, report in self._gone.get(key, {}).items()}

    def origins(self) -> list[OriginKey]:
        """Every origin of which a work or a report stands somewhere."""
        return list(self._standing.keys() | self._gone.keys())

    def in_cluster(self, cluster: str) -> dict[OriginKey, Published]:
        return {key: self._standing[key][cluster] for key in self._keys.get(cluster, ())}

    def digest(self, cluster: str) -> tuple[int, str]:
        """How many works a cluster is to have, and the digest over them, as a beat tells them."""
        entry = self._digests.get(cluster)
        return (len(entry), entry.text()) if entry is not None else (0, digests.SetDigest().text())

    def highest_order(self) -> Order:
        return dispatch.highest_order(p for by in self._standing.values() for p in by.values())

    def highest_version(self) -> str:
        """The highest resourceVersion of the hub that any work names."""
        versions = (p.template.resource_version for by in self._standing.values() for p in by.values())
        return str(max((int(v) for v in versions if v.isdecimal()), default=0))

    def last_seq(self, cluster: str) -> int:
        """The highest sequence that a work of the cluster has; what was purged no agent can read any more."""
        if cluster not in self._last_seqs:
            standing = (self._standing[key][cluster] for key in self._keys.get(cluster, ()))
            self._last_seqs[cluster] = max((work.seq for work in standing), default=0)
        return self._last_seqs[cluster]

    def doubt(self, key: OriginKey, cluster: str) -> None:
        """Has the work sent again the next time that its origin is looked at."""
        before = self.standing(key).get(cluster)
        if before is not None:
            self._standing[key][cluster] = msgspec.structs.replace(before, doubted=True)

    def add_removal(self, key: OriginKey, cluster: str, removal: Removal) -> None:
        """Has the work of an origin carry the order to remove something else, the next time it is looked at."""
        before = self.standing(key).get(cluster)
        if before is not None and removal not in before.removes:
            removes = (*before.removes, removal)
            self._standing[key][cluster] = msgspec.structs.replace(before, removes=removes, doubted=True)

    # ---- writing ----

    async def publish(self, key: OriginKey, publication: Publication, *, traceparent: str) -> None:
        """Sends one work under a new order, if its subject still holds what the plan was made from.

        Raises bus.Overtaken if somebody else wrote the subject meanwhile.
        """
        cluster = publication.cluster
        work = msgspec.structs.replace(publication.work, order=self._orders.next())
        subject = self._nats.subjects.work(cluster, key)
        self._publishing[key, cluster] = work.order
        try:
            with telemetry.span(
                telemetry.messaging_name("publish", _WORK),
                parent=traceparent,
                kind="producer",
                attributes=telemetry.messaging("publish", _WORK, subject),
            ) as span:
                seq = await self._nats.publish(
                    subject, work, expected_seq=publication.expected_seq, traceparent=span.traceparent
                )
        finally:
            del self._publishing[key, cluster]
        metrics.WORKS.labels(work.op).inc()
        self._put(key, cluster, dispatch.published(work, seq))

    async def anew(self, key: OriginKey, cluster: str) -> Publication | None:
        """The work that stands as it is, with what it must remove besides, to be sent once more."""
        before = self.standing(key)[cluster]
        last = await self._nats.last(subjects.WORKS, self._nats.subjects.work(cluster, key), Work)
        if last is None:
            return None
        work = msgspec.structs.replace(last.message, removes=list(before.removes))
        return Publication(cluster=cluster, work=work, expected_seq=before.seq)

    async def purge(self, key: OriginKey, cluster: str, seq: int) -> None:
        """Takes a tombstone that is done with from the stream, and then what the agent said about it."""
        names, report = self._nats.subjects, self._gone.get(key, {}).get(cluster)
        await self._nats.purge(subjects.WORKS, names.work(cluster, key), up_to_seq=seq)
        before = self.standing(key).get(cluster)
        if before is not None and before.seq <= seq:
            self._drop(key, cluster)
        if report is not None:
            await self.purge_reports(key, cluster, report.seq)

    async def purge_reports(self, key: OriginKey, cluster: str, seq: int) -> None:
        """Takes from the stream what an agent said of an origin up to `seq`."""
        names = self._nats.subjects
        await self._nats.purge(subjects.STATUS, names.status(cluster, key), up_to_seq=seq)
        await self._nats.purge(subjects.STATUS, names.gone(cluster, key), up_to_seq=seq)
        reports = self._gone.get(key, {})
        if cluster in reports and reports[cluster].seq <= seq:
            del reports[cluster]
            if not reports:
                del self._gone[key]

    async def purge_all(self, key: OriginKey) -> None:
        """Takes from the streams all that they hold of an origin that the hub has let go."""
        names, standing = self._nats.subjects, self.standing(key)
        if standing:
            seq = max(work.seq for work in standing.values())
            await self._nats.purge(subjects.WORKS, names.works_on(key), up_to_seq=seq)
            for cluster in [cluster for cluster, work in self.standing(key).items() if work.seq <= seq]:
                self._drop(key, cluster)
        reports = self._gone.get(key)
        if reports:
            seq = max(report.seq for report in reports.values())
            await self._nats.purge(subjects.STATUS, names.reports_on(key), up_to_seq=seq)
            left = {c: r for c, r in self._gone.get(key, {}).items() if r.seq > seq}
            self._gone.pop(key, None)
            if left:
                self._gone[key] = left

    def leftovers(self, key: OriginKey) -> dict[str, int]:
        """Sequences of reports about works that no longer stand, by cluster."""
        standing = self.standing(key)
        return {cluster: r.seq for cluster, r in self._gone.get(key, {}).items() if cluster not in standing}

    def forget_cluster(self, cluster: str) -> None:
        """All subjects of a cluster were taken away."""
        for key in self.in_cluster(cluster):
            self._drop(key, cluster)
        for key, reports in list(self._gone.items()):
            reports.pop(cluster, None)
            if not reports:
                del self._gone[key]
        for index in (self._digests, self._keys, self._last_seqs):
            index.pop(cluster, None)

    # ---- reading ----

    def _on_work(self, delivery: "bus.Delivery[Message]") -> None:
        assert isinstance(delivery.message, Work)
        cluster, key = self._nats.subjects.state(delivery.subject)
        before = self.standing(key).get(cluster)
        if before is not None and before.seq >= delivery.seq:
            return
        self._put(key, cluster, dispatch.published(delivery.message, delivery.seq))
        if self._publishing.get((key, cluster)) != delivery.message.order:
            self._on_change(key)

    def _on_gone(self, delivery: "bus.Delivery[Message]") -> None:
        assert isinstance(delivery.message, Gone)
        cluster, key = self._nats.subjects.state(delivery.subject)
        self._gone.setdefault(key, {})[cluster] = Report(gone=delivery.message, seq=delivery.seq)
        self._on_change(key)

    def _works_anew(self) -> None:
        self._standing.clear()
        self._keys.clear()
        self._digests.clear()
        self._last_seqs.clear()
        self._on_replay(subjects.WORKS)

    def _gone_anew(self) -> None:
        self._gone.clear()
        self._on_replay(subjects.STATUS)

    def _put(self, key: OriginKey, cluster: str, work: Published) -> None:
        before = self.standing(key).get(cluster)
        if before is not None and before.seq > work.seq:
            return
        self._standing.setdefault(key, {})[cluster] = work
        self._keys.setdefault(cluster, set()).add(key)
        if cluster in self._last_seqs:
            self._last_seqs[cluster] = max(work.seq, self._last_seqs[cluster])
        digest = self._digests.setdefault(cluster, digests.SetDigest())
        if work.op == "apply":
            digest.put(key, digests.entry(key, work.origin.uid, work.template.uid, work.digest))
        else:
            digest.drop(key)

    def _drop(self, key: OriginKey, cluster: str) -> None:
        by = self._standing[key]
        if by.pop(cluster).seq == self._last_seqs.get(cluster):
            del self._last_seqs[cluster]
        self._keys[cluster].discard(key)
        if not by:
            del self._standing[key]
        self._digests[cluster].drop(key)


def _work_type(subject: str) -> type[Message]:
    return Work


def _gone_type(subject: str) -> type[Message]:
    return Gone

"""What policy says to people and programs: CloudEvents on the bus, and Kubernetes Events for what went wrong.

What goes well is not written to the hub: an Event per object would double the writes. It is on the bus, whole.
"""

import asyncio
from typing import Any

import msgspec
import structlog

from libs.common import bus
from libs.common.api import wellknown
from libs.common.api.meta import Template
from libs.common.api.policy import PropagationPolicy
from libs.common.api.work import ObjectReference, ResourceBinding
from libs.common.bus import cloudevents
from libs.common.bus.errors import BusError
from libs.common.kube.errors import KubeError
from libs.common.kube.events import Recorder
from libs.common.messages import Placed, TemplateRef
from libs.common.names import OriginKey
from services.policy import metrics

log = structlog.get_logger(__name__)

SOURCE = "/argosy/policy"
_BACKLOG = 10_000


class _Event(msgspec.Struct, frozen=True, kw_only=True):
    subject: str
    type: str
    id: str
    data: Any
    about: str
    traceparent: str = ""


class _Warning(msgspec.Struct, frozen=True, kw_only=True):
    regarding: ObjectReference
    reason: str
    message: str


class Notices:
    """Says things without holding anybody up; when too much is to be said, the newest is dropped and counted."""

    def __init__(self, nats: bus.Bus, recorder: Recorder) -> None:
        self._nats = nats
        self._recorder = recorder
        self._waiting: asyncio.Queue[_Event | _Warning] = asyncio.Queue(_BACKLOG)
        self._overrides_failed: dict[OriginKey, dict[str, str]] = {}

    async def run(self) -> None:
        """Says what is to be said, until cancelled."""
        while True:
            notice = await self._waiting.get()
            try:
                await self._say(notice)
            except (BusError, KubeError) as error:
                log.debug("notice lost", error=str(error))
                metrics.NOTICES_LOST.inc()

    def scheduled(self, key: OriginKey, binding: ResourceBinding, answer: Placed, traceparent: str) -> None:
        """A decision is durable, or could not be made."""
        failed = answer.failure is not None
        self._put(
            _Event(
                subject=self._nats.subjects.event_binding(key),
                type=cloudevents.BINDING_UNSCHEDULABLE if failed else cloudevents.BINDING_SCHEDULED,
                id=f"{answer.order.epoch}.{answer.order.seq}/{binding.metadata.uid}",
                data=answer,
                about=_path(key),
                traceparent=traceparent,
            )
        )
        if failed:
            for regarding in (_binding(binding), binding.spec.resource):
                self._put(_Warning(regarding=regarding, reason="ScheduleBindingFailed", message=answer.message))

    def deleted(self, key: OriginKey, binding: ResourceBinding) -> None:
        """No member has anything of a binding any more."""
        self._put(
            _Event(
                subject=self._nats.subjects.event_binding(key),
                type=cloudevents.BINDING_DELETED,
                id=f"deleted/{binding.metadata.uid}",
                data={"uid": binding.metadata.uid},
                about=_path(key),
            )
        )

    def cluster(self, type_: str, name: str, uid: str) -> None:
        """A cluster joined or left; `type_` is one of the types in `cloudevents`."""
        self._put(
            _Event(
                subject=self._nats.subjects.event_cluster(name),
                type=type_,
                id=f"{type_}/{uid}",
                data={"name": name, "uid": uid},
                about=name,
            )
        )

    def given_up(self, name: str, uid: str, owner: str) -> None:
        """A cluster left without the word of its member, in which there may be anything yet."""
        message = (
            f"the member did not answer, so it was given up: objects with the label {wellknown.OWNER_LABEL}={owner} "
            "may still be there, and nobody looks after them"
        )
        regarding = ObjectReference(api_version=wellknown.CLUSTER_API, kind=wellknown.CLUSTER, name=name, uid=uid)
        self._put(_Warning(regarding=regarding, reason="MemberGivenUp", message=message))

    def override_failed(self, key: OriginKey, template: TemplateRef, cluster: str, message: str) -> None:
        """An override does not fit an object; said once per cluster and message."""
        said = self._overrides_failed.setdefault(key, {})
        if said.get(cluster) != message:
            said[cluster] = message
            self.warn(template, "ApplyOverridePolicyFailed", f"cluster {cluster}: {message}")

    def forget(self, key: OriginKey) -> None:
        """Nothing is left of an origin: what was said of it may be said again."""
        self._overrides_failed.pop(key, None)

    def renamed(self, template: TemplateRef, key: OriginKey) -> None:
        """A binding could not have its usual name."""
        message = f"the usual name of its binding is taken or too long, so it is called {key.name}"
        self.warn(template, "BindingRenamed", message)

    def unreadable(self, body: Template, message: str) -> None:
        """A template that cannot be interpreted."""
        metadata = body["metadata"]
        regarding = ObjectReference(
            api_version=body["apiVersion"],
            kind=body["kind"],
            namespace=metadata.get("namespace", ""),
            name=metadata["name"],
            uid=metadata["uid"],
        )
        self._put(_Warning(regarding=regarding, reason="ApplyPolicyFailed", message=message))

    def unreadable_kind(self, policy: PropagationPolicy, kind: tuple[str, str], failure: str) -> None:
        """Nothing of a kind, given as (group, kind), that a policy selects can be propagated."""
        metadata = policy.metadata
        regarding = ObjectReference(
            api_version=wellknown.POLICY_API,
            kind=wellknown.PROPAGATION_POLICY if metadata.namespace else wellknown.CLUSTER_PROPAGATION_POLICY,
            namespace=metadata.namespace,
            name=metadata.name,
            uid=metadata.uid,
        )
        message = f"{'.'.join(filter(None, reversed(kind)))} cannot be read from the hub: {failure or 'no answer'}"
        self._put(_Warning(regarding=regarding, reason="ApplyPolicyFailed", message=message))

    def warn(self, template: TemplateRef, reason: str, message: str) -> None:
        """Something about a template that its owner should see."""
        regarding = ObjectReference(
            api_version=template.api_version,
            kind=template.kind,
            namespace=template.namespace,
            name=template.name,
            uid=template.uid,
        )
        self._put(_Warning(regarding=regarding, reason=reason, message=message))

    def _put(self, notice: _Event | _Warning) -> None:
        try:
            self._waiting.put_nowait(notice)
        except asyncio.QueueFull:
            metrics.NOTICES_LOST.inc()

    async def _say(self, notice: _Event | _Warning) -> None:
        if isinstance(notice, _Warning):
            await self._recorder.record(notice.regarding, "Warning", notice.reason, notice.message)
            return
        await self._nats.event(
            notice.subject,
            type=notice.type,
            source=SOURCE,
            id=notice.id,
            data=notice.data,
            subject_attr=notice.about,
            traceparent=notice.traceparent,
        )


def _binding(binding: ResourceBinding) -> ObjectReference:
    metadata = binding.metadata
    return ObjectReference(
        api_version=wellknown.WORK_API,
        kind=wellknown.RESOURCE_BINDING if metadata.namespace else wellknown.CLUSTER_RESOURCE_BINDING,
        namespace=metadata.namespace,
        name=metadata.name,
        uid=metadata.uid,
    )


def _path(key: OriginKey) -> str:
    return f"{key.namespace}/{key.name}" if key.namespace else key.name

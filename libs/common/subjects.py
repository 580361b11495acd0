"""The subjects of the bus, built and parsed here and nowhere else.

A token is a Kubernetes name encoded by `names.encode_token`; `_` stands for the namespace of cluster-scoped objects.
"""

from typing import NamedTuple

import msgspec

from libs.common.names import OriginKey, decode_token, encode_token

BINDINGS, PLACEMENTS, WORKS, STATUS, EVENTS, INBOX, DEAD = (
    "BINDINGS",
    "PLACEMENTS",
    "WORKS",
    "STATUS",
    "EVENTS",
    "INBOX",
    "DEAD",
)


class StateSubject(NamedTuple):
    """What a subject about one origin in one cluster names, e.g. `work.<cluster>.<ns>.<binding>`."""

    cluster: str
    key: OriginKey


class Subjects(msgspec.Struct, frozen=True):
    """Builds and parses subjects under one prefix (`argosy` unless set otherwise)."""

    prefix: str = "argosy"

    def binding_request(self, key: OriginKey) -> str:
        return f"{self.prefix}.binding.request.{_origin(key)}"

    def binding_placed(self, key: OriginKey) -> str:
        return f"{self.prefix}.binding.placed.{_origin(key)}"

    def work(self, cluster: str, key: OriginKey) -> str:
        return f"{self.prefix}.work.{encode_token(cluster)}.{_origin(key)}"

    def works_of(self, cluster: str) -> str:
        """The filter of one agent's consumer."""
        return f"{self.prefix}.work.{encode_token(cluster)}.>"

    def status(self, cluster: str, key: OriginKey) -> str:
        return f"{self.prefix}.status.{encode_token(cluster)}.{_origin(key)}"

    def gone(self, cluster: str, key: OriginKey) -> str:
        return f"{self.prefix}.gone.{encode_token(cluster)}.{_origin(key)}"

    def works_on(self, key: OriginKey) -> str:
        """A filter: the works of one origin in all clusters."""
        return f"{self.prefix}.work.*.{_origin(key)}"

    def reports_on(self, key: OriginKey) -> str:
        """A filter: what agents of all clusters say of one origin, status and gone."""
        return f"{self.prefix}.*.*.{_origin(key)}"

    def capacity(self, cluster: str) -> str:
        return f"{self.prefix}.capacity.{encode_token(cluster)}"

    def outcome(self, key: OriginKey) -> str:
        return f"{self.prefix}.outcome.{_origin(key)}"

    def beat(self, cluster: str) -> str:
        return f"{self.prefix}.beat.{encode_token(cluster)}"

    def call(self, cluster: str, name: str) -> str:
        """Request and reply with the agent of `cluster`: `inventory`, logs, exec..."""
        return f"{self.prefix}.call.{encode_token(cluster)}.{name}"

    def event_policy(self, namespace: str, name: str) -> str:
        return f"{self.prefix}.event.policy.{_origin(OriginKey(namespace, name))}"

    def event_binding(self, key: OriginKey) -> str:
        return f"{self.prefix}.event.binding.{_origin(key)}"

    def event_cluster(self, cluster: str) -> str:
        return f"{self.prefix}.event.cluster.{encode_token(cluster)}"

    def publish_policy(self, namespace: str, name: str) -> str:
        return f"{self.prefix}.publish.policy.{_origin(OriginKey(namespace, name))}"

    def dead(self, subject: str) -> str:
        """Where a message that nobody can decode is kept aside."""
        return f"{self.prefix}.dead.{subject.removeprefix(self.prefix + '.')}"

    def all(self, *tokens: str) -> str:
        """A filter: the given tokens under the prefix and everything below, e.g. `all("status")`."""
        return ".".join((self.prefix, *tokens, ">"))

    def kind(self, subject: str) -> str:
        """The first token after the prefix: `work`, `status`, `gone`, `outcome`..."""
        return self._tokens(subject)[0]

    def state(self, subject: str) -> StateSubject:
        """Parses `work|status|gone.<cluster>.<ns>.<name>`. Raises ValueError for anything else."""
        _, cluster, namespace, name = self._exactly(subject, 4)
        return StateSubject(decode_token(cluster), OriginKey(decode_token(namespace), decode_token(name)))

    def origin(self, subject: str) -> OriginKey:
        """Parses any subject that ends in `<ns>.<name>`. Raises ValueError for anything else."""
        tokens = self._tokens(subject)
        if len(tokens) < 3:
            raise ValueError(f"subject {subject!r} does not end in <namespace>.<name>")
        return OriginKey(decode_token(tokens[-2]), decode_token(tokens[-1]))

    def cluster(self, subject: str) -> str:
        """Parses the cluster of `capacity|beat.<cluster>`. Raises ValueError for anything else."""
        _, cluster = self._exactly(subject, 2)
        return decode_token(cluster)

    def _exactly(self, subject: str, count: int) -> list[str]:
        tokens = self._tokens(subject)
        if len(tokens) != count:
            raise ValueError(f"subject {subject!r} has {len(tokens)} tokens after the prefix, expected {count}")
        return tokens

    def _tokens(self, subject: str) -> list[str]:
        head = self.prefix + "."
        if not subject.startswith(head):
            raise ValueError(f"subject {subject!r} does not begin with {head!r}")
        return subject[len(head) :].split(".")


def _origin(key: OriginKey) -> str:
    return f"{encode_token(key.namespace)}.{encode_token(key.name)}"

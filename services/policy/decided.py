"""What is remembered of decisions between two looks at an origin. After a restart it is asked or learnt anew."""

import math

from libs.common.names import OriginKey
from services.policy.core.template import Template


class Decided:
    def __init__(self) -> None:
        self._fingerprints: dict[OriginKey, tuple[float, tuple[str, ...]]] = {}
        self._digests: dict[OriginKey, tuple[str, str]] = {}

    def at(self, key: OriginKey, *fingerprints: str, until: float = math.inf) -> None:
        """A decision was made from clusters that looked like this; it is good until then, by the loop's clock."""
        self._fingerprints[key] = (until, fingerprints)

    def since(self, key: OriginKey, fingerprint: str, now: float) -> bool:
        """Whether the last decision is still good, and was made from clusters that look as they do now."""
        until, fingerprints = self._fingerprints.get(key, (0.0, ()))
        return now < until and fingerprint in fingerprints

    def first_digest(self, key: OriginKey, template: Template) -> str:
        """How a template looked when it was first seen."""
        uid = template.metadata.uid
        if self._digests.get(key, ("", ""))[0] != uid:
            self._digests[key] = (uid, template.digest)
        return self._digests[key][1]

    def forget(self, key: OriginKey) -> None:
        self._fingerprints.pop(key, None)
        self._digests.pop(key, None)

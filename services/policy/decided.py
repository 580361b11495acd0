"""What is remembered of decisions between two looks at an origin. After a restart it is asked or learnt anew."""

import math
from datetime import timedelta
from typing import Final

from libs.common.names import OriginKey
from services.policy.core.template import Template

_PAUSE: Final = timedelta(milliseconds=200)
_LONGEST: Final = timedelta(seconds=30)
"""Before the scheduler is asked again that did not know yet which clusters are left; the pauses double."""


class Decided:
    def __init__(self) -> None:
        self._too_early: dict[OriginKey, int] = {}
        self._fingerprints: dict[OriginKey, tuple[float, tuple[str, ...]]] = {}
        self._digests: dict[OriginKey, tuple[str, str]] = {}

    def at(self, key: OriginKey, *fingerprints: str, until: float = math.inf) -> None:
        """A decision was made from clusters that looked like this; it is good until then, by the loop's clock."""
        self._fingerprints[key] = (until, fingerprints)
        self._too_early.pop(key, None)

    def for_now(self, key: OriginKey, *fingerprints: str, now: float) -> None:
        """The same by who did not know all of these clusters yet: good for a while, which grows with each time."""
        self._fingerprints[key] = (now + self.too_early(key).total_seconds(), fingerprints)

    def again(self, key: OriginKey, now: float) -> timedelta | None:
        """After which time it must be asked again though nothing changes; None if never, or at once."""
        until, _ = self._fingerprints.get(key, (math.inf, ()))
        return timedelta(seconds=until - now) if now < until < math.inf else None

    def too_early(self, key: OriginKey) -> timedelta:
        """An answer was made from clusters as they are no more: how long to wait before asking again."""
        times = self._too_early[key] = self._too_early.get(key, 0) + 1
        return min(_PAUSE * (1 << min(times - 1, 16)), _LONGEST)

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
        self._too_early.pop(key, None)
        self._digests.pop(key, None)

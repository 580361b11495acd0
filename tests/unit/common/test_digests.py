"""Set digests do not depend on the way to the set."""

from hypothesis import given
from hypothesis import strategies as st

from libs.common import digests
from libs.common.digests import SetDigest
from libs.common.names import OriginKey

KEYS = [OriginKey("a", "x"), OriginKey("a", "y"), OriginKey("", "z")]
STEP = st.tuples(st.sampled_from(KEYS), st.none() | st.sampled_from("pqr"))


@given(st.lists(STEP, max_size=30))
def test_only_what_is_in_it_counts(steps: list[tuple[OriginKey, str | None]]) -> None:
    walked, last = SetDigest(), dict[OriginKey, str]()
    for key, digest in steps:
        if digest is None:
            walked.drop(key)
            last.pop(key, None)
        else:
            walked.put(key, digests.entry(key, "origin", "template", digest))
            last[key] = digest
    direct = SetDigest()
    for key, digest in sorted(last.items(), reverse=True):
        direct.put(key, digests.entry(key, "origin", "template", digest))
    assert (walked.text(), len(walked)) == (direct.text(), len(last))


def test_each_part_of_an_entry_counts() -> None:
    key = KEYS[0]
    entries = [("o", "t", "d"), ("o2", "t", "d"), ("o", "t2", "d"), ("o", "t", "d2")]
    assert len({digests.entry(key, *parts) for parts in entries}) == 4
    assert digests.entry(KEYS[1], "o", "t", "d") != digests.entry(key, "o", "t", "d")

"""Image references, as far as defaults need them."""


def pull_policy(image: str) -> str:
    """`Always` for the tag `latest` and for no tag at all, `IfNotPresent` for others and for digests."""
    if "@" in image:
        return "IfNotPresent"
    _, separator, tag = image.rpartition("/")[2].partition(":")
    return "IfNotPresent" if separator and tag != "latest" else "Always"

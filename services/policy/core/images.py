"""Image references `[registry/]repository[:tag][@digest]`, taken apart and changed as Karmada does.

Grammar: the Docker (distribution) reference grammar. What counts as registry is narrower there: a first segment with a
dot or colon in it, or `localhost`.
"""

import re
from typing import NamedTuple

_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_HOST = rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_TAG_TEXT = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
_DIGEST_TEXT = r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9A-Fa-f]{32,}"
_REFERENCE = re.compile(
    rf"(?:{_HOST}/)?(?P<path>{_COMPONENT}(?:/{_COMPONENT})*)(?::(?P<tag>{_TAG_TEXT}))?(?:@(?P<digest>{_DIGEST_TEXT}))?"
)
_TAG = re.compile(_TAG_TEXT)
_DIGEST = re.compile(_DIGEST_TEXT)
_STRICT_DIGEST = re.compile(r"sha256:[a-f0-9]{64}|sha384:[a-f0-9]{96}|sha512:[a-f0-9]{128}")
_MAX_PATH = 255


class ImageError(ValueError):
    """The text is no image reference."""


class Image(NamedTuple):
    """The parts. With a tag the digest is dropped, as Karmada does."""

    registry: str
    repository: str
    tag: str = ""
    digest: str = ""

    def __str__(self) -> str:
        name = f"{self.registry}/{self.repository}" if self.registry else self.repository
        if self.tag:
            return f"{name}:{self.tag}"
        return f"{name}@{self.digest}" if self.digest else name


def parse(text: str) -> Image:
    """Takes a reference apart. Raises ImageError."""
    match = _REFERENCE.fullmatch(text)
    if match is None or len(match["path"]) > _MAX_PATH:
        raise ImageError(f"{text!r} is no image reference")
    tag, digest = match["tag"] or "", match["digest"] or ""
    if digest and not _STRICT_DIGEST.fullmatch(digest):
        raise ImageError(f"{text!r} has the digest {digest!r} of no known algorithm and length")
    end = match.start("tag") - 1 if tag else match.start("digest") - 1 if digest else len(text)
    name = text[:end]
    registry, slash, repository = name.partition("/")
    if not slash or not (set(".:") & set(registry) or registry == "localhost"):
        registry, repository = "", name
    return Image(registry, repository, tag, "" if tag else digest)


def override(text: str, component: str, operator: str, value: str) -> str:
    """The reference with one component (`Registry`, `Repository`, `Tag`) added to, replaced or removed."""
    image = parse(text)
    match component:
        case "Registry":
            image = image._replace(registry=_changed(image.registry, operator, value))
        case "Repository":
            image = image._replace(repository=_changed(image.repository, operator, value))
        case "Tag" if operator == "remove":
            image = image._replace(tag="") if image.tag else image._replace(digest="")
        case "Tag":
            image = _tagged(image, (image.tag or image.digest) + value if operator == "add" else value)
    return str(image)


def _changed(old: str, operator: str, value: str) -> str:
    return {"add": old + value, "replace": value, "remove": ""}[operator]


def _tagged(image: Image, text: str) -> Image:
    """With this tag or digest; what is neither changes nothing."""
    if _TAG.fullmatch(text):
        return image._replace(tag=text, digest="")
    if _DIGEST.fullmatch(text):
        return image._replace(tag="", digest=text)
    return image

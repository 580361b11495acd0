"""What an API server answers, as exceptions.

    KubeError
    ├── Unreachable            no answer: refused, reset, TLS, proxy, timeout. A write may have happened all the same.
    │   └── Interrupted        a connection that stood before broke: another one may do
    ├── Garbled                the answer is not what an API server says
    ├── CredentialsError       the kubeconfig or Secret cannot be used; the message says which field
    └── ApiError               the server said no: `status`, `reason`, `message`, `details`
        ├── BadRequest         400
        ├── Unauthorized       401
        ├── Forbidden          403
        ├── NotFound           404; `of_kind` tells a missing kind from a missing object
        ├── AlreadyExists      409, reason AlreadyExists
        ├── Conflict           409: stale resourceVersion, failed precondition, fields of another apply manager
        ├── Expired            410: the resourceVersion or continue token is too old
        ├── TooLarge           413
        ├── UnsupportedMedia   415
        ├── Invalid            422: `details.causes` name the fields
        ├── TooManyRequests    429; `retry_after` in seconds
        └── ServerFault        5xx

Reference: k8s.io/apimachinery meta/v1 Status; the reasons are those of `StatusReason`.
"""

from typing import ClassVar

import msgspec

from libs.common.errors import Ordinary


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong, usually with one field."""

    reason: str = ""
    message: str = ""
    field: str = ""


class Details(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What the refusal is about. `kind` is often the plural of the resource."""

    name: str = ""
    group: str = ""
    kind: str = ""
    uid: str = ""
    causes: list[Cause] | None = None
    retry_after_seconds: int = 0


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """`meta/v1 Status`: the body of a refusal, and the object of a watch's ERROR event."""

    message: str = ""
    reason: str = ""
    details: Details | None = None
    code: int = 0


class KubeError(Exception):
    """Anything that goes wrong between us and an API server."""


class Unreachable(KubeError, Ordinary):
    """No answer came. Reads may be repeated; whether a write took place is not known."""


class Interrupted(Unreachable):
    """A connection that stood broke, perhaps before the server read anything: the usual end of a kept-alive one."""


class Garbled(KubeError):
    """What came is not what an API server says: no JSON, or another shape."""


class CredentialsError(KubeError):
    """The credentials cannot be used as they are."""


class ApiError(KubeError):
    """The server answered and refused.

    `status` is the HTTP code, `reason` the machine-readable word of the server ("" if it gave none), `message` its own
    text for people, `details` what it is about, `retry_after` the pause in seconds that it asks for, if any.
    """

    def __init__(
        self, status: int, reason: str, message: str, details: Details = Details(), retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message
        self.details = details
        self.retry_after = retry_after

    def __str__(self) -> str:
        return self.message or f"HTTP {self.status} {self.reason}".rstrip()


class BadRequest(ApiError): ...


class Unauthorized(ApiError): ...


class Forbidden(ApiError): ...


class NotFound(ApiError):
    """Neither the object nor, perhaps, its kind is there."""

    @property
    def of_kind(self) -> bool:
        """Whether the server does not serve the kind (or path) at all, rather than lacking one object."""
        return not self.details.name


class AlreadyExists(ApiError, Ordinary): ...


class Conflict(ApiError, Ordinary): ...


class Expired(ApiError): ...


class TooLarge(ApiError): ...


class UnsupportedMedia(ApiError): ...


class Invalid(ApiError): ...


class TooManyRequests(ApiError, Ordinary): ...


class ServerFault(ApiError, Ordinary):
    """5xx. `too_large_version` is set when the asked resourceVersion lies in the server's future."""

    _TOO_LARGE: ClassVar[str] = "ResourceVersionTooLarge"

    @property
    def too_large_version(self) -> bool:
        causes = self.details.causes or ()
        return any(c.reason == self._TOO_LARGE for c in causes) or "Too large resource version" in self.message


_BY_STATUS: dict[int, type[ApiError]] = {
    400: BadRequest,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: Expired,
    413: TooLarge,
    415: UnsupportedMedia,
    422: Invalid,
    429: TooManyRequests,
}
_STATUS = msgspec.json.Decoder(Status)
_SHOWN = 512


def from_response(status: int, body: bytes, retry_after: str | None = None) -> ApiError:
    """The error for an HTTP answer that is not a success. `retry_after` is the header's text, in seconds."""
    try:
        told = _STATUS.decode(body)
    except (msgspec.DecodeError, RecursionError):
        told = Status(message=body[:_SHOWN].decode("utf-8", "replace").strip(), code=status)
    return from_status(told, status, _seconds(retry_after))


def from_status(told: Status, status: int = 0, retry_after: float | None = None) -> ApiError:
    """The error for a Status, which came as a body or as the object of an ERROR event."""
    code = status or told.code or 500
    details = told.details or Details()
    if retry_after is None and details.retry_after_seconds:
        retry_after = float(details.retry_after_seconds)
    if code == 409 and told.reason == "AlreadyExists":
        kind: type[ApiError] = AlreadyExists
    elif told.reason in ("Expired", "Gone"):
        kind = Expired
    else:
        kind = _BY_STATUS.get(code, ServerFault if code >= 500 else ApiError)
    return kind(code, told.reason, told.message or f"HTTP {code}", details, retry_after)


def _seconds(text: str | None) -> float | None:
    return float(text) if text and text.isdecimal() else None

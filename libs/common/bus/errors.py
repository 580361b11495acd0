"""What can go wrong on the bus.

BusError
├── Overtaken     somebody else wrote the subject first: read it again and decide again
├── Unavailable   no server, no stream or no answer in time; a message that was sent may still be stored later
├── TooLarge      the message can never pass
└── Closed        the connection is gone for good; the process should end and be started again
"""

from libs.common.errors import Ordinary


class BusError(Exception):
    """Any error of the bus."""


class Overtaken(BusError, Ordinary):
    """The last sequence of the subject is not the expected one."""


class Unavailable(BusError, Ordinary):
    """The bus did not confirm. What was sent may still be stored later, so a retry must carry a higher order."""


class TooLarge(BusError):
    """The message with its headers is larger than the server takes."""


class Closed(BusError):
    """The server ended the connection and will not have it back (credentials refused, protocol violated)."""

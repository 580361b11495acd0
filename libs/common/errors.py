"""What a handler of work may raise to say whether trying again can help.

Exception
├── Terminal     it cannot: the input itself is wrong; the message is for people
└── Retry        it can, after `after` or after the usual back-off
(anything else)  not foreseen: logged with its traceback, tried again with back-off
"""

from datetime import timedelta


class Terminal(Exception):
    """Trying again cannot help until the input changes. The message says what was seen and what was expected."""


class Retry(Exception):
    """Something that is needed is not there yet: try again.

    `after` is the pause; None leaves it to the back-off.
    """

    def __init__(self, message: str = "", *, after: timedelta | None = None) -> None:
        super().__init__(message)
        self.after = after

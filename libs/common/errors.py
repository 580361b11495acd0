"""What a handler of work may raise to say whether trying again can help.

Exception
├── Terminal     it cannot: the input itself is wrong; the message is for people
└── Ordinary     it can: what happens in the life of many writers, and of servers that are away for a moment
    └── Retry    the same, after `after` or after the usual back-off
(anything else)  not foreseen: logged with its traceback, tried again with back-off
"""

from datetime import timedelta


class Terminal(Exception):
    """Trying again cannot help until the input changes. The message says what was seen and what was expected."""


class Ordinary(Exception):
    """Nothing to speak of the first time, worth a line when it goes on, never worth a traceback.

    The errors of API servers and of the bus that are meant so derive from it.
    """


class Retry(Ordinary):
    """Something that is needed is not there yet: try again.

    `after` is the pause; None leaves it to the back-off.
    """

    def __init__(self, message: str = "", *, after: timedelta | None = None) -> None:
        super().__init__(message)
        self.after = after

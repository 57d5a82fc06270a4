"""What is wrong with what a peer, a file or a person gave us, where, and what to do about it."""


class EebusError(Exception):
    """position: where in the input (`$` is the message, `$.datagram.header` an element, `byte 12`). reason: what is wrong there.
    cure: what the sender, or the one who reads the log, can do."""

    def __init__(self, position: str, reason: str, cure: str) -> None:
        super().__init__(f"{position}: {reason}; {cure}")
        self.position = position
        self.reason = reason
        self.cure = cure


class JsonError(EebusError):
    """Text that is no EEBUS JSON, or values that cannot be written as such."""

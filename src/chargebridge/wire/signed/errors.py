"""What cannot be read."""


class SignedFormatError(Exception):
    """position: the field, or the byte, where it is. reason: what is wrong there. cure: what to do."""

    def __init__(
        self, position: str, reason: str, cure: str = "ask the operator of the station for the record as the meter made it"
    ) -> None:
        super().__init__(f"{position}: {reason}; {cure}")
        self.position = position
        self.reason = reason
        self.cure = cure

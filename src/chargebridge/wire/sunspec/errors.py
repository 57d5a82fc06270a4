"""What is wrong with registers, where, and what to do about it."""


class SunSpecError(Exception):
    """position: the Modbus address of the register (counted from 0). where: in words, such as "model 701 point W"."""

    def __init__(self, position: int, where: str, reason: str, cure: str) -> None:
        super().__init__(f"{where} (register {position}): {reason}; {cure}")
        self.position = position
        self.where = where
        self.reason = reason
        self.cure = cure

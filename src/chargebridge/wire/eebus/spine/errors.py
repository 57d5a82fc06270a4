"""What SPINE calls an error (SPINE 1.3.0 protocol specification, result data), and the exception that carries one."""

from enum import IntEnum

from chargebridge.wire.eebus.errors import EebusError


class ErrorNumber(IntEnum):
    """The error numbers of ``resultData``."""

    NONE = 0
    GENERAL = 1
    TIMEOUT = 2
    OVERLOAD = 3
    DESTINATION_UNKNOWN = 4
    DESTINATION_UNREACHABLE = 5
    COMMAND_NOT_SUPPORTED = 6
    COMMAND_REJECTED = 7
    RESTRICTED_EXCHANGE_NOT_SUPPORTED = 8
    BINDING_NECESSARY = 9


class SpineError(EebusError):
    """A datagram, or what it asks for, that cannot be served. number: what a result would say."""

    def __init__(self, position: str, reason: str, cure: str, number: ErrorNumber = ErrorNumber.COMMAND_REJECTED) -> None:
        super().__init__(position, reason, cure)
        self.number = number

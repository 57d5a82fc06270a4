"""What can be wrong with an OCPP frame, and how each version of OCPP spells it (1.6J 4.2.3, 2.0.1 part 4 table 7)."""

from enum import StrEnum


class ErrorCode(StrEnum):
    """The error codes of a CALLERROR, by their OCPP 2.0.1 names."""

    FORMAT_VIOLATION = "FormatViolation"
    GENERIC_ERROR = "GenericError"
    INTERNAL_ERROR = "InternalError"
    MESSAGE_TYPE_NOT_SUPPORTED = "MessageTypeNotSupported"
    NOT_IMPLEMENTED = "NotImplemented"  # the action is not known
    NOT_SUPPORTED = "NotSupported"  # the action is known, but not served
    OCCURRENCE_CONSTRAINT_VIOLATION = "OccurrenceConstraintViolation"
    PROPERTY_CONSTRAINT_VIOLATION = "PropertyConstraintViolation"
    PROTOCOL_ERROR = "ProtocolError"
    RPC_FRAMEWORK_ERROR = "RpcFrameworkError"
    SECURITY_ERROR = "SecurityError"
    TYPE_CONSTRAINT_VIOLATION = "TypeConstraintViolation"


# OCPP 1.6J misspells two codes, and stations compare them by letter; it has no words for the two that came later.
SPELLING_16 = {
    ErrorCode.FORMAT_VIOLATION: "FormationViolation",
    ErrorCode.OCCURRENCE_CONSTRAINT_VIOLATION: "OccurenceConstraintViolation",
    ErrorCode.MESSAGE_TYPE_NOT_SUPPORTED: "GenericError",
    ErrorCode.RPC_FRAMEWORK_ERROR: "FormationViolation",
}


class OcppError(Exception):
    """A frame that cannot be used.

    code: what a CALLERROR would say. position: where in the frame (`$` is the frame, `$[3].connectorId` a field).
    reason: what is wrong there. cure: what the sender, or the one who reads the log, can do.
    """

    def __init__(self, code: ErrorCode, position: str, reason: str, cure: str) -> None:
        super().__init__(f"{code.value} at {position}: {reason}; {cure}")
        self.code = code
        self.position = position
        self.reason = reason
        self.cure = cure


class FrameError(OcppError):
    """The JSON envelope is wrong. message_id, message_type: as far as they could be read, else None."""

    def __init__(
        self,
        code: ErrorCode,
        position: str,
        reason: str,
        cure: str,
        message_id: str | None = None,
        message_type: int | None = None,
    ) -> None:
        super().__init__(code, position, reason, cure)
        self.message_id = message_id
        self.message_type = message_type


class PayloadError(OcppError):
    """The envelope is right, what it carries is not."""

"""One key at one charging point."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from chargebridge.calibration.registry.events import Cause
from chargebridge.wire.signed.keys import PublicKey


class KeyState(StrEnum):
    """PENDING: handed in, in no published tree head yet; nobody may charge by it. ACTIVE: public. SUPERSEDED: another took its place.
    DEACTIVATED: ended."""

    PENDING = "pending"
    ACTIVE = "active"
    SUPERSEDED = "superseded"
    DEACTIVATED = "deactivated"


class KeyEntry(Struct, frozen=True, kw_only=True):
    """evse: EVSE-ID. meter: serial. valid_from, valid_to: aware UTC; None: always, still. index: of its registration in the log.

    offered_to, offered_until: an operator that may take it over, and for how long.
    """

    evse: str
    key: PublicKey
    meter: str = ""
    state: KeyState = KeyState.ACTIVE
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    id: str = ""
    cpo: str = ""
    format: str = ""
    station: str = ""
    gateway: str = ""
    cause: Cause = Cause.COMMISSIONING
    ended_by: Cause | None = None
    predecessor: str | None = None
    index: int = 0
    offered_to: str = ""
    offered_until: datetime | None = None

    def holds_at(self, at: datetime) -> bool:
        """Whether a session that began then is judged by it. What ended later than that still counts for it."""
        if self.state is KeyState.PENDING or (self.valid_from is not None and at < self.valid_from):
            return False
        if self.valid_to is not None:
            return at < self.valid_to
        return self.state is KeyState.ACTIVE

"""What a public-key registry says of a meter's key at a charging point, as far as values are judged by it."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from chargebridge.wire.signed.keys import PublicKey


class KeyState(StrEnum):
    """PENDING: handed in, not yet public; nobody may charge by it. ACTIVE: published. SUPERSEDED: another one took its place. DEACTIVATED: ended."""

    PENDING = "pending"
    ACTIVE = "active"
    SUPERSEDED = "superseded"
    DEACTIVATED = "deactivated"


class KeyEntry(Struct, frozen=True, kw_only=True):
    """evse: EVSE-ID. meter: serial. valid_from, valid_to: aware UTC; None: always, still."""

    evse: str
    key: PublicKey
    meter: str = ""
    state: KeyState = KeyState.ACTIVE
    valid_from: datetime | None = None
    valid_to: datetime | None = None

    def holds_at(self, at: datetime) -> bool:
        """Whether a session that began then is judged by it. What ended later than that still counts for it."""
        if self.state is KeyState.PENDING or (self.valid_from is not None and at < self.valid_from):
            return False
        if self.valid_to is not None:
            return at < self.valid_to
        return self.state is KeyState.ACTIVE

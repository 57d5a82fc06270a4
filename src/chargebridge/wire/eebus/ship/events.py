"""What a SHIP connection tells its application."""

from enum import StrEnum

from msgspec import Struct

from chargebridge.wire.eebus.ship.errors import ShipError


class Cause(StrEnum):
    """Why a connection ended."""

    OUR_END = "we ended it"
    PEER_END = "the peer ended it"
    DENIED = "the peer does not trust us"
    REFUSED = "we do not trust the peer"
    TIMEOUT = "the peer was silent"
    ID_MISMATCH = "the SHIP ID is another than at pairing"
    PIN = "the peer asks for a PIN"
    PROTOCOL = "the peer broke the protocol"
    LOST = "the WebSocket broke"


class TrustWanted(Struct, frozen=True):
    """The peer is unknown and waits: call `trust` or `refuse`. Without either it is aborted when nobody can wait any longer."""


class PeerWaits(Struct, frozen=True):
    """We trust the peer, it does not trust us yet: the user is to confirm on the other device. waiting_s: for how long it says that it waits."""

    waiting_s: float | None


class Connected(Struct, frozen=True):
    """ship_id: what the peer calls itself, None if it did not say. Keep it, and give it to the next connection as `peer_id`."""

    ship_id: str | None


class Received(Struct, frozen=True):
    """payload: a SPINE datagram as EEBUS JSON."""

    payload: bytes


class Malformed(Struct, frozen=True):
    """A message of the peer's that could not be used. The connection goes on."""

    error: ShipError


class Closed(Struct, frozen=True):
    """The last event. code, text: close the WebSocket with these. reason: for people, with what to do."""

    cause: Cause
    code: int
    text: str
    reason: str


Event = TrustWanted | PeerWaits | Connected | Received | Malformed | Closed

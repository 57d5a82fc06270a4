"""SHIP: how two EEBUS nodes find, know and trust each other, and carry SPINE (SHIP 1.0.1). No sockets, no clock.

`messages` bytes <-> values, `states` the table of one connection and `connection` the machine that follows it, `dialling` who dials and which of two
connections stays, `identity` certificates and SKIs, `mdns` what nodes announce, `qr` and `pairing` how a metering operator pairs without a keyboard.
"""

from chargebridge.wire.eebus.ship.connection import Role, ShipConnection
from chargebridge.wire.eebus.ship.errors import CertificateError, RecordError, ShipError
from chargebridge.wire.eebus.ship.events import Cause, Closed, Connected, Event, Malformed, PeerWaits, Received, TrustWanted
from chargebridge.wire.eebus.ship.states import State

__all__ = [
    "Cause",
    "CertificateError",
    "Closed",
    "Connected",
    "Event",
    "Malformed",
    "PeerWaits",
    "Received",
    "RecordError",
    "Role",
    "ShipConnection",
    "ShipError",
    "State",
    "TrustWanted",
]

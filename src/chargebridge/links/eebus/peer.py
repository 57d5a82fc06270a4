"""What a SHIP node knows of another one: the vocabulary of hub, trust store, pages and commands."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct


class Phase(StrEnum):
    """Where we stand with a peer. SEEN: announced by mDNS. ASKING: it has connected and waits until we trust it. TRUSTED: not connected now.
    CONNECTING: dialled, TLS or SHIP handshake. WAITING: until somebody trusts us there. DENIED: it has refused us; we go on trying."""

    SEEN = "seen"
    ASKING = "asking"
    TRUSTED = "trusted"
    CONNECTING = "connecting"
    WAITING = "waiting"
    DENIED = "denied"
    CONNECTED = "connected"


class Origin(StrEnum):
    """Who said that a peer is to be trusted. WINDOW: it came while the pairing window was open."""

    CONFIGURATION = "configuration"
    USER = "user"
    WINDOW = "window"
    PAIRING_SERVICE = "pairing service"


class Address(Struct, frozen=True):
    host: str
    port: int
    path: str = "/ship/"


class Trouble(Struct, frozen=True):
    """Why it is not connected, and what to do."""

    at: datetime
    reason: str
    cure: str


class Trusted(Struct, frozen=True, kw_only=True):
    """One entry of the trust store. ski: 40 hexadecimal digits, None until it is learnt where only the fingerprint is known (pairing service).
    ship_id: what it called itself when it was paired; another one later ends the connection. static: where the configuration says it is."""

    ski: str | None
    origin: Origin
    since: datetime
    name: str = ""
    fingerprint: str | None = None
    ship_id: str | None = None
    certificate_pem: str | None = None
    address: Address | None = None
    static: Address | None = None
    last_connected: datetime | None = None


class Announced(Struct, frozen=True, kw_only=True):
    """What a peer says of itself by mDNS. register: it accepts pairing now."""

    ski: str
    ship_id: str
    addresses: tuple[Address, ...]
    register: bool = False
    brand: str = ""
    type: str = ""
    model: str = ""
    serial: str = ""
    categories: tuple[int, ...] = ()
    seen_at: datetime


class Peer(Struct, frozen=True, kw_only=True):
    """A peer as people see it. calls_itself: brand and name of its certificate, "" before it has shown one. Times: aware UTC."""

    ski: str
    phase: Phase
    trusted: Trusted | None = None
    announced: Announced | None = None
    incoming: bool | None = None
    remote: str | None = None
    connected_at: datetime | None = None
    last_heard: datetime | None = None
    trouble: Trouble | None = None
    certificate_not_after: datetime | None = None
    calls_itself: str = ""


class Refusal(Struct, frozen=True, kw_only=True):
    """A connection that did not come so far that it was known whose it is. at: the last one from this address; times: of all of them."""

    host: str
    at: datetime
    times: int
    reason: str
    cure: str = ""

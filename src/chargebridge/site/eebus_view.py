"""What pages, REST and commands see of EEBUS, and may ask of it: who we are, our peers, what the grid wants, the last datagrams."""

from datetime import datetime
from typing import Literal, Protocol

from msgspec import Struct

from chargebridge.links.eebus.peer import Origin, Phase, Refusal, Trouble


class EebusNode(Struct, frozen=True, kw_only=True):
    """Who we are to others. ski: 40 hexadecimal digits, fingerprint: 64. code: the text of our QR code, without a secret.

    port: where we listen, None while we do not. announced_on: the addresses on which mDNS tells of us; none: peers find us only by our address.
    pairing_service: there is a secret for SHIP's pairing service, which a control box that scans our code needs.
    """

    ski: str
    ship_id: str
    fingerprint: str
    brand: str
    model: str
    serial: str
    type: str
    not_after: datetime
    code: str
    port: int | None = None
    announced_on: tuple[str, ...] = ()
    pairing_service: bool = False


class PeerView(Struct, frozen=True, kw_only=True):
    """A peer as people see it. kind: what it is, such as "control box". said: where we stand, in words. advice: what a person does next, "" where
    there is nothing to do.

    asks: it has connected and waits for our yes or no. origin, since: who trusted it, and when; None: nobody. incoming: it has dialled us.
    serves: what it is in the configuration, as "station WB-1". uses: its use cases with the actor it is, as "LPC (EnergyGuard)".
    registers: it says by mDNS that it accepts pairing now.
    """

    ski: str
    name: str
    kind: str
    phase: Phase
    said: str
    advice: str
    asks: bool = False
    origin: Origin | None = None
    since: datetime | None = None
    brand: str = ""
    model: str = ""
    serial: str = ""
    ship_id: str = ""
    serves: str = ""
    uses: tuple[str, ...] = ()
    address: str = ""
    incoming: bool | None = None
    registers: bool = False
    connected_at: datetime | None = None
    last_connected: datetime | None = None
    last_heard: datetime | None = None
    trouble: Trouble | None = None
    certificate_not_after: datetime | None = None


class GridLimit(Struct, frozen=True, kw_only=True):
    """Our Controllable System for one use case. state: as LPC 1.0.0 names it ("init", "unlimited/controlled", "limited", "failsafe",
    "unlimited/autonomous"); since: when it began.

    said: that in a sentence. limit_w: what must be kept now, W, 0 or negative for production; None: nothing. until: when it ends by itself.
    guard: the SKI of the Energy Guard whose limit counts; heartbeat_at: when it was last heard; silent_after_s: without a heartbeat for so long it
    is gone. accepted, refused: writes since the start.
    """

    use_case: Literal["LPC", "LPP"]
    state: str
    said: str
    since: datetime
    limit_w: float | None
    until: datetime | None
    failsafe_w: float
    failsafe_s: float
    nominal_w: float
    guard: str | None
    guard_name: str
    heartbeat_at: datetime | None
    silent_after_s: float
    accepted: int = 0
    refused: int = 0


class LimitWrite(Struct, frozen=True, kw_only=True):
    """One write of an Energy Guard, and what became of it: the record that counts when somebody asks later.

    what: "limit", "failsafe limit" or "failsafe duration". active: of a limit. value_w, duration_s: None where the write does not say.
    said: all that in words. why: of a refusal. state: of our machine after it.

    Milliseconds from its arrival; None: not (yet) so. decided_ms: the site had decided by it. answered_ms: it was on disk, and the answer went out.
    told_ms: every station that it concerns had confirmed. kept_ms: what is measured was within it. unreached: charging points that could not be told.
    """

    at: datetime
    use_case: Literal["LPC", "LPP"]
    peer: str
    peer_name: str
    what: str
    active: bool | None
    value_w: float | None
    duration_s: float | None
    said: str
    accepted: bool
    why: str
    state: str
    decided_ms: float | None = None
    answered_ms: float | None = None
    told_ms: float | None = None
    kept_ms: float | None = None
    unreached: tuple[str, ...] = ()


class TracedMessage(Struct, frozen=True, kw_only=True):
    """One message between a peer and us. direction: "in" from the peer. classifier: of a SPINE datagram ("read", "write", ...), or "ship" for what
    SHIP itself says, or "note" for what happened to the connection. function: the SPINE function, or the SHIP message.

    source, destination: entity and feature, as "1.1:3". value: short, in words. result: "ok" or what is wrong, "" where it says nothing of that.
    raw: the message as it was on the wire.
    """

    number: int
    at: datetime
    peer: str
    peer_name: str
    direction: Literal["in", "out", ""]
    classifier: str
    function: str
    source: str
    destination: str
    value: str
    result: str
    raw: str


class EebusView(Struct, frozen=True, kw_only=True):
    """All of it at one moment. window_until: until then, whoever asks may be confirmed; None: the window is shut. limits: none without a grid side.
    writes: the last ones, the newest first. refusals: who came, but not so far that it was known who it is."""

    at: datetime
    node: EebusNode
    window_until: datetime | None
    peers: tuple[PeerView, ...]
    limits: tuple[GridLimit, ...]
    writes: tuple[LimitWrite, ...]
    refusals: tuple[Refusal, ...] = ()


class EebusCode(Struct, frozen=True):
    """The text of a QR code."""

    code: str


class EebusService(Protocol):
    """What faces may ask. Errors are ``ChargebridgeError`` with a cure."""

    def view(self) -> EebusView:
        """The present moment; cheap."""
        ...

    def trace(self, peer: str | None = None, after: int = 0, limit: int = 200) -> tuple[TracedMessage, ...]:
        """The last messages, the oldest first, of all peers or one; after: the number of the last one already known."""
        ...

    async def writes(self, limit: int = 100) -> tuple[LimitWrite, ...]:
        """What Energy Guards have written, over restarts too, the newest first."""
        ...

    def secret_code(self) -> str:
        """The text of our QR code with the secret of the pairing service: who has read it can pair. Raises ModelError where there is none."""
        ...

    async def pair(self, ski: str, by: str, *, name: str = "", host: str | None = None, port: int | None = None) -> None:
        """Trust a peer, and dial it where its address is known. Raises ModelError."""
        ...

    async def unpair(self, ski: str, by: str) -> None:
        """Trust it no longer, and tell it. Raises UnknownNameError."""
        ...

    async def refuse(self, ski: str, by: str) -> None:
        """Turn away one that asks. Raises UnknownNameError."""
        ...

    def open_window(self, duration_s: float, by: str) -> None:
        """For so long, say by mDNS that we accept pairing, and let whoever asks wait for an answer."""
        ...

    def close_window(self, by: str) -> None: ...

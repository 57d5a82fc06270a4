"""How a hub is set up: who the node is, where it listens, whom it knows from its configuration, and its bounds."""

from pathlib import Path

from msgspec import Struct

from chargebridge.links.eebus.peer import Address
from chargebridge.wire.eebus.json import MAX_BYTES

SUBPROTOCOL = "ship"
PATH = "/ship/"


class StaticPeer(Struct, frozen=True):
    """A peer that the configuration names: trusted from the start, and looked for at `address` first. ski: 40 digits in lower case."""

    ski: str
    address: Address | None = None
    name: str = ""


class Bounds(Struct, frozen=True, kw_only=True):
    """What one hub gives to its peers, and to strangers. Seconds are the event loop's: sockets do not run faster in a simulation.

    message_bytes: of one WebSocket message. queue_bytes: written and not yet taken by the peer; beyond, it is cut off.
    connect_s: for TCP. opening_s: for TLS and WebSocket together. stagger_s: between the attempts at a peer's several addresses.
    openings: connections that are not yet open, at once; openings_per_address: of those, and of strangers', from one address, where openings_per_s
    are accepted in the long run and openings_burst at once. strangers: peers that are not trusted, at once.
    ping_s: how often a peer is pinged; pong_s: how long it may be silent then. closing_s: for the farewell.
    hear_s: how long listeners may take before the answer is given up. frames_per_s, frames_burst: beyond, a peer is read more slowly.
    backoff_s: the longest wait between attempts at dialling a peer, after many in vain.
    """

    message_bytes: int = MAX_BYTES
    queue_bytes: int = 1024 * 1024
    connect_s: float = 5.0
    opening_s: float = 15.0
    stagger_s: float = 0.3
    openings: int = 64
    openings_per_address: int = 8
    openings_per_s: float = 5.0
    openings_burst: int = 20
    strangers: int = 32
    ping_s: float = 45.0
    pong_s: float = 10.0
    closing_s: float = 2.0
    hear_s: float = 5.0
    frames_per_s: float = 500.0
    frames_burst: int = 2000
    backoff_s: float = 60.0


class HubSettings(Struct, frozen=True, kw_only=True):
    """host, port: where to listen, the empty host for everywhere; port 0: any free one. ship_id: must not change once paired. type: as mDNS says it.
    interfaces: names or addresses of those on which mDNS tells of us and looks for others (`interfaces.EVERY`: all real ones); none: no mDNS.
    categories: of the installation requirements (`wire.eebus.ship.mdns.CATEGORIES`).
    dial_s: the least and the longest wait before the first, second and every later attempt; empty: SHIP's. trace_file: where the trace is written
    too, in two files of `trace_bytes` each."""

    ship_id: str
    host: str = "127.0.0.1"
    port: int = 0
    brand: str = ""
    model: str = ""
    serial: str = ""
    type: str = "EnergyManagementSystem"
    categories: tuple[int, ...] = ()
    interfaces: tuple[str, ...] = ()
    peers: tuple[StaticPeer, ...] = ()
    dial_s: tuple[tuple[float, float], ...] = ()
    bounds: Bounds = Bounds()
    trace_file: Path | None = None
    trace_bytes: int = 16 * 1024 * 1024

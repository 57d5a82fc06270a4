"""What the Central System is told about itself and about each of its stations."""

import ssl
from typing import Literal

from msgspec import Struct

from chargebridge.stations.ocpp.limits import DoorLimits
from chargebridge.wire.ocpp.frames import MAX_FRAME

MAX_IDENTITY = 48  # 2.0.1 part 4, 3.1


class EvseSettings(Struct, frozen=True, kw_only=True):
    """phases: that are wired, used when currents come without a phase. fallback_current_a: written into the station on each
    boot as what holds when it hears nothing; None leaves what it has. discharges: cars may give energy back here."""

    phases: int = 3
    discharges: bool = False
    fallback_current_a: float | None = None


class StationSettings(Struct, frozen=True, kw_only=True):
    """One station that may connect.

    security_profile: the one below which it is not let in (OCPP part 2, A00): 0 nothing, 1 password, 2 password and TLS, 3 client
    certificate. password_hash: by `store.passwords.hash_password`; needed with profiles 1 and 2. approved: it is not configured but was
    approved at run time; its credentials are in the `Vault`. evses: in order, the first is EVSE 1 (1.6: connector 1).
    fallback_setting: where this model keeps the current that it falls back to: a configuration key (1.6) or
    "Component.Variable" (2.0.1); None: it has no such setting, and the persistent default profile does the work.
    rate_unit: what its charging profiles are counted in; A unless the model only takes W.
    sample_interval_s: how often it is to send meter values while charging.
    local_list: whether the sink's tokens are written into it, so that they charge while it is offline.
    tolerance: the name of the profile of its make's deviations (`wire/ocpp/tolerance.toml`); None holds it to the schema.
    """

    identity: str
    password_hash: str | None = None
    security_profile: Literal[0, 1, 2, 3] = 1
    approved: bool = False
    evses: tuple[EvseSettings, ...] = (EvseSettings(),)
    fallback_setting: str | None = None
    rate_unit: Literal["A", "W"] = "A"
    sample_interval_s: int = 5
    local_list: bool = False
    tolerance: str | None = None


class ContractService(Struct, frozen=True, kw_only=True):
    """A contract certificate pool. url: without path; token: of ``Authorization: Bearer``. timeout_s: a car waits 5 s in all (2.x M01, remarks)."""

    url: str
    token: str | None = None
    timeout_s: float = 4.0


class ServerSettings(Struct, frozen=True, kw_only=True):
    """Where the Central System listens and how patient it is. Times in seconds.

    port 0 takes a free one. tls: a server context; None serves plain ws://, right behind a TLS proxy or on loopback only.
    plain_port: a second, plain listener on plain_host beside the one with TLS; None for none. behind_proxy: what comes without TLS of ours has
    come through a proxy that ended its TLS and gives the address in X-Forwarded-For. quarantine: what becomes of unknown stations
    once they are listed: "list" refuses them, "listen" hears their BootNotification and answers Pending.
    grace_s: how long after a connection without BootNotification calls of ours are held back.
    ping_s, ping_timeout_s: a socket whose pings go unanswered is closed. send_timeout_s: so is one that does not read.
    close_timeout_s: how long the other side may take to agree to a close before the line is simply cut.
    rate, burst: messages per second that one station may send for long, and at once (a replay after an outage).
    malformed_limit: unusable frames after which a connection is closed. contract_roots: PEM, whose ISO 15118 contracts may charge (C07);
    contract_lookup: whether it is asked that none of a contract's certificates is revoked; client_lookup: the same of stations' certificates
    that are not of our CA. vehicle_roots: PEM, by which answers about vehicles'
    certificates are proven (2.1 M07). revocation_hosts: who may be asked, see `fetching.Fetcher`. contract_service: where cars' contract certificates
    come from.
    """

    host: str = "127.0.0.1"
    port: int = 9000
    tls: ssl.SSLContext | None = None
    plain_host: str = "127.0.0.1"
    plain_port: int | None = None
    behind_proxy: bool = False
    quarantine: Literal["list", "listen"] = "list"
    limits: DoorLimits = DoorLimits()
    heartbeat_s: int = 60
    retry_boot_s: int = 30
    call_timeout_s: float = 20.0
    grace_s: float = 10.0
    ping_s: float = 20.0
    ping_timeout_s: float = 20.0
    close_timeout_s: float = 2.0
    send_timeout_s: float = 10.0
    handshake_timeout_s: float = 10.0
    max_frame: int = MAX_FRAME
    rate: float = 50.0
    burst: int = 1000
    malformed_limit: int = 100
    contract_roots: tuple[str, ...] = ()
    contract_lookup: bool = True
    client_lookup: bool = True
    vehicle_roots: tuple[str, ...] = ()
    revocation_hosts: tuple[str, ...] | None = None
    contract_service: ContractService | None = None

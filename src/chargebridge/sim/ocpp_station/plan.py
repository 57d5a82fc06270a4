"""What a virtual station is told about itself, and what it asks of the physics."""

from datetime import datetime
from typing import Literal, Protocol

from msgspec import Struct

from chargebridge.model.phases import PerPhase

Version = Literal["ocpp1.6", "ocpp2.0.1", "ocpp2.1"]


class Truth(Protocol):
    """What an EVSE's own meter sees, on its terminals L1..L3: A, V, W, the register in Wh; soc 0..1 of the car, if it tells."""

    @property
    def current_a(self) -> PerPhase: ...

    @property
    def voltage_v(self) -> PerPhase: ...

    @property
    def power_w(self) -> float: ...

    @property
    def energy_wh(self) -> float: ...

    @property
    def soc(self) -> float | None: ...


class VehicleSide(Protocol):
    """The physics behind the sockets. The station asks often; between two calls the last offer stands."""

    def draw(self, evse: int, offered_a: float, phases: int, now: datetime) -> PerPhase:
        """The pilot offers ``offered_a`` (0: off) on the first ``phases`` terminals; what flows there, A?

        A bidirectional EVSE also asks for current out of the car: then both are negative.
        """
        ...

    def measure(self, evse: int) -> Truth: ...


class EvsePlan(Struct, frozen=True, kw_only=True):
    """One EVSE: its wired phases and the most it can offer, A. bidirectional: it can also discharge a car."""

    phases: int = 3
    maximum_a: float = 32.0
    bidirectional: bool = False


class TlsPlan(Struct, frozen=True, kw_only=True):
    """PEM texts that the factory put in. trusted: roots that the Central System's certificate must lead to. certificate, key: its own."""

    trusted: str = ""
    certificate: str = ""
    key: str = ""


class SigningPlan(Struct, frozen=True, kw_only=True):
    """Meters that sign (OCMF). seed: their keys are made from it and from the station's identity; key: PEM of one for all of them instead.

    records: "one" for begin and end together, or "two". carried: how 1.6 carries them: "oca" (the application note's JSON), "benergised" (the JSON
    of that back end) or "plain" (the record itself). evse_ids: EVSE-IDs of the EVSEs, as they are to stand in the records. page: of the last record
    of a life before, as no page may come twice.
    """

    seed: str = ""
    key: str = ""
    records: Literal["one", "two"] = "one"
    carried: Literal["oca", "benergised", "plain"] = "oca"
    evse_ids: tuple[str, ...] = ()
    page: int = 0


class StationPlan(Struct, frozen=True, kw_only=True):
    """A station. uri: of the Central System without the identity (`ws://host:port/ocpp`).

    fallback_a: the current it falls back to when it has no valid profile or the line has been down for lost_after_s; None:
    it then offers all it has. It can be changed by the setting "FallbackCurrent" (1.6) or "SmartChargingCtrlr.FallbackCurrent".
    tick_s: how often it looks at its cars and profiles. deflate: offers permessage-deflate. firmware_signer: PEM of the root to which a
    firmware's signing certificate must lead; without it any signature that fits its certificate will do. reconnect_s: the first wait after a
    lost line; it doubles backoff_doublings times, each with up to backoff_random_s more. install_s: of each step of a firmware update.
    batteries: that a swap station holds. signing: its meters sign. Times in seconds of the station's clock.
    """

    identity: str
    uri: str
    version: Version = "ocpp1.6"
    password: str | None = None
    tls: TlsPlan = TlsPlan()
    deflate: bool = False
    evses: tuple[EvsePlan, ...] = (EvsePlan(),)
    vendor: str = "chargebridge"
    model: str = "virtual"
    firmware: str = "1"
    firmware_signer: str = ""
    fallback_a: float | None = None
    lost_after_s: float = 30.0
    tick_s: float = 0.5
    sample_interval_s: int = 10
    reconnect_s: float = 2.0
    backoff_doublings: int = 3
    backoff_random_s: float = 0.0
    boot_s: float = 3.0
    install_s: float = 1.0
    call_timeout_s: float = 20.0
    retry_s: float = 5.0
    batteries: int = 0
    signing: SigningPlan | None = None

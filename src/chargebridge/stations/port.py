"""The port of the room: what any charging station tells the site and what the site may ask of it, whatever it speaks.

Upwards a station's adapter calls a ``StationSink``; each of its methods returns only when what it was told is durable, and only then is the
station answered. Downwards the site calls a ``Station``; each command returns the station's own answer.
"""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from msgspec import Raw, Struct

from chargebridge.model.phases import PerPhase
from chargebridge.model.session import PointStatus
from chargebridge.stations.events import Said, Settled, StationEvent
from chargebridge.stations.terms import Limits, Receipt, Terms, VatCheck


class StationInfo(Struct, frozen=True, kw_only=True):
    """What a station says of itself when it boots. protocol: "ocpp1.6", "ocpp2.0.1", "ocpp2.1"."""

    station: str
    protocol: str
    vendor: str = ""
    model: str = ""
    serial: str | None = None
    firmware: str | None = None


class EvseMeasurement(Struct, frozen=True, kw_only=True):
    """One sample at an EVSE. Currents on its terminals L1..L3 in A; power_w active import; energy_wh the register, whole Wh.

    measured_at by the station's clock. offered_a: what it says it offers the car. soc: 0..1.
    """

    measured_at: datetime
    current_a: PerPhase | None = None
    voltage_v: PerPhase | None = None
    power_w: float | None = None
    energy_wh: int | None = None
    offered_a: float | None = None
    soc: float | None = None


class Authorisation(StrEnum):
    ACCEPTED = "accepted"
    BLOCKED = "blocked"
    EXPIRED = "expired"
    INVALID = "invalid"
    CONCURRENT = "concurrent"
    NO_CREDIT = "no_credit"
    NOT_HERE = "not_here"
    NOT_THIS_TYPE = "not_this_type"


class SignedValue(Struct, frozen=True, kw_only=True):
    """One signed meter value, byte for byte as the station sent it; `calibration` can prove it.

    data: the signed record. method, encoding, public_key: as the station names them, None where it does not (1.6 puts all into data).
    """

    at: datetime
    data: str
    measurand: str = "Energy.Active.Import.Register"
    context: str = "Sample.Periodic"
    method: str | None = None
    encoding: str | None = None
    public_key: str | None = None


class Token(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An identification. kind: ISO14443, ISO15693, eMAID, KeyCode, Local, Central, MacAddress, VIN, EVCCID, DirectPayment. status: Accepted,
    Blocked, Expired, Invalid. group: its parent id (1.6) or group id. expires_at: until when a station may keep it in its cache.
    evses: of the station, those that it may charge at; none: all of them. tariff: the driver's own, TariffType of 2.1; message: what it says."""

    id: str
    kind: str = "ISO14443"
    status: str = "Accepted"
    group: str | None = None
    expires_at: datetime | None = None
    evses: tuple[int, ...] = ()
    tariff: Said | None = None
    message: str | None = None


class TransactionEvent(Struct, frozen=True, kw_only=True):
    """Start, update or end of a transaction; idempotent by (station, transaction, sequence) or, for 1.6 starts, by ``replay_key``.

    transaction: the station's own id (2.0.1), or ours (1.6, "" at the start: the sink gives one out). sequence: seqNo of 2.0.1, None in 1.6.
    occurred_at: by the station's clock, which may be long ago when ``offline``. replay_key: equal for the same event sent twice.
    meter_values: all that the station measured, as its JSON (OCPP's meterValue), also what ``measurements`` has no field for. trigger: why it was
    sent (2.x triggerReason), such as TxResumed after a power failure. billed_by: the foreign back end that accepted the token and bills.
    token_kind: as of `Token`, where the station names it. remote_start: the id of our request that it began with. limits: that the station tells.
    """

    station: str
    evse: int
    transaction: str
    occurred_at: datetime
    replay_key: str
    sequence: int | None = None
    token: str | None = None
    offline: bool = False
    status: PointStatus | None = None
    measurements: tuple[EvseMeasurement, ...] = ()
    meter_wh: int | None = None
    reason: str | None = None
    trigger: str | None = None
    meter_values: Raw = Raw(b"null")
    signed: tuple[SignedValue, ...] = ()
    billed_by: str | None = None
    token_kind: str | None = None
    remote_start: int | None = None
    limits: Limits | None = None


class StartAnswer(Struct, frozen=True, kw_only=True):
    """transaction: the id under which the sink filed it (for 1.6 a decimal integer, unique for ever)."""

    transaction: str
    authorisation: Authorisation


class StationSink(Protocol):
    """Implemented by the site (or a back end). Every method returns when its content is durable."""

    async def station_booted(self, info: StationInfo) -> bool:
        """A station introduces itself. False: not accepted yet (it is to ask again later)."""
        ...

    async def station_connected(self, station: str, protocol: str) -> None: ...

    async def station_lost(self, station: str) -> None: ...

    def heard_from(self, station: str) -> None:
        """Any message came; not durable, for ages only."""
        ...

    async def status_changed(self, station: str, evse: int, status: PointStatus, at: datetime, error: str | None) -> None: ...

    async def measured(self, station: str, evse: int, measurements: tuple[EvseMeasurement, ...]) -> None:
        """Samples outside a transaction's own events."""
        ...

    async def authorise(self, station: str, token: str) -> Authorisation: ...

    def tokens(self, station: str) -> Iterable[Token]:
        """Those known beforehand: what goes into a station's local list."""
        ...

    def about(self, station: str, token: str) -> Token | None:
        """What a station may keep of a token, whatever case it is written in."""
        ...

    async def transaction_started(self, event: TransactionEvent) -> StartAnswer: ...

    async def transaction_updated(self, event: TransactionEvent) -> None: ...

    async def transaction_ended(self, event: TransactionEvent) -> Authorisation | None: ...

    async def authorise_payment(self, station: str, reference: str) -> Authorisation:
        """Whether the payment with that reference may charge (2.1 C18, C24, C25: a token of kind DirectPayment)."""
        ...

    def terms(self, event: TransactionEvent, takes: frozenset[str]) -> Terms | None:
        """What to answer to an event that is stored. takes: the limits that the station can hold, in OCPP's words (`terms.WORDS`)."""
        ...

    async def check_vat(self, station: str, number: str) -> VatCheck:
        """Whether a VAT number is valid (2.1 C18.FR.09); within seconds."""
        ...

    async def receipt(self, station: str, settled: Settled) -> Receipt | None:
        """The receipt of a payment that is stored, where it is ours to give (2.1 C21.FR.03)."""
        ...

    async def told(self, station: str, event: StationEvent) -> bool | str | None:
        """Whatever else a station tells. True, False: where it asks for something (a certificate, a schedule, a stream), whether that is taken on.
        A word: OCPP's own status, where there are more answers than these."""
        ...


class WithoutTerms:
    """For a sink that reckons no costs and takes no payments: that part of `StationSink`."""

    async def authorise_payment(self, station: str, reference: str) -> Authorisation:
        return Authorisation.INVALID

    def terms(self, event: TransactionEvent, takes: frozenset[str]) -> Terms | None:
        return None

    async def check_vat(self, station: str, number: str) -> VatCheck:
        return VatCheck(valid=False, reason="VAT numbers are not checked here")

    async def receipt(self, station: str, settled: Settled) -> Receipt | None:
        return None


class Outcome(StrEnum):
    """The station's answer, or why there is none. TIMED_OUT and OFFLINE leave open whether it acted."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    TIMED_OUT = "timed_out"
    OFFLINE = "offline"
    UNSUPPORTED = "unsupported"


class Answer(Struct, frozen=True, kw_only=True):
    """outcome, and in ``detail`` the station's own words."""

    outcome: Outcome
    detail: str = ""


class Station(Protocol):
    """One connected or known station."""

    @property
    def online(self) -> bool: ...

    async def offer(self, evse: int, current_a: float, phases: int, valid_s: float, transaction: str | None) -> Answer:
        """Limit an EVSE to ``current_a`` (0 stops) on ``phases`` phases for ``valid_s`` seconds, after which its fallback holds."""
        ...

    async def discharge(self, evse: int, power_w: float, valid_s: float, transaction: str) -> Answer:
        """Have the car of a transaction give back ``power_w`` for ``valid_s`` seconds, after which its fallback holds. It takes an offer's place."""
        ...

    async def report_limits(self, request: int) -> Answer:
        """Ask which limits others have set in it. ACCEPTED: ``ProfilesReported`` follow, with this number; REJECTED "NoProfiles": there are none."""
        ...

    async def write_fallback(self, evse: int, current_a: float) -> Answer:
        """Write the current that the station itself falls back to when it hears nothing, durable in the station."""
        ...

    async def remote_start(self, evse: int, token: str) -> Answer: ...

    async def remote_stop(self, evse: int, transaction: str) -> Answer: ...

    async def reset(self, *, hard: bool) -> Answer: ...


class Stations(Protocol):
    """All stations of one adapter (such as an OCPP Central System)."""

    def station(self, identity: str) -> Station | None:
        """The station of that identity if this adapter knows it, connected or not."""
        ...

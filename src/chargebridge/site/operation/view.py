"""What pages, API and commands see of the charging stations and may ask of them."""

from datetime import datetime
from typing import Any, Literal, Protocol

from msgspec import Struct

from chargebridge.model.session import PointStatus
from chargebridge.site.station_book import ToldEvent
from chargebridge.stations.events import Variable
from chargebridge.stations.ocpp.applicants import Profile
from chargebridge.stations.ocpp.commanding import Comparison
from chargebridge.stations.ocpp.security import Security

Direction = Literal["in", "out"]
Kind = Literal["call", "result", "error", "result_error", "send", "unreadable"]


class Change(Struct, frozen=True):
    """One value that differs from the message compared with. before, after: JSON values; None where it was, or is, not there."""

    path: str
    before: Any
    after: Any


class FrameFault(Struct, frozen=True):
    """What is wrong with a frame: position in it (`$` is the frame), the reason, and the cure."""

    position: str
    reason: str
    cure: str = ""


class LoggedMessage(Struct, frozen=True, kw_only=True):
    """One frame of a station's log.

    direction: "in" from the station. action: of a result or an error the one of its call, "" when that was not seen. payload: the decoded JSON; of a
    CALLERROR its code, description and details; None when it cannot be read, and then ``frame`` has its text. size: characters of the frame.
    changes: against the last message of the same kind; None: there is none to compare with. compared_with: that message's number.
    """

    number: int
    station: str
    at: datetime
    direction: Direction
    kind: Kind
    action: str
    message_id: str
    protocol: str
    size: int
    payload: Any
    frame: str | None = None
    fault: FrameFault | None = None
    compared_with: int | None = None
    changes: tuple[Change, ...] | None = None


class MessageFilter(Struct, frozen=True, kw_only=True):
    """Which messages. station None: of all. before, after: numbers, both excluded. action: how its name begins. faulty: what went wrong."""

    station: str | None = None
    before: int | None = None
    after: int | None = None
    action: str | None = None
    direction: Direction | None = None
    faulty: bool = False


class EvseView(Struct, frozen=True, kw_only=True):
    """An EVSE (1.6: connector) of a station: the charging point that it is, None when it is none, and what its connectors last said."""

    evse: int
    point: str | None
    name: str
    status: PointStatus
    error: str | None
    connectors: dict[int, str]
    transaction: str | None
    energy_wh: int | None
    power_w: float | None
    offered_a: float | None


class StationRow(Struct, frozen=True, kw_only=True):
    """One station at this moment.

    state: "online", "connected" (has not introduced itself yet), "offline", "unseen". protocol: as it was spoken last, "eebus" too.
    security_profile: OCPP 0 to 3; None where EEBUS is spoken, which has none.
    heard_at: its last frame. setup_refused: how many of the settings that we write it has not taken. messages: in the log of this process's life.
    tolerance: the profile of its make's deviations; proposed: those made for such stations, while it has none; mended: repair -> how often.
    """

    identity: str
    state: str
    protocol: str | None
    security_profile: int | None
    vendor: str
    model: str
    serial: str | None
    firmware: str | None
    remote: str | None
    heard_at: datetime | None
    booted_at: datetime | None
    evses: tuple[EvseView, ...]
    setup_refused: int
    faulty_messages: int
    tolerance: str | None = None
    proposed: tuple[str, ...] = ()
    mended: dict[str, int] = {}
    added: bool = False


class Written(Struct, frozen=True, kw_only=True):
    """A setting that we wrote into the station, and what it answered."""

    name: str
    value: str | None
    outcome: str
    detail: str
    at: datetime | None
    by: str


class TransactionRow(Struct, frozen=True, kw_only=True):
    """A transaction of a station: its own id, and the site's session."""

    transaction: str
    session: str
    evse: int
    token: str
    started_at: datetime
    ended_at: datetime | None
    energy_wh: int
    end_reason: str | None


class StationDetail(Struct, frozen=True, kw_only=True):
    """All of one station but its messages. written, events, told: newest first.

    variables: its device model (1.6: configuration keys) as it told it last. events: what the site's event log tells of it. told: what it told itself
    beyond its transactions.
    """

    station: StationRow
    written: tuple[Written, ...]
    transactions: tuple[TransactionRow, ...]
    events: tuple[tuple[datetime, str], ...]
    variables: tuple[Variable, ...]
    told: tuple[ToldEvent, ...]


class CommandField(Struct, frozen=True, kw_only=True):
    """An argument of a named command. kind: "text", "number", "choice", "json", "lines", "time"."""

    name: str
    label: str
    kind: str = "text"
    choices: tuple[str, ...] = ()
    default: str = ""
    needed: bool = False


class CommandForm(Struct, frozen=True, kw_only=True):
    """A command that people may give by name. risk: what it may do to a car that charges, "" for nothing."""

    name: str
    label: str
    fields: tuple[CommandField, ...]
    risk: str = ""


class CommandRecord(Struct, frozen=True, kw_only=True):
    """A command and what became of it.

    payload, response: as JSON. outcome: None while the answer is waited for; "unknown" when the site ended before. detail: the station's words.
    """

    number: int
    station: str
    name: str
    action: str
    payload: Any
    asked_at: datetime
    by: str
    outcome: str | None
    detail: str
    response: Any
    answered_at: datetime | None


class CampaignPlan(Struct, frozen=True, kw_only=True):
    """Firmware for many stations.

    url: where stations fetch it. version: what they say of themselves once they have it, None: not known. sha256: of the file; it is then fetched
    and compared before any station is asked. signing_certificate (PEM), signature (base64): then stations check it themselves.
    not_before, not_after: when a station may be asked. at_once: how many stations are at it at the same time. tries: a station. patience_s: without
    news of a station that long, its try has failed. while_charging: also stations with a running transaction.
    """

    name: str
    stations: tuple[str, ...]
    url: str
    version: str | None = None
    sha256: str | None = None
    signing_certificate: str | None = None
    signature: str | None = None
    not_before: datetime | None = None
    not_after: datetime | None = None
    at_once: int = 1
    tries: int = 2
    patience_s: float = 3600.0
    while_charging: bool = False


class CampaignStation(Struct, frozen=True, kw_only=True):
    """One station of a campaign.

    state: "waiting", "asked", "downloading", "downloaded", "installing", "installed", "failed", "skipped". tries: so far. detail: the station's
    words, or why it waits. before, now: its firmware.
    """

    station: str
    state: str
    detail: str
    tries: int
    changed_at: datetime
    before: str | None
    now: str | None


class Campaign(Struct, frozen=True, kw_only=True):
    """state: "checking", "running", "paused", "aborted", "done", "refused" (the file is not what was said). counts: stations by state."""

    number: int
    plan: CampaignPlan
    state: str
    note: str
    created_at: datetime
    by: str
    counts: dict[str, int]
    stations: tuple[CampaignStation, ...]


class StrangerRow(Struct, frozen=True, kw_only=True):
    """Somebody who knocked and was not let in, or waits for approval (then ``approvable``)."""

    identity: str
    remote: str
    why: str
    first_at: datetime
    last_at: datetime
    times: int
    vendor: str = ""
    model: str = ""
    serial: str | None = None
    protocol: str = ""
    approvable: bool = False


class ImportResult(Struct, frozen=True, kw_only=True):
    """What an import did with one station. password: the one that was made for it, told this once. points: those that begin with the next start."""

    station: str
    result: Literal["added", "exists", "refused"]
    detail: str = ""
    password: str | None = None
    points: tuple[str, ...] = ()


class StationService(Protocol):
    """Errors are ``ChargebridgeError`` with a cure; a station that is not there is an ``UnknownNameError``."""

    def stations(self) -> tuple[StationRow, ...]:
        """The present moment of all; cheap."""
        ...

    async def station(self, identity: str) -> StationDetail: ...

    async def messages(self, wanted: MessageFilter, limit: int = 100) -> tuple[LoggedMessage, ...]:
        """The newest first (with ``after``: the oldest of those after it, still newest first)."""
        ...

    def forms(self, identity: str) -> tuple[CommandForm, ...]:
        """The commands that can be given by name in the version that the station speaks."""
        ...

    def actions(self, identity: str) -> tuple[str, ...]:
        """The actions that the station's version lets us call."""
        ...

    def protocol_of(self, identity: str) -> str:
        """What a station speaks, such as "ocpp2.1"; "" when it was never heard."""
        ...

    async def command(self, identity: str, name: str, arguments: dict[str, Any], by: str) -> CommandRecord:
        """Give a command by name and wait for its outcome. Raises ModelError when an argument cannot be."""
        ...

    async def call(self, identity: str, action: str, payload: dict[str, Any], by: str) -> CommandRecord:
        """Call any action of the station's version. Raises ModelError when the payload is not valid."""
        ...

    async def schedule(self, identity: str, evse: int, duration_s: int) -> Comparison:
        """An EVSE's schedule as we reckon it and as its station does. Raises ModelError when the station gives none."""
        ...

    async def commands(self, identity: str | None = None, limit: int = 50) -> tuple[CommandRecord, ...]: ...

    async def campaigns(self) -> tuple[Campaign, ...]: ...

    async def campaign(self, number: int) -> Campaign: ...

    async def begin_campaign(self, plan: CampaignPlan, by: str) -> Campaign: ...

    async def steer_campaign(self, number: int, to: Literal["pause", "resume", "abort", "retry"], by: str) -> Campaign: ...

    async def strangers(self) -> tuple[StrangerRow, ...]: ...

    @property
    def security(self) -> Security:
        """Credentials, certificates and profiles of the stations."""
        ...

    async def judge_stranger(
        self, identity: str, *, approve: bool, by: str, profile: Profile = 1, password: str | None = None
    ) -> str | None:  # fmt: skip
        """Let an unknown station in by a security profile, or turn it away. Returns the password to be entered in it, if one was made.

        Raises UnknownNameError for one that has not asked, ModelError for a password that cannot be.
        """
        ...

    async def export(self) -> list[dict[str, Any]]:
        """All stations with their points; without passwords."""
        ...

    async def take_in(self, stations: list[dict[str, Any]], by: str) -> tuple[ImportResult, ...]: ...

    async def forget(self, identity: str, by: str) -> None:
        """A station that was taken in is not there any more from the next start on."""
        ...

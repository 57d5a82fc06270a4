"""The operator's office: all about the charging stations, in one service for pages, API and commands."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, Literal

import structlog

from chargebridge.model.clock import Clock
from chargebridge.model.errors import ModelError, UnknownNameError
from chargebridge.site import station_book
from chargebridge.site.config import PointTable, SiteConfig, StationTable
from chargebridge.site.live import Live
from chargebridge.site.operation import forms, past, station_file
from chargebridge.site.operation.campaigns import Campaigns
from chargebridge.site.operation.commands import RAW, CommandDesk, language_of
from chargebridge.site.operation.message_log import MessageLog
from chargebridge.site.operation.roll import EEBUS, Roll
from chargebridge.site.operation.view import (
    Campaign,
    CampaignPlan,
    CommandForm,
    CommandRecord,
    ImportResult,
    LoggedMessage,
    MessageFilter,
    StationDetail,
    StationRow,
    StrangerRow,
    Written,
)
from chargebridge.stations.eebus import Wallbox, Wallboxes
from chargebridge.stations.ocpp import CentralSystem, OcppStation
from chargebridge.stations.ocpp.applicants import Profile
from chargebridge.stations.ocpp.commanding import Comparison
from chargebridge.stations.ocpp.session import FrameWatch
from chargebridge.stations.ocpp.vault import PENDING
from chargebridge.stations.port import Answer
from chargebridge.store import Database
from chargebridge.store.passwords import hash_password
from chargebridge.wire.ocpp import CallReceived, Event

LOG_AGAIN_S = 5.0
SHOWN = 50
SPEAKS_EEBUS = "it speaks EEBUS, which has none of OCPP's commands"
OTHERWISE = "start, stop and limit it at its charging point; its messages are on the page of EEBUS"
HEARD = frozenset({"BootNotification", "FirmwareStatusNotification", "SignedFirmwareStatusNotification"})
log = structlog.get_logger(__name__)


class Office:
    """Implements ``StationService``. admit: lets a further station in, with its points, at once. wallboxes: those that speak EEBUS."""

    def __init__(
        self,
        config: SiteConfig,
        live: Live,
        central: CentralSystem,
        database: Database,
        clock: Clock,
        *,
        tell: Callable[[str, str, str], None],
        admit: Callable[[StationTable, tuple[PointTable, ...]], None],
        wallboxes: Wallboxes | None = None,
    ) -> None:
        self._config, self._live, self._central, self._wallboxes = config, live, central, wallboxes
        self._database, self._clock, self._tell, self._admit = database, clock, tell, admit
        self.log = MessageLog(database, clock, keep_days=config.ocpp.log_days, keep_bytes=round(config.ocpp.log_megabytes * 1e6))
        self._roll = Roll(live, central, wallboxes or (), self.log, clock)
        self._desk = CommandDesk(database, clock)
        self._campaigns = Campaigns(
            database, clock, self._desk, station=central.station, busy=self._roll.is_busy, firmware=self._roll.firmware_of, tell=tell
        )
        self.security = central.security
        self._taking_in = asyncio.Lock()

    @classmethod
    async def open(
        cls,
        config: SiteConfig,
        live: Live,
        central: CentralSystem,
        database: Database,
        clock: Clock,
        *,
        tell: Callable[[str, str, str], None],
        admit: Callable[[StationTable, tuple[PointTable, ...]], None],
        wallboxes: Wallboxes | None = None,
    ) -> "Office":
        """With what the store remembers; watches the central system from now on."""
        office = cls(config, live, central, database, clock, tell=tell, admit=admit, wallboxes=wallboxes)
        await office.log.open()
        await office._desk.open()
        await office._campaigns.open()
        office._roll.remember(await database.read(past.infos))
        office._roll.added = {str(one.station["id"]) for one in await database.read(station_file.kept)}
        central.watch = office._watch
        return office

    async def run(self) -> None:
        """Write the log and keep campaigns going, whatever the disk does."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_log(), name="message log")
            group.create_task(self._campaigns.run(), name="campaigns")

    async def _keep_log(self) -> None:
        while True:
            try:
                await self.log.run()
            except Exception as error:
                log.warning("the message log cannot be written", reason=str(error), left_out=self.log.left_out)
                await self._clock.sleep(LOG_AGAIN_S)

    def _watch(self, station: str, protocol: str) -> FrameWatch:
        return _Ears(self, self.log.watch(station, protocol), station)

    def heard(self, station: str, call: CallReceived) -> None:
        """A message that says which firmware a station has, or how far it is with another."""
        request: Any = call.request
        if call.action == "BootNotification":
            self._roll.booted(station, request)
            self._campaigns.booted(station)
        else:
            number = getattr(request, "request_id", None)
            self._campaigns.firmware_status(station, str(request.status), number if isinstance(number, int) else None)

    # What there is

    def stations(self) -> tuple[StationRow, ...]:
        return self._roll.rows()

    def _station(self, identity: str) -> OcppStation:
        station = self._central.station(identity)
        if station is None:
            if self._wallbox(identity) is not None:
                raise ModelError(f"station {identity}", SPEAKS_EEBUS, OTHERWISE)
            raise UnknownNameError(f"station {identity[:60]}", "is not there", "GET /api/v1/stations lists them")
        return station

    def _wallbox(self, identity: str) -> Wallbox | None:
        return None if self._wallboxes is None else self._wallboxes.station(identity)

    async def station(self, identity: str) -> StationDetail:
        box = self._wallbox(identity)
        if box is not None:
            return await self._of_wallbox(box)
        station = self._station(identity)
        await self.log.flush()
        points = [at.point.id for at in self._live.of(identity)]
        transactions, events = await self._database.read(partial(past.past, identity=identity, points=points))
        values = await self._database.read(partial(past.written_values, identity=identity))
        given = [record for record in await self._desk.newest(identity, 200) if record.name == "set_setting"]
        by_site = [
            Written(name=name, value=values.get(name), outcome=answer.outcome.value, detail=answer.detail, at=None, by="site")
            for name, answer in station.setup.items()
        ]
        return StationDetail(
            station=self._roll.row(station),
            written=(*(past.written(record) for record in given), *by_site),
            transactions=transactions,
            events=events,
            variables=tuple(await self._database.read(lambda c: station_book.variables(c, identity))),
            told=tuple(await self._database.read(lambda c: station_book.events(c, identity, limit=SHOWN))),
        )

    async def _of_wallbox(self, box: Wallbox) -> StationDetail:
        """Its messages are on the page of EEBUS."""
        points = [at.point.id for at in self._live.of(box.identity)]
        transactions, events = await self._database.read(partial(past.past, identity=box.identity, points=points))
        return StationDetail(
            station=self._roll.wallbox(box),
            written=(),
            transactions=transactions,
            events=events,
            variables=(),
            told=tuple(await self._database.read(lambda c: station_book.events(c, box.identity, limit=SHOWN))),
        )

    async def messages(self, wanted: MessageFilter, limit: int = 100) -> tuple[LoggedMessage, ...]:
        if wanted.station is not None and self._wallbox(wanted.station) is not None:
            return ()
        if wanted.station is not None:
            self._station(wanted.station)
        return await self.log.messages(wanted, limit)

    # Commands

    def forms(self, identity: str) -> tuple[CommandForm, ...]:
        if self._wallbox(identity) is not None:
            return ()
        station = self._station(identity)
        return forms.forms(station.language.dialect if station.language else None)

    def protocol_of(self, identity: str) -> str:
        """What a station speaks; "" when it was never heard. Raises UnknownNameError."""
        if self._wallbox(identity) is not None:
            return EEBUS
        self._station(identity)
        return self._roll.protocol_of(identity)

    def actions(self, identity: str) -> tuple[str, ...]:
        if self._wallbox(identity) is not None:
            return ()
        return forms.callable_actions(language_of(self._station(identity)).dialect)

    async def command(self, identity: str, name: str, arguments: dict[str, Any], by: str) -> CommandRecord:
        if self._wallbox(identity) is not None:
            return await self._desk.cannot(identity, name, "", arguments, by, f"{SPEAKS_EEBUS}; {OTHERWISE}")
        return await self._desk.give(self._station(identity), name, arguments, by)

    async def call(self, identity: str, action: str, payload: dict[str, Any], by: str) -> CommandRecord:
        if self._wallbox(identity) is not None:
            return await self._desk.cannot(identity, RAW, action, payload, by, f"{SPEAKS_EEBUS}; {OTHERWISE}")
        return await self._desk.call(self._station(identity), action, payload, by)

    async def schedule(self, identity: str, evse: int, duration_s: int) -> Comparison:
        found = await self._station(identity).compare_schedule(evse, duration_s)
        if isinstance(found, Answer):
            why = f"the station tells none: {found.outcome} {found.detail}".rstrip()
            raise ModelError(f"schedule of {identity}", why, "see that it is online and takes charging profiles")
        return found

    async def commands(self, identity: str | None = None, limit: int = 50) -> tuple[CommandRecord, ...]:
        return await self._desk.newest(identity, limit)

    # Campaigns

    async def campaigns(self) -> tuple[Campaign, ...]:
        return self._campaigns.every()

    async def campaign(self, number: int) -> Campaign:
        return self._campaigns.one(number)

    async def begin_campaign(self, plan: CampaignPlan, by: str) -> Campaign:
        return await self._campaigns.begin(plan, by)

    async def steer_campaign(self, number: int, to: Literal["pause", "resume", "abort", "retry"], by: str) -> Campaign:
        return await self._campaigns.steer(number, to, by)

    # Strangers

    async def strangers(self) -> tuple[StrangerRow, ...]:
        """Unknown stations first, as they wait for somebody; then who else was turned away."""
        waiting = [one for one in self.security.pending() if one.state == PENDING]
        rows = [
            StrangerRow(
                identity=one.station,
                remote=one.remote,
                why="unknown station",
                first_at=one.first_at,
                last_at=one.last_at,
                times=one.times,
                vendor=one.vendor,
                model=one.model,
                serial=one.serial,
                protocol=one.protocol,
                approvable=True,
            )
            for one in waiting
        ]
        listed = {one.station for one in waiting}
        others = [s for s in self._central.strangers.values() if s.why != "unknown station" or s.identity not in listed]
        rows += (
            StrangerRow(identity=s.identity, remote=s.remote, why=s.why, first_at=s.first_at, last_at=s.last_at, times=s.times)
            for s in sorted(others, key=lambda s: s.last_at, reverse=True)
        )
        return tuple(rows)

    async def judge_stranger(
        self, identity: str, *, approve: bool, by: str, profile: Profile = 1, password: str | None = None
    ) -> str | None:  # fmt: skip
        """See `StationService`."""
        if approve:
            return await self.security.approve(identity, profile, password, by)
        await self.security.refuse(identity, by)
        return None

    # Files

    async def export(self) -> list[dict[str, Any]]:
        return station_file.exported(self._config)

    async def take_in(self, stations: list[dict[str, Any]], by: str) -> tuple[ImportResult, ...]:
        if len(stations) > station_file.MAX_STATIONS:
            raise ModelError("import", f"{len(stations)} stations are too many at once", f"give up to {station_file.MAX_STATIONS}")
        async with self._taking_in:
            return tuple([await self._take_in(row, by) for row in stations])

    async def forget(self, identity: str, by: str) -> None:
        if not await self._database.write(lambda c: station_file.forget(c, identity)):
            cure = "only stations that were taken in from a file can be forgotten; others stand in the configuration"
            raise UnknownNameError(f"station {identity[:60]}", "was not taken in", cure)
        self._tell("station", f"{identity} was removed by {by}; it goes with the next start of the site", identity)

    async def _take_in(self, row: dict[str, Any], by: str) -> ImportResult:
        name = str(row.get("id", ""))[:60]
        if self._central.station(name) is not None:
            return ImportResult(station=name, result="exists", detail="nothing of it was changed")
        try:
            one = station_file.taken(row, self._config)
        except ModelError as error:
            return ImportResult(station=name, result="refused", detail=f"{error.where}: {error.reason}; {error.cure}")
        hashed = None if one.password is None else await asyncio.to_thread(hash_password, one.password)
        now = self._clock.now()
        await self._database.write(partial(station_file.keep, one=one, password_hash=hashed, now=now, by=by))
        station = one.station.model_copy(update={"password_hash": hashed})
        self._config = station_file.with_points(self._config, station, one.points)
        self._roll.added.add(station.id)
        self._admit(station, one.points)
        self._tell("station", f"{station.id} was added by {by}", station.id)
        return ImportResult(
            station=station.id,
            result="added",
            detail="its points begin with the next start of the site" if one.points else "",
            password=one.password if one.made else None,
            points=tuple(point.id for point in one.points),
        )


class _Ears:
    """A session's watch: the log's, and the few messages that the office itself listens to."""

    def __init__(self, office: Office, log_watch: FrameWatch, station: str) -> None:
        self._office, self._log, self._station = office, log_watch, station

    def received(self, frame: str | bytes, events: list[Event]) -> None:
        self._log.received(frame, events)
        for event in events:
            if isinstance(event, CallReceived) and event.action in HEARD:
                self._office.heard(self._station, event)

    def sent(self, frame: str) -> None:
        self._log.sent(frame)

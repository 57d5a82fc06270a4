"""Their wallbox as a station of ours: a car comes, charges as who it is, is limited, and goes; its session is told once, with its energy."""

import asyncio
import contextlib
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from chargebridge.model.session import PointStatus
from chargebridge.stations.eebus import PointSettings, Wallboxes, WallboxSettings
from chargebridge.stations.events import StationEvent
from chargebridge.stations.port import (
    Authorisation,
    EvseMeasurement,
    Outcome,
    StartAnswer,
    StationInfo,
    Token,
    TransactionEvent,
    WithoutTerms,
)
from chargebridge.store import Database
from chargebridge.wire.eebus.usecases.coordinator import Coordinator
from chargebridge.wire.eebus.usecases.energy_guard import EnergyGuard
from chargebridge.wire.eebus.usecases.energy_manager import EnergyManager
from chargebridge.wire.eebus.usecases.lpc import LPC
from interop.eebus.car import MAC
from interop.eebus.go_peer import GoPeer
from interop.eebus.lab import Dialled, Ours, Report, join, until


class Sink(WithoutTerms):
    """Remembers what the site is told. events: with which of the three calls."""

    def __init__(self) -> None:
        self.known = {MAC, "HOME"}
        self.boots: list[StationInfo] = []
        self.statuses: list[tuple[PointStatus, str | None]] = []
        self.measurements: list[EvseMeasurement] = []
        self.events: list[tuple[str, TransactionEvent]] = []

    async def station_booted(self, info: StationInfo) -> bool:
        self.boots.append(info)
        return True

    async def station_connected(self, station: str, protocol: str) -> None:
        pass

    async def station_lost(self, station: str) -> None:
        pass

    def heard_from(self, station: str) -> None:
        pass

    async def status_changed(self, station: str, evse: int, status: PointStatus, at: datetime, error: str | None) -> None:
        self.statuses.append((status, error))

    async def measured(self, station: str, evse: int, measurements: tuple[EvseMeasurement, ...]) -> None:
        self.measurements += measurements

    async def authorise(self, station: str, token: str) -> Authorisation:
        return Authorisation.ACCEPTED if token in self.known else Authorisation.INVALID

    def tokens(self, station: str) -> Iterable[Token]:
        return ()

    def about(self, station: str, token: str) -> Token | None:
        return None

    async def transaction_started(self, event: TransactionEvent) -> StartAnswer:
        self.events.append(("started", event))
        return StartAnswer(transaction=event.transaction, authorisation=Authorisation.INVALID)

    async def transaction_updated(self, event: TransactionEvent) -> None:
        self.events.append(("updated", event))

    async def transaction_ended(self, event: TransactionEvent) -> Authorisation | None:
        self.events.append(("ended", event))
        return None

    async def told(self, station: str, event: StationEvent) -> bool | str | None:
        return None

    def of(self, kind: str) -> list[TransactionEvent]:
        return [event for one, event in self.events if one == kind]


async def serves(report: Report, program: Path, folder: Path, dialled: Dialled) -> None:
    ours, database, sink = Ours("site"), Database.open(folder / "site.db"), Sink()
    node, now = ours.hub.node, ours.hub.now()
    cars = ours.entity(3, "CEM")
    manager = EnergyManager(node, cars, now)
    coordinator, guard = Coordinator(node, cars, manager), EnergyGuard(node, ours.entity(4, "CEM"), LPC, now)
    async with ours, GoPeer(program, "wallbox", folder / "wallbox.pem") as box:
        settings = WallboxSettings(
            identity="WB", ski=box.ski, points={1: PointSettings(fallback_a=6.0)}, unknown_cars="HOME", safe_current_a=6
        )
        boxes = Wallboxes([settings], ours.hub, manager, coordinator, guard, sink, database, ours.clock)
        running = asyncio.create_task(boxes.run())
        try:
            await join(ours, box, dialled)
            await _whole(report, ours, box, boxes, sink)
        finally:
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running
    database.close()


async def _whole(report: Report, ours: Ours, box: GoPeer, boxes: Wallboxes, sink: Sink) -> None:
    station = boxes.station("WB")
    assert station is not None
    there = await until(lambda: station.online)
    report.check("Station, it is there with its maker", there and bool(sink.boots) and sink.boots[0].model == "Wallbox", sink.boots)
    for standard, wanted in (("iso15118-2ed1", MAC), ("iec61851", "HOME")):
        known = len(sink.of("started"))
        sink.known = {wanted}  # theirs says who it is in either case
        await box.do("plug", text=standard, values={"energy_wh": 0.0, "current_a_a": 0.0})
        begun = await until(lambda known=known: len(sink.of("started")) > known)
        token = await until(lambda wanted=wanted: any(event.token == wanted for event in sink.of("updated")))
        report.check(f"Station, {standard}: a session begins, and the car charges as {wanted}", begun and token, sink.events)
        await until(lambda: station.bays[1].seen.way is not None)
        answers = [await station.offer(1, amps, 3, 60.0, station.bays[1].evse.transaction) for amps in (10.0, 0.0, 4.0, 13.5)]
        report.check(
            f"Station, {standard}: each offer is answered, one that is below the least current too",
            [answer.outcome for answer in answers] == [Outcome.ACCEPTED] * 4,
            answers,
        )
        written = await box.event("currents", lambda said: said["opev"]["currents_a"] == [13.5] * 3)
        report.check(f"Station, {standard}: and is in the car", written["opev"]["active"] == [True] * 3, written)
        await box.do("measure", values={"current_a_a": 13.0, "current_a_b": 13.0, "current_a_c": 13.0, "energy_wh": 30.0})
        told = await until(lambda: any(one.current_a == (13, 13, 13) for one in sink.measurements))
        report.check(f"Station, {standard}: what it takes is told", told, sink.measurements[-3:])
        await box.do("unplug")
        ended = await until(lambda known=known: len(sink.of("ended")) > known)
        report.check(
            f"Station, {standard}: the session ends with its energy", ended and sink.of("ended")[-1].meter_wh == 30, sink.events[-1]
        )
        sink.measurements.clear()
    keys = [event.replay_key for _, event in sink.events]
    report.check("Station, nothing was told twice", len(set(keys)) == len(keys), keys)
    await box.do("state", of="box", text="failure")
    report.check(
        "Station, a failure is told", await until(lambda: sink.statuses[-1] == (PointStatus.FAULTED, "failure")), sink.statuses[-2:]
    )

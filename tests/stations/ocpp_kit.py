"""What the tests of the Central System share: a durable sink, cars of the simplest kind, a raw OCPP client."""

import asyncio
import base64
import json
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
import websockets

from chargebridge.model.phases import PerPhase
from chargebridge.model.session import PointStatus
from chargebridge.stations.events import StationEvent
from chargebridge.stations.port import Authorisation, EvseMeasurement, StartAnswer, StationInfo, Token, TransactionEvent, WithoutTerms

PASSWORD = "correct horse battery"


class DurableSink(WithoutTerms):
    """A `StationSink` that keeps transactions in SQLite, fully synchronised; the rest in memory.

    accepts: whether boots are; known: the tokens, all if None; broken: raise instead of storing; pause: hold stores back.
    """

    def __init__(self, path: Path | str) -> None:
        self.database = sqlite3.connect(path, isolation_level=None)
        self.database.execute("PRAGMA journal_mode=WAL")
        self.database.execute("PRAGMA synchronous=FULL")
        self.database.executescript(
            """
            CREATE TABLE IF NOT EXISTS transactions (
              id INTEGER PRIMARY KEY AUTOINCREMENT, station TEXT, own_id TEXT, start_key TEXT, token TEXT,
              meter_start INTEGER, meter_stop INTEGER, reason TEXT, UNIQUE (station, own_id), UNIQUE (station, start_key));
            CREATE TABLE IF NOT EXISTS events (
              station TEXT, replay_key TEXT, kind TEXT, tx TEXT, body BLOB, PRIMARY KEY (station, replay_key));
            """
        )
        self.accepts = True
        self.known: set[str] | None = None
        self.broken = False
        self.pause = asyncio.Event()
        self.pause.set()
        self.boots: list[StationInfo] = []
        self.connections: list[str] = []
        self.statuses: list[tuple[str, int, PointStatus, str | None]] = []
        self.measurements: list[tuple[int, EvseMeasurement]] = []
        self.told_events: list[StationEvent] = []
        self.listed: tuple[Token, ...] = ()
        self.takes_on: bool | None = None  # what `told` answers
        self.frames = 0

    async def station_booted(self, info: StationInfo) -> bool:
        self.boots.append(info)
        return self.accepts

    async def station_connected(self, station: str, protocol: str) -> None:
        self.connections.append(f"+{station}")

    async def station_lost(self, station: str) -> None:
        self.connections.append(f"-{station}")

    def heard_from(self, station: str) -> None:
        self.frames += 1

    async def status_changed(self, station: str, evse: int, status: PointStatus, at: datetime, error: str | None) -> None:
        self.statuses.append((station, evse, status, error))

    async def measured(self, station: str, evse: int, measurements: tuple[EvseMeasurement, ...]) -> None:
        self.measurements += [(evse, m) for m in measurements]

    async def authorise(self, station: str, token: str) -> Authorisation:
        return Authorisation.ACCEPTED if self.known is None or token in self.known else Authorisation.INVALID

    def tokens(self, station: str) -> tuple[Token, ...]:
        return self.listed

    def about(self, station: str, token: str) -> Token | None:
        return next((known for known in self.listed if known.id.casefold() == token.casefold()), None)

    async def transaction_started(self, event: TransactionEvent) -> StartAnswer:
        await self._gate()
        own = event.transaction or None
        self._note("started", event)
        self.database.execute(
            "INSERT OR IGNORE INTO transactions (station, own_id, start_key, token, meter_start) VALUES (?, ?, ?, ?, ?)",
            (event.station, own, event.replay_key, event.token, event.meter_wh),
        )
        query = "SELECT id FROM transactions WHERE station = ? AND (start_key = ? OR own_id = ?)"
        (number,) = self.database.execute(query, (event.station, event.replay_key, own)).fetchone()
        authorisation = Authorisation.ACCEPTED
        if event.token is not None:
            authorisation = await self.authorise(event.station, event.token)
        return StartAnswer(transaction=own or str(number), authorisation=authorisation)

    async def transaction_updated(self, event: TransactionEvent) -> None:
        await self._gate()
        self._note("updated", event)
        self.measurements += [(event.evse, m) for m in event.measurements]

    async def transaction_ended(self, event: TransactionEvent) -> Authorisation | None:
        await self._gate()
        self._note("ended", event)
        self.database.execute(
            "UPDATE transactions SET meter_stop = ?, reason = ? WHERE station = ? AND meter_stop IS NULL "
            "AND (own_id = ? OR (own_id IS NULL AND id = ?))",
            (event.meter_wh, event.reason, event.station, event.transaction, event.transaction),
        )
        return Authorisation.ACCEPTED if event.token else None

    async def told(self, station: str, event: StationEvent) -> bool | None:
        await self._gate()
        self.told_events.append(event)
        return self.takes_on

    async def _gate(self) -> None:
        await self.pause.wait()
        if self.broken:
            raise OSError("disk full")

    def _note(self, kind: str, event: TransactionEvent) -> None:
        self.database.execute(
            "INSERT OR IGNORE INTO events VALUES (?, ?, ?, ?, ?)",
            (event.station, event.replay_key, kind, event.transaction, msgspec.json.encode(event)),
        )

    def transactions(self) -> list[tuple[int | None, int | None, str | None]]:
        """(meter_start, meter_stop, reason) of each, in order."""
        return self.database.execute("SELECT meter_start, meter_stop, reason FROM transactions ORDER BY id").fetchall()

    def kinds(self) -> list[str]:
        return [row[0] for row in self.database.execute("SELECT kind FROM events ORDER BY rowid")]

    def events(self) -> list[TransactionEvent]:
        rows = self.database.execute("SELECT body FROM events ORDER BY rowid")
        return [msgspec.json.decode(body, type=TransactionEvent) for (body,) in rows]


class Truth(msgspec.Struct, frozen=True):
    current_a: PerPhase
    voltage_v: PerPhase
    power_w: float
    energy_wh: float
    soc: float | None


class Cars:
    """Each EVSE has a car that takes at once what it is offered, up to `takes_a` on each phase."""

    def __init__(self, takes_a: float = 32.0) -> None:
        self.takes_a = takes_a
        self.current: dict[int, PerPhase] = {}
        self.energy_wh: dict[int, float] = {}
        self.phases: dict[int, int] = {}
        self._at: dict[int, datetime] = {}

    def draw(self, evse: int, offered_a: float, phases: int, now: datetime) -> PerPhase:
        hours = (now - self._at.get(evse, now)).total_seconds() / 3600
        self.energy_wh[evse] = self.energy_wh.get(evse, 0.0) + sum(self.current.get(evse, (0, 0, 0))) * 230 * hours
        self._at[evse] = now
        current = min(offered_a, self.takes_a)
        self.phases[evse] = phases
        l1, l2, l3 = (current if phase < phases else 0.0 for phase in range(3))
        self.current[evse] = (l1, l2, l3)
        return self.current[evse]

    def measure(self, evse: int) -> Truth:
        current = self.current.get(evse, (0.0, 0.0, 0.0))
        return Truth(current, (230.0, 230.0, 230.0), sum(current) * 230, self.energy_wh.get(evse, 0.0), 0.5)


class RawStation:
    """A station of bare frames. Calls get their answers by id; what the Central System asks is kept in `asked`."""

    def __init__(self, socket: Any) -> None:
        self.socket = socket
        self.asked: list[list[Any]] = []
        self.answers: dict[str, list[Any]] = {}
        self.obeys = True
        self.says: dict[str, Any] = {}  # by action, its answer to what is asked of it, or a function of the payload
        self.closed: int | None = None
        self._reader = asyncio.create_task(self._read())
        self._next = 0

    async def _read(self) -> None:
        try:
            async for text in self.socket:
                frame = json.loads(text)
                if frame[0] == 2:
                    self.asked.append(frame)
                    if self.obeys:
                        answer = self.says.get(frame[2], {"status": "Accepted"})
                        await self.socket.send(json.dumps([3, frame[1], answer(frame[3]) if callable(answer) else answer]))
                else:
                    self.answers[frame[1]] = frame
        except websockets.ConnectionClosed:
            pass
        self.closed = self.socket.close_code

    async def send(self, frame: Any) -> None:
        await self.socket.send(frame if isinstance(frame, str) else json.dumps(frame))

    async def call(self, action: str, payload: dict[str, Any], message_id: str | None = None) -> list[Any]:
        """Send a call and return the whole answering frame."""
        self._next += 1
        message_id = message_id or f"m{self._next}"
        self.answers.pop(message_id, None)
        await self.send([2, message_id, action, payload])
        assert await until(lambda: message_id in self.answers or self.closed is not None), f"{action} was not answered"
        return self.answers[message_id]

    async def boot(self) -> list[Any]:
        if self.socket.subprotocol == "ocpp1.6":
            return await self.call("BootNotification", {"chargePointVendor": "raw", "chargePointModel": "raw"})
        station = {"model": "raw", "vendorName": "raw"}
        return await self.call("BootNotification", {"chargingStation": station, "reason": "PowerUp"})

    async def close(self) -> None:
        await self.socket.close()
        await self._reader


async def connect(
    port: int, identity: str = "CP-1", version: str | None = "ocpp1.6", password: str | None = PASSWORD, user: str | None = None
) -> RawStation:  # fmt: skip
    """Open a raw connection. Raises websockets.InvalidStatus when it is refused."""
    credentials = base64.b64encode(f"{user or identity}:{password}".encode()).decode()
    socket = await websockets.connect(
        f"ws://127.0.0.1:{port}/ocpp/{identity}",
        subprotocols=[websockets.Subprotocol(version)] if version else None,
        additional_headers={} if password is None else {"Authorization": f"Basic {credentials}"},
    )
    return RawStation(socket)


async def until(condition: Callable[[], object], timeout_s: float = 5.0) -> bool:
    """Wait for something to become true; False when it does not in time."""
    end = asyncio.get_running_loop().time() + timeout_s
    while not condition():
        if asyncio.get_running_loop().time() > end:
            return False
        await asyncio.sleep(0.005)
    return True


CHAPTERS_16 = {
    "DataTransfer": "4.3", "DiagnosticsStatusNotification": "4.4", "FirmwareStatusNotification": "4.5", "CancelReservation": "5.1",
    "ChangeAvailability": "5.2", "ChangeConfiguration": "5.3", "ClearCache": "5.4", "ClearChargingProfile": "5.5", "GetCompositeSchedule": "5.7",
    "GetConfiguration": "5.8", "GetDiagnostics": "5.9", "GetLocalListVersion": "5.10", "ReserveNow": "5.13", "SendLocalList": "5.15",
    "SetChargingProfile": "5.16", "TriggerMessage": "5.17", "UnlockConnector": "5.18", "UpdateFirmware": "5.19",
}  # fmt: skip


def shown(version: str, requirement: str, action: str) -> list[pytest.MarkDecorator]:
    """The mark of a requirement of 2.x, or of the chapter of 1.6 about that action; a mere use case gets none."""
    if version == "ocpp1.6":
        requirement = CHAPTERS_16.get(action, requirement)
    numbers = requirement.split() if "." in requirement else []
    return [pytest.mark.ocpp(version.removeprefix("ocpp"), *numbers)] if numbers else []


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)

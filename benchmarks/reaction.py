"""From a meter's telegram to the command at the station, through real sockets, beside a bare echo over the same kinds of socket.

A P1 meter on TCP reports a house load that grows a little with each telegram, so that each time the cars have to give way; the whole site
(decode, decide, store, dispatch) answers with SetChargingProfile over a websocket. Counted is the time from writing the telegram to the
arrival of the first lower limit at any station. Where the last step has left room enough, nothing need be sent and nothing is counted.
"""

import asyncio
import json
import logging
import statistics
import tempfile
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import structlog
import websockets
from rich.console import Console
from rich.table import Table

from chargebridge.app.clock import WallClock
from chargebridge.meters.registry import open_meter
from chargebridge.sim.telegrams import p1
from chargebridge.sim.telegrams.values import measured
from chargebridge.site.config_file import parse
from chargebridge.site.site import Site
from chargebridge.stations.ocpp import CentralSystem, ServerSettings, StationSettings
from chargebridge.store import Database

STATIONS, CARS = 20, 4
FUSE_A = 250.0
FIRST_A, STEP_A, ROUNDS = 2.0, 2.0, 100
"""The house's load: each step takes 0.5 A from each of the four cars, down to little more than their 6 A."""
FULL_A = 60.0
"""Offered to each car before the counting begins."""
VOLT = 230.0
SETTLE_S = 0.2
"""Between two telegrams: long enough for the answers of the last to be through."""


def config_text(store: Path, meter_port: int) -> str:
    """One 3 x 63 A connection with a meter and twenty stations."""
    head = f'[site]\nname = "bench"\nstore = "{store}"\nopen_to_all = true\n'
    tree = f'[[circuit]]\nid = "main"\nname = "Main"\nfuse_a = {FUSE_A}\nmeter = "m"\n'
    meter = f'[[meter]]\nid = "m"\nurl = "tcp://127.0.0.1:{meter_port}?protocol=p1"\n'
    points = "".join(
        f'[[station]]\nid = "S{i}"\nopen = true\n[[point]]\nid = "p{i}"\nname = "P{i}"\ncircuit = "main"\nstation = "S{i}"\nmaximum_a = 63\n'
        for i in range(STATIONS)
    )
    return head + tree + meter + points


class Station:
    """A station of a few lines: boots, may start a transaction, accepts everything, and notes when a lower limit came."""

    def __init__(self, name: str, limits: asyncio.Queue[tuple[float, float]], *, car: bool) -> None:
        self.name, self.limits, self.car, self.transaction, self.offered = name, limits, car, 0, 0.0

    async def run(self, url: str, ready: asyncio.Event) -> None:
        async with websockets.connect(url + self.name, subprotocols=["ocpp1.6"], compression=None) as socket:
            start = {"connectorId": 1, "idTag": "T", "meterStart": 0, "timestamp": datetime.now(UTC).isoformat()}
            status = {"connectorId": 1, "errorCode": "NoError", "status": "Charging" if self.car else "Available"}
            calls = [
                ("BootNotification", {"chargePointVendor": "bench", "chargePointModel": "bench"}),
                ("StatusNotification", status),
                *([("StartTransaction", start)] if self.car else []),
            ]
            for number, (action, payload) in enumerate(calls):
                await socket.send(json.dumps([2, f"{self.name}-{number}", action, payload]))
            async for frame in socket:
                arrived = time.perf_counter()
                message = json.loads(frame)
                if message[0] == 3 and "transactionId" in message[2]:
                    self.transaction = message[2]["transactionId"]
                if message[0] == 3 and message[1] == f"{self.name}-{len(calls) - 1}":
                    ready.set()
                if message[0] == 2:
                    if message[2] == "SetChargingProfile":
                        period = message[3]["csChargingProfiles"]["chargingSchedule"]["chargingSchedulePeriod"][0]
                        if period["limit"] < self.offered:
                            self.limits.put_nowait((arrived, period["limit"]))
                        self.offered = period["limit"]
                        if self.transaction:
                            await self.measure(socket, period["limit"])
                    answer = {"configurationKey": []} if message[2] == "GetConfiguration" else {"status": "Accepted"}
                    await socket.send(json.dumps([3, message[1], answer]))

    async def measure(self, socket: websockets.ClientConnection, amps: float) -> None:
        values = [{"value": f"{amps}", "measurand": "Current.Import", "phase": f"L{p}", "unit": "A"} for p in (1, 2, 3)]
        body = {
            "connectorId": 1,
            "transactionId": self.transaction,
            "meterValue": [{"timestamp": datetime.now(UTC).isoformat(), "sampledValue": values}],
        }
        await socket.send(json.dumps([2, f"{self.name}-{time.perf_counter_ns()}", "MeterValues", body]))


async def reaction() -> list[float]:
    """Seconds from telegram to first limit, one for each jump of the load that has to lower the cars."""
    writers: list[asyncio.StreamWriter] = []

    async def connected(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)

    meter = await asyncio.start_server(connected, "127.0.0.1", 0)
    with tempfile.TemporaryDirectory() as folder:
        config = parse(config_text(Path(folder) / "bench.db", meter.sockets[0].getsockname()[1]))
        database, clock = Database.open(config.site.store), WallClock()
        settings = [StationSettings(identity=s.id, security_profile=0) for s in config.station]
        site = await Site.open(
            config,
            clock,
            database,
            lambda sink: CentralSystem(ServerSettings(port=0), settings, sink, clock),
            [open_meter(m.url, m.id, clock) for m in config.meter],
        )
        central = site.stations
        assert isinstance(central, CentralSystem)
        await central.start()
        limits: asyncio.Queue[tuple[float, float]] = asyncio.Queue()
        readies = [asyncio.Event() for _ in config.station]
        url = f"ws://127.0.0.1:{central.port}/ocpp/"
        tasks = [asyncio.create_task(site.run())]
        made = [Station(s.id, limits, car=number < CARS) for number, s in enumerate(config.station)]
        tasks += [asyncio.create_task(station.run(url, ready)) for station, ready in zip(made, readies, strict=True)]
        await asyncio.wait_for(asyncio.gather(*(r.wait() for r in readies)), 60)

        async def tell(house_a: float) -> float:
            """One telegram in which the house takes so much on each phase beside what the cars are offered."""
            offered = sum(p.offers[-1].current_a for p in site.live.points.values() if p.offers)
            watts = (house_a + offered) * VOLT
            telegram = p1.encode(
                measured(
                    at=datetime.now(UTC),
                    meter_id="1",
                    power_w_phases=(watts, watts, watts),
                    voltage_v=(VOLT, VOLT, VOLT),
                    energy_import_wh=0,
                    energy_export_wh=0,
                )
            )
            sent = time.perf_counter()
            for writer in writers:
                writer.write(telegram)
            return sent

        async with asyncio.timeout(120):
            while min((p.offers[-1].current_a for p in list(site.live.points.values())[:CARS] if p.offers), default=0.0) < FULL_A:
                await tell(FIRST_A)
                await asyncio.sleep(1.0)
        seconds = []
        for number in range(ROUNDS):
            await asyncio.sleep(SETTLE_S)
            while not limits.empty():
                limits.get_nowait()
            sent = await tell(FUSE_A - FULL_A * CARS + number * STEP_A)
            with suppress(TimeoutError):
                arrived, _ = await asyncio.wait_for(limits.get(), 1.0)
                seconds.append(arrived - sent)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await central.stop()
        database.close()
        meter.close()
    return seconds


async def echo() -> list[float]:
    """The floor: the same telegram's bytes over TCP, then a frame of the same size over a websocket, with nothing between."""
    frames: asyncio.Queue[float] = asyncio.Queue()
    sockets: list[websockets.ServerConnection] = []
    connected = asyncio.Event()

    async def serve_station(socket: websockets.ServerConnection) -> None:
        sockets.append(socket)
        connected.set()
        await socket.wait_closed()

    async def relay(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        with suppress(asyncio.CancelledError):
            while await reader.read(4096):
                await sockets[0].send("x" * 400)

    async def listen(url: str) -> None:
        async with websockets.connect(url, compression=None) as socket:
            async for _ in socket:
                frames.put_nowait(time.perf_counter())

    meter = await asyncio.start_server(relay, "127.0.0.1", 0)
    server = await websockets.serve(serve_station, "127.0.0.1", 0, compression=None)
    station = asyncio.create_task(listen(f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"))
    _, writer = await asyncio.open_connection(*meter.sockets[0].getsockname()[:2])
    await asyncio.wait_for(connected.wait(), 10)
    seconds = []
    for _ in range(ROUNDS):
        await asyncio.sleep(0.01)
        sent = time.perf_counter()
        writer.write(b"x" * 800)
        seconds.append(await frames.get() - sent)
    station.cancel()
    writer.close()
    meter.close()
    server.close()
    return seconds


def main() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    floor = asyncio.run(echo())
    ours = asyncio.run(reaction())
    table = Table("", "rounds", "median ms", "p99 ms", "of the echo's median", "of a car's 5 s (IEC 61851-1)")
    for name, seconds in (("bare echo", floor), ("telegram -> limit at the station", ours)):
        median, p99 = statistics.median(seconds), statistics.quantiles(seconds, n=100)[98]
        share = f"1 / {5 / p99:,.0f}"
        table.add_row(name, str(len(seconds)), f"{median * 1e3:.2f}", f"{p99 * 1e3:.2f}", f"{median / statistics.median(floor):.1f}", share)
    Console().print(table)


if __name__ == "__main__":
    main()

"""A node of ours in a process of its own, driven by the same lines of JSON as the Go program: python -m benchmarks._eebus_node house|guard

`trust`, `dial`, `read`, `known`, `shake`, `in turn`, `to all`, as interop/eebus/peer/bench.go has them; what takes time is measured in here.
"""

import asyncio
import json
import logging
import sys
import time
from contextlib import suppress
from decimal import Decimal
from typing import Any

import structlog

from benchmarks._eebus_sites import unbounded
from chargebridge.app.clock import WallClock
from chargebridge.links.eebus.hub import Hub
from chargebridge.links.eebus.peer import Address
from chargebridge.links.eebus.reach import reach
from chargebridge.links.eebus.settings import Bounds, HubSettings
from chargebridge.links.eebus.tls import context_of
from chargebridge.links.eebus.trust_store import MemoryTrust
from chargebridge.wire.eebus.ship import Connected, Role, ShipConnection
from chargebridge.wire.eebus.ship.identity import make_identity
from chargebridge.wire.eebus.spine.events import Event
from chargebridge.wire.eebus.spine.local import LocalDevice, Now
from chargebridge.wire.eebus.usecases.controllable_system import ControllableSystem, Limited
from chargebridge.wire.eebus.usecases.energy_guard import EnergyGuard, Told
from chargebridge.wire.eebus.usecases.limitation import Settings
from chargebridge.wire.eebus.usecases.lpc import LPC

PATIENCE_S = 60.0


class Node:
    def __init__(self, role: str) -> None:
        clock = WallClock()
        self.identity = make_identity(f"bench-{role}", "Chargebridge", clock.now())
        self.trust = MemoryTrust()
        settings = HubSettings(ship_id=f"bench-{role}", dial_s=((0.0, 0.0),), bounds=unbounded())
        self.hub = Hub(settings, self.identity, self.trust, LocalDevice(f"d:_n:Bench_{role}", "EnergyManagementSystem"), clock)
        self.hub.listen(self._hear)
        entity = self.hub.node.device.add((1,), "CEM" if role == "house" else "GridGuard")
        self.guard: EnergyGuard | None = None
        if role == "guard":
            self.guard = EnergyGuard(self.hub.node, entity, LPC, self.hub.now())
        else:
            limit = Limited(LPC, Settings(nominal_w=Decimal(34500), failsafe_w=Decimal(4200)), None, self.hub.now())
            ControllableSystem(self.hub.node, entity, (limit,), self.hub.now())
        self._told: asyncio.Queue[Told] = asyncio.Queue()

    async def _hear(self, event: Event, now: Now) -> None:
        if isinstance(event, Told):
            self._told.put_nowait(event)

    async def do(self, told: dict[str, Any]) -> dict[str, Any]:
        match told["do"]:
            case "trust":
                await self.hub.pair(told["ski"])
            case "dial":
                await self.hub.pair(told["ski"], address=Address(told["host"], told["port"]))
            case "known":
                return {"count": len(self._guard().systems)}
            case "read":
                report = self._guard().report((told["ski"], (1,)))
                return {} if report.failsafe_s is None else {"failsafe_s": report.failsafe_s}
            case "shake":
                return {"seconds": [await self._shake(told) for _ in range(told["count"])]}
            case "in turn":
                return {"seconds": [await self._limit(Decimal(4200 + number % 2)) for number in range(told["count"])]}
            case "to all":
                return await self._to_all(Decimal(str(told["value"])))
        return {}

    def _guard(self) -> EnergyGuard:
        assert self.guard is not None
        return self.guard

    async def _shake(self, told: dict[str, Any]) -> float:
        """From dialling until SHIP is ready for data, beside the hub."""
        context, bounds = context_of(self.identity), Bounds()
        began = time.perf_counter()
        _, socket = await reach([Address(told["host"], told["port"])], context, bounds, lambda _: None)
        ship = ShipConnection(Role.CLIENT, "bench-guard", time.monotonic(), trusted=True)
        taken = None
        while taken is None:
            for frame in ship.outgoing():
                socket.send(frame)
            events = ship.receive(await socket.receive(), time.monotonic())
            if any(isinstance(event, Connected) for event in events):
                taken = time.perf_counter() - began
        socket.abort()
        await asyncio.sleep(0.05)
        return taken

    async def _limit(self, limit_w: Decimal) -> float:
        began = time.perf_counter()
        await self.hub.act(lambda now: self._guard().limit(limit_w, None, now))
        async with asyncio.timeout(PATIENCE_S):
            while (answer := await self._told.get()).wish.limit_w != limit_w:
                pass
        assert not answer.number
        return time.perf_counter() - began

    async def _to_all(self, limit_w: Decimal) -> dict[str, Any]:
        while not self._told.empty():
            self._told.get_nowait()
        wanted, taken = len(self._guard().systems), 0
        began = time.perf_counter()
        await self.hub.act(lambda now: self._guard().limit(limit_w, None, now))
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                while taken < wanted:
                    answer = await self._told.get()
                    taken += answer.wish.limit_w == limit_w and not answer.number
        return {"taken": taken, "seconds": time.perf_counter() - began}


async def main(role: str) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    node = Node(role)
    running = asyncio.create_task(node.hub.run())
    await node.hub.opened()
    reader = asyncio.StreamReader(limit=2**22)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    ready = {"event": "ready", "ski": node.identity.ski, "ship_id": node.hub.settings.ship_id, "port": node.hub.port}
    print(json.dumps(ready), flush=True)
    async for line in reader:
        told = json.loads(line)
        try:
            answer = await node.do(told)
        except Exception as error:
            answer = {"error": repr(error)}
        print(json.dumps({"answer": told["id"], **answer}), flush=True)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))

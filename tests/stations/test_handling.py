"""Messages are handled where they arrive as long as nothing is waited for; what waits is gone on with, and the order stays."""

import asyncio
from typing import Any

from tests.stations.ocpp_kit import connect, until

from chargebridge.wire.ocpp import v16
from chargebridge.wire.ocpp.payload import Payload

ANSWER = v16.DataTransferResponse(status="Accepted")
SENT: dict[str, Any] = {"vendorId": "bench"}


async def test_what_waits_holds_back_what_came_after_it(bench: Any) -> None:
    go_on = asyncio.Event()

    async def take(*_: object) -> Payload:
        await go_on.wait()
        await asyncio.sleep(0)  # a bare turn of the loop, and a second wait
        return ANSWER

    bench.central.station("CP-1").takes["DataTransfer"] = take
    station = await connect(bench.port)
    await station.boot()
    station.answers.clear()
    for frame in ([2, "1", "Heartbeat", {}], [2, "2", "DataTransfer", SENT], [2, "3", "Heartbeat", {}], [2, "4", "DataTransfer", SENT]):
        await station.send(frame)
    assert await until(lambda: "1" in station.answers)
    await asyncio.sleep(0.05)
    assert list(station.answers) == ["1"]
    go_on.set()
    assert await until(lambda: len(station.answers) == 4)
    assert list(station.answers) == ["1", "2", "3", "4"]
    await station.close()


async def test_a_handler_may_bound_its_wait_and_start_tasks(bench: Any) -> None:
    """It runs in the session's own task from its first step on, as `asyncio.timeout` and `TaskGroup` want it."""
    tasks = set()

    async def take(*_: object) -> Payload:
        tasks.add(asyncio.current_task())
        try:
            async with asyncio.timeout(0.02), asyncio.TaskGroup() as group:
                group.create_task(asyncio.sleep(5))
        except TimeoutError:
            tasks.add(asyncio.current_task())
            return ANSWER
        raise AssertionError("waited in vain")

    bench.central.station("CP-1").takes["DataTransfer"] = take
    station = await connect(bench.port)
    await station.boot()
    for _ in range(2):
        assert (await station.call("DataTransfer", SENT))[2] == {"status": "Accepted"}
    assert len(tasks) == 1
    assert (await station.call("Heartbeat", {}))[0] == 3
    await station.close()


async def test_a_failure_at_once_and_one_after_a_wait_are_both_told(bench: Any) -> None:
    turns = iter((0, 1))

    async def take(*_: object) -> Payload:
        if next(turns):
            await asyncio.sleep(0.01)
        raise OSError("no store")

    bench.central.station("CP-1").takes["DataTransfer"] = take
    station = await connect(bench.port)
    await station.boot()
    for _ in range(2):
        assert (await station.call("DataTransfer", SENT))[2] == "InternalError"
    assert (await station.call("Heartbeat", {}))[0] == 3
    await station.close()

"""Their Energy Guard limits our house: LPC and LPP, limits, durations, failsafe values, refusals."""

import asyncio
from decimal import Decimal
from pathlib import Path

from chargebridge.wire.eebus.usecases.controllable_system import LimitChanged
from chargebridge.wire.eebus.usecases.limitation import State
from interop.eebus.go_peer import GoPeer, Line
from interop.eebus.lab import Dialled, House, Report, joined, until

REJECTED = 7
HOUR_S = 3600.0


async def limits(report: Report, program: Path, folder: Path, dialled: Dialled) -> None:
    house = House()
    async with joined(house, program, folder, "guard", dialled) as guard:
        read = await guard.read("lpc", house.ski, lambda said: "nominal_w" in said and "failsafe_s" in said)
        told = read["nominal_w"], read["failsafe_w"], read["failsafe_s"], read["active"]
        report.check("LPC, what stands at first is read", told == (34500, 5000, 2 * HOUR_S, False), read)
        report.check("LPC, until the first limit the failsafe one holds", house.lpc.applied_w == 5000, house.lpc.machine)
        await _lpc(report, house, guard)
        await _lpp(report, house, guard)
        await _failsafe(report, house, guard)


async def _write(guard: GoPeer, house: House, of: str, value: float, **words: object) -> Line:
    """A limit, active unless said otherwise."""
    return await guard.do("limit", of=of, ski=house.ski, value=value, **{"active": True, **words})


async def _lpc(report: Report, house: House, guard: GoPeer) -> None:
    answer = await _write(guard, house, "lpc", 4200.0)
    report.check("LPC, a limit is taken", answer["result"] == 0, answer)
    held = [event.limit_w for event in house.events(LimitChanged) if event.state is State.LIMITED]
    report.check("LPC, when its answer comes it is in force and was told", held == [4200] and house.lpc.applied_w == 4200, held)
    read = await guard.read("lpc", house.ski, lambda said: bool(said["active"]))
    report.check("LPC, they are told that it holds", read["limit_w"] == 4200, read)
    answer = await _write(guard, house, "lpc", -1.0)
    report.check("LPC, a negative limit is refused", answer["result"] == REJECTED, answer)
    report.check("LPC, and the old one stands", house.lpc.applied_w == 4200, house.lpc.machine)
    answer = await _write(guard, house, "lpc", 0.0)
    report.check("LPC, 0 W is a limit", answer["result"] == 0 and house.lpc.applied_w == 0, house.lpc.machine)
    answer = await _write(guard, house, "lpc", 10.5, lasts_s=3.0)
    report.check("LPC, a limit of 3 s is taken", answer["result"] == 0 and house.lpc.applied_w == Decimal("10.5"), house.lpc.machine)
    await asyncio.sleep(2.0)
    report.check("LPC, after 2 s it holds", house.lpc.machine.state is State.LIMITED, house.lpc.machine)
    over = await until(lambda: house.lpc.machine.state is State.CONTROLLED, 3.0)
    report.check("LPC, after 3 s it is over", over and house.lpc.applied_w is None, house.lpc.machine)
    read = await guard.read("lpc", house.ski, lambda said: not said["active"])
    report.check("LPC, they are told that it is over", not read["active"], read)
    await _write(guard, house, "lpc", 7000.0)
    answer = await _write(guard, house, "lpc", 7000.0, active=False)
    report.check("LPC, a limit is ended", answer["result"] == 0 and house.lpc.applied_w is None, house.lpc.machine)


async def _lpp(report: Report, house: House, guard: GoPeer) -> None:
    read = await guard.read("lpp", house.ski, lambda said: "nominal_w" in said)
    report.check("LPP, what stands at first is read", (read["nominal_w"], read["failsafe_w"]) == (10000, 0), read)
    answer = await _write(guard, house, "lpp", -3000.0)
    report.check("LPP, a limit is taken", answer["result"] == 0 and house.lpp.applied_w == -3000, house.lpp.machine)
    answer = await _write(guard, house, "lpp", 1.0)
    report.check("LPP, a positive limit is refused", answer["result"] == REJECTED and house.lpp.applied_w == -3000, answer)
    report.check("LPP, LPC knows nothing of it", house.lpc.machine.state is State.CONTROLLED, house.lpc.machine)
    answer = await _write(guard, house, "lpp", 0.0, lasts_s=2.0)
    report.check("LPP, 0 W for 2 s is taken", answer["result"] == 0 and house.lpp.applied_w == 0, house.lpp.machine)
    over = await until(lambda: house.lpp.machine.state is State.CONTROLLED, 4.0)
    report.check("LPP, and is over", over, house.lpp.machine)


async def _failsafe(report: Report, house: House, guard: GoPeer) -> None:
    cases = (
        ("lpc", {"value": 6300.0}, 0, "the failsafe limit is written"),
        ("lpp", {"value": 800.0}, 0, "the failsafe limit is written"),
        ("lpc", {"value": -1.0}, REJECTED, "a negative failsafe limit is refused"),
        ("lpc", {"lasts_s": 3 * HOUR_S}, 0, "the failsafe duration is written"),
        ("lpc", {"lasts_s": HOUR_S}, REJECTED, "one of 1 h is refused"),
        ("lpc", {"lasts_s": 25 * HOUR_S}, REJECTED, "one of 25 h is refused"),
    )
    for of, words, result, name in cases:
        answer = await guard.do("failsafe", of=of, ski=house.ski, **words)
        report.check(f"{of.upper()}, {name}", answer["result"] == result, answer)
    memory = house.lpc.machine.memory
    report.check("LPC, the failsafe limit is kept", memory.failsafe_w == 6300, memory)
    report.check("LPP, the failsafe limit is kept", house.lpp.machine.memory.failsafe_w == 800, house.lpp.machine.memory)
    report.check("LPC, after 25 h were asked for, it is the longest, 24 h (022)", memory.failsafe_s == 24 * HOUR_S, memory)
    read = await guard.read("lpc", house.ski, lambda said: said["failsafe_s"] == 24 * HOUR_S)
    report.check("LPC, they read what was written", (read["failsafe_w"], read["failsafe_s"]) == (6300, 24 * HOUR_S), read)

"""Our Energy Guard limits their systems: a heat pump (LPC) and an inverter (LPP)."""

from decimal import Decimal
from pathlib import Path

from chargebridge.wire.eebus.spine.errors import ErrorNumber
from chargebridge.wire.eebus.spine.events import Answered
from chargebridge.wire.eebus.usecases.energy_guard import EnergyGuard, Told
from interop.eebus.go_peer import GoPeer
from interop.eebus.lab import Box, Dialled, Report, joined, until

HOUR_S = 3600.0


async def limits(report: Report, program: Path, folder: Path, dialled: Dialled) -> None:
    box = Box()
    async with joined(box, program, folder, "system", dialled) as system:
        await _limits(report, box, system, box.lpc, "lpc", Decimal(4200), Decimal(-1), Decimal(9000))
        await _limits(report, box, system, box.lpp, "lpp", Decimal(-3000), Decimal(1), Decimal(5000))
        beats = await system.do("own", of="lpc")
        report.check("LPC, they hear our heartbeat", beats["beats"], beats)


async def _limits(
    report: Report, box: Box, system: GoPeer, guard: EnergyGuard, of: str, limit_w: Decimal, wrong_w: Decimal, nominal_w: Decimal
) -> None:
    name = of.upper()
    report.check(f"{name}, their system is found", await until(lambda: bool(guard.systems)), box.hub.node.links)
    (key,) = guard.systems
    known = await until(lambda: guard.report(key).nominal_w is not None and guard.report(key).failsafe_s is not None)
    said = guard.report(key)
    report.check(f"{name}, what it says of itself is read", known and (said.nominal_w, said.failsafe_s) == (nominal_w, 2 * HOUR_S), said)

    def told() -> list[Told]:
        return [event for event in box.events(Told) if event.use_case == guard.kind.name]

    first = await until(lambda: len(told()) == 1)
    deactivated = first and told()[0].wish.limit_w is None and told()[0].number is ErrorNumber.NONE
    report.check(f"{name}, a first limit says that there is none (913)", deactivated, told())
    before = len(told())
    await box.hub.act(lambda now: guard.limit(limit_w, 600.0, now))
    taken = await until(lambda: len(told()) > before) and told()[-1].number is ErrorNumber.NONE
    report.check(f"{name}, a limit is taken", taken, told())
    own = await system.do("own", of=of)
    report.check(
        f"{name}, it is in force there, with its end", (own["limit_w"], own["active"], own["lasts_s"]) == (limit_w, True, 600), own
    )
    notified = await until(lambda: guard.report(key).active is True and guard.report(key).limit_w == limit_w)
    report.check(f"{name}, we are told so", notified, guard.report(key))
    before = len(told())
    await box.hub.act(lambda now: guard.limit(wrong_w, None, now))
    refused = await until(lambda: len(told()) > before) and told()[-1].number is ErrorNumber.COMMAND_REJECTED
    report.check(f"{name}, one of the wrong sign is refused, and we know it", refused, told())
    own = await system.do("own", of=of)
    report.check(f"{name}, the old one stands", own["limit_w"] == limit_w, own)
    await box.hub.act(lambda now: guard.limit(None, None, now))
    await until(lambda: told()[-1].wish.limit_w is None)
    own = await system.do("own", of=of)
    report.check(f"{name}, it is ended", not own["active"] and own["lasts_s"] == 0, own)
    counters: list[int] = []

    def write(now: object) -> None:
        counters.extend(guard.failsafe(key, Decimal(1500), 3 * HOUR_S, box.hub.now()))

    await box.hub.act(write)
    await until(lambda: {event.counter for event in box.events(Answered)} >= set(counters))
    results = {event.counter: event.number for event in box.events(Answered)}
    own = await system.do("own", of=of)
    kept = [results.get(counter) for counter in counters] == [ErrorNumber.NONE] * 2 and own["failsafe_w"] == 1500
    report.check(f"{name}, failsafe values are written", kept and own["failsafe_s"] == 3 * HOUR_S, own)

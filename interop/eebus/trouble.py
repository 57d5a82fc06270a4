"""What goes wrong between our house and their Energy Guard: silence, restarts, new certificates, double connections, processes that die."""

import asyncio
import random
import signal
from decimal import Decimal
from pathlib import Path

from chargebridge.links.eebus.peer import Address, Phase
from chargebridge.links.eebus.window import PairingWindow
from chargebridge.wire.eebus.ship.identity import make_identity
from chargebridge.wire.eebus.usecases.limit_record import GuardReturned, Moved
from chargebridge.wire.eebus.usecases.limitation import SILENCE_S, On, State
from interop.eebus.go_peer import GoPeer, PeerError, free_port
from interop.eebus.lab import SOON_S, Cable, Dialled, House, Ours, Report, join, joined, until

BEAT_S = 4.0
"""Their heartbeat, which comes every 2 s then: so that it is known when the last one was."""
TOLERANCE_S = 3.5
RECONNECTS = {Dialled.BY_US: 15, Dialled.BY_GO: 4}
"""They wait longer from one time to the next, up to 20 s."""
DOUBLES = 8
KILLS = 12


async def silence_killed(report: Report, program: Path, folder: Path, dialled: Dialled) -> None:
    """The guard's process is killed: the limit holds on, after 120 s the failsafe limit does, and its return ends nothing by itself."""
    house = House()
    async with joined(house, program, folder, "guard", dialled, heartbeat_s=BEAT_S) as guard:
        await _limited(guard, house, 4200.0)
        died_s = house.clock.steady_s()
        await guard.kill()
        lost = await until(lambda: not house.connected(guard.ski))
        report.check("killed, its connection is gone at once", lost and house.clock.steady_s() < died_s + 2, house.phase(guard.ski))
        await asyncio.sleep(SILENCE_S / 2)
        report.check("killed, its limit outlives the connection", house.lpc.applied_w == 4200, house.lpc.machine)
        await _falls(report, "killed", house, died_s)
        await guard.restart()
        await join(house, guard, dialled)
        report.check("back, its heartbeat is heard", await until(lambda: _returned(house)), house.lpc.machine)
        report.check("back, the failsafe limit still holds", house.lpc.machine.state is State.FAILSAFE, house.lpc.machine)
        await _limited(guard, house, 3000.0)
        report.check("back, its new limit ends failsafe (919)", house.lpc.applied_w == 3000, house.lpc.machine)


async def silence_connected(report: Report, program: Path, folder: Path, dialled: Dialled) -> None:
    """The guard's connection stays, its heart stops: a socket is no sign of life."""
    house = House()
    async with joined(house, program, folder, "guard", dialled, heartbeat_s=BEAT_S) as guard:
        await _limited(guard, house, 4200.0)
        await guard.do("beat", active=False)
        stopped_s = house.clock.steady_s()
        await asyncio.sleep(SILENCE_S / 2)
        report.check("silent, its limit holds", house.lpc.applied_w == 4200, house.lpc.machine)
        await _falls(report, "silent", house, stopped_s)
        report.check("silent, it is connected all the time", house.connected(guard.ski), house.phase(guard.ski))
        told = await guard.read("lpc", house.ski, lambda said: not said["active"])
        report.check("silent, it is told that its limit is not in force", not told["active"], told)
        await guard.do("beat", active=True)
        report.check("beats again, that is heard", await until(lambda: _returned(house)), house.lpc.machine)
        answer = await guard.do("limit", of="lpc", ski=house.ski, value=0.0, active=False)
        freed = answer["result"] == 0 and house.lpc.machine.state is State.CONTROLLED
        report.check("beats again, its word that there is no limit ends failsafe (920)", freed, house.lpc.machine)


async def _limited(guard: GoPeer, house: House, limit_w: float) -> None:
    """Raises PeerError where the limit is not taken."""
    await guard.read("lpc", house.ski, lambda said: "failsafe_s" in said)
    answer = await guard.do("limit", of="lpc", ski=house.ski, value=limit_w, active=True)
    if answer["result"] or house.lpc.applied_w != Decimal(str(limit_w)):
        raise PeerError(f"the limit of {limit_w:g} W: {answer}, {house.lpc.machine}")


def _returned(house: House) -> bool:
    """Whether the guard's heart was heard since failsafe began."""
    kinds = [type(event) for _, event in house.heard if isinstance(event, GuardReturned | Moved)]
    return bool(kinds) and kinds[-1] is GuardReturned


async def _falls(report: Report, how: str, house: House, since_s: float) -> None:
    """Into failsafe, 120 s after the last heartbeat, which was up to 2 s before."""
    await until(lambda: house.lpc.machine.state is State.FAILSAFE, SILENCE_S)
    moves = [event for event in house.events(Moved) if event.use_case == house.lpc.kind.name and event.on is On.SILENT]
    after_s = moves[-1].at_s - since_s if moves else 0.0
    passed = house.lpc.applied_w == 5000 and abs(after_s - SILENCE_S) < TOLERANCE_S
    report.check(f"{how}, after 120 s the failsafe limit holds (912)", passed, f"{after_s:.1f} s, {house.lpc.machine}")


async def restarts(report: Report, program: Path, folder: Path, dialled: Dialled) -> None:
    """Either side starts anew as the same node: nobody has to be paired again."""
    house = House()
    async with joined(house, program, folder, "guard", dialled) as guard:
        await _limited(guard, house, 4200.0)
        await guard.restart()
        await guard.do("trust", ski=house.ski)
        if dialled is Dialled.BY_GO:
            await guard.do("dial", ski=house.ski, host="127.0.0.1", port=house.hub.port)
        again = await until(lambda: house.connected(guard.ski))
        report.check("they start anew, connected again", again, house.phase(guard.ski))
        report.check("they start anew, the limit holds on", house.lpc.applied_w == 4200, house.lpc.machine)
        await _limited(guard, house, 3000.0)
        report.check("they start anew, and limit again", house.lpc.applied_w == 3000, house.lpc.machine)
        port, trust = house.hub.port, house.trust
        await house.__aexit__(None, None, None)
        told = await until(lambda: any(event["event"] == "disconnected" for event in guard.events))
        report.check("we end, they are told", told, guard.events[-3:])
        guard.events.clear()
        async with House(identity=house.identity, trust=trust, port=port) as anew:
            again = await until(lambda: anew.connected(guard.ski), 40.0)
            report.check("we start anew, connected again", again, anew.phase(guard.ski))
            report.check("we start anew, until a limit the failsafe one holds", anew.lpc.applied_w == 5000, anew.lpc.machine)
            await _limited(guard, anew, 2000.0)
            report.check("we start anew, and are limited again", anew.lpc.applied_w == 2000, anew.lpc.machine)
        await house.__aenter__()


async def new_certificate(report: Report, program: Path, folder: Path, dialled: Dialled) -> None:
    """The peer comes with another key, e.g. since it was replaced: it is a stranger until it is paired."""
    house = House(window=PairingWindow(Ours("clock").clock, start_s=0.0))
    async with joined(house, program, folder, "guard", dialled) as guard:
        await _limited(guard, house, 4200.0)
        old_ski, port = guard.ski, guard.port
        await guard.stop()
        async with GoPeer(program, "guard", folder / "other.pem", port=port) as other:
            await other.do("trust", ski=house.ski)
            if dialled is Dialled.BY_GO:
                await other.do("dial", ski=house.ski, host="127.0.0.1", port=house.hub.port)
                denied = await until(lambda: any(event.get("state") == "denied" for event in other.events))
                report.check("it is refused, and knows it", denied, other.events[-4:])
            else:
                told = await until(lambda: any(peer.ski == old_ski and peer.trouble for peer in house.hub.peers()))
                await asyncio.sleep(1.5)
                trouble = next((peer.trouble for peer in house.hub.peers() if peer.ski == old_ski), None)
                named = told and trouble is not None and other.ski in trouble.reason
                report.check("the trouble names the SKI that is there now", named, trouble)
            report.check("it is not connected", not house.connected(other.ski) and other.ski not in house.hub.node.links, house.hub.peers())
            report.check("the old one's limit holds on", house.lpc.applied_w == 4200, house.lpc.machine)
            await house.hub.unpair(old_ski)
            await house.hub.pair(other.ski, address=Address("127.0.0.1", port) if dialled is Dialled.BY_US else None)
            again = await until(lambda: house.connected(other.ski), 30.0)
            report.check("paired, it is connected", again, house.phase(other.ski))
            await _limited(other, house, 1000.0)
            report.check("paired, it limits", house.lpc.applied_w == 1000, house.lpc.machine)


async def strangers(report: Report, program: Path, folder: Path, _: Dialled) -> None:
    """Pairing from either side, in either order."""
    house = House(window=PairingWindow(Ours("clock").clock, start_s=0.0))
    async with house, GoPeer(program, "guard", folder / "guard.pem") as guard:
        await guard.do("trust", ski=house.ski)
        await guard.do("dial", ski=house.ski, host="127.0.0.1", port=house.hub.port)
        denied = await until(lambda: any(event.get("state") == "denied" for event in guard.events))
        report.check("a stranger is refused while the window is closed, and knows it", denied, guard.events[-4:])
        house.hub.open_window()
        asks = await until(lambda: house.phase(guard.ski) is Phase.ASKING, 40.0)
        report.check("while it is open, it asks", asks, house.phase(guard.ski))
        await house.hub.pair(guard.ski)
        report.check("and is connected once it is trusted", await until(lambda: house.connected(guard.ski)), house.phase(guard.ski))
        await house.hub.unpair(guard.ski)
        report.check("unpaired, it is sent away", await until(lambda: not house.connected(guard.ski)), house.phase(guard.ski))
    async with House() as house, GoPeer(program, "guard", folder / "guard2.pem", serial="2") as guard:
        await house.hub.pair(guard.ski, address=Address("127.0.0.1", guard.port))
        report.check("they refuse us, and we know it", await until(lambda: house.phase(guard.ski) is Phase.DENIED), house.phase(guard.ski))
        trouble = next(peer.trouble for peer in house.hub.peers() if peer.ski == guard.ski)
        report.check("with what a person does next", trouble is not None and bool(trouble.cure), trouble)
        await guard.do("ask", active=True)
        waits = await until(lambda: house.phase(guard.ski) is Phase.WAITING, 30.0)
        report.check("they let us wait for their user", waits, house.phase(guard.ski))
        await guard.do("trust", ski=house.ski)
        report.check("and we are connected once they trust us", await until(lambda: house.connected(guard.ski)), house.phase(guard.ski))


async def doubles(report: Report, program: Path, folder: Path, _: Dialled) -> None:
    """Both dial at the same moment: one connection stays, whoever has the larger SKI, and it works."""
    smaller = larger = stable = 0
    details: list[str] = []
    for number in range(DOUBLES):
        async with GoPeer(program, "guard", folder / f"double{number}.pem") as guard:
            ours = make_identity(f"Double-{number}", "Chargebridge", Ours("clock").clock.now())
            while (ours.ski > guard.ski) != bool(number % 2):
                ours = make_identity(f"Double-{number}", "Chargebridge", Ours("clock").clock.now())
            async with House(identity=ours) as house:
                await guard.do("trust", ski=house.ski)
                # Registered while it runs, the peer dials at once; so do we.
                await asyncio.gather(
                    guard.do("dial", ski=house.ski, host="127.0.0.1", port=house.hub.port),
                    house.hub.pair(guard.ski, address=Address("127.0.0.1", guard.port)),
                )
                await until(lambda: house.connected(guard.ski))
                await asyncio.sleep(1.5)
                if not await until(lambda: house.connected(guard.ski), 30.0):
                    details.append(f"{number}: {house.phase(guard.ski)}")
                    continue
                try:
                    await _limited(guard, house, 4200.0)
                except PeerError as error:
                    details.append(f"{number}: {error}")
                    continue
                stable += 1
                smaller += ours.ski < guard.ski
                larger += ours.ski > guard.ski
    report.check(f"of {DOUBLES} starts all end with one connection that works", stable == DOUBLES, "; ".join(details))
    report.check("with our SKI the smaller one and the larger one", smaller == larger == DOUBLES // 2, (smaller, larger))


async def reconnects(report: Report, program: Path, folder: Path, dialled: Dialled) -> None:
    """The cable between them is pulled time and again."""
    house = House()
    async with house, GoPeer(program, "guard", folder / "guard.pem") as guard:
        cable = Cable(guard.port if dialled is Dialled.BY_US else house.hub.port)
        times = RECONNECTS[dialled]
        async with cable:
            await join(house, guard, dialled, cable.port)
            await _limited(guard, house, 999.0)
            works, tasks = 0, len(asyncio.all_tasks())
            for number in range(times):
                cable.pull()
                if not await until(lambda: not house.connected(guard.ski)):
                    break
                if not await until(lambda: house.connected(guard.ski), 40.0):
                    break
                await _limited(guard, house, 1000.0 + number)
                works += 1
            report.check(f"{times} times it comes again and limits", works == times, f"{works}, {house.phase(guard.ski)}")
            gone = await until(lambda: len(asyncio.all_tasks()) <= tasks + 2)
            report.check("nothing is left over of the old connections", gone, [str(task.get_coro()) for task in asyncio.all_tasks()])
            report.check("one limit is in force, the last", house.lpc.applied_w == 1000 + times - 1, house.lpc.machine)


async def killed_in_handshake(report: Report, program: Path, folder: Path, _: Dialled) -> None:
    """The peer dies at some moment between TCP and data, while another one's limits are answered as ever."""
    house = House()
    async with joined(house, program, folder, "guard", Dialled.BY_GO) as guard:
        port = free_port()
        async with GoPeer(program, "system", folder / "mortal.pem", serial="mortal", port=port) as mortal:
            await house.hub.pair(mortal.ski, address=Address("127.0.0.1", port))
            slowest_s, reached = 0.0, set()
            for number in range(KILLS):
                await mortal.do("trust", ski=house.ski)
                await mortal.do("dial", ski=house.ski, host="127.0.0.1", port=house.hub.port)
                begun = await until(lambda: house.phase(mortal.ski) in (Phase.CONNECTING, Phase.CONNECTED), 5.0)
                await asyncio.sleep(random.uniform(0, 0.05) if begun else 0)
                reached.add(house.phase(mortal.ski))
                if number % 3 == 0:
                    mortal.signal(signal.SIGSTOP)  # it says nothing more, and only then dies
                before_s = house.clock.steady_s()
                await _limited(guard, house, 2000.0 + number)
                slowest_s = max(slowest_s, house.clock.steady_s() - before_s)
                await mortal.restart()
            report.check(f"killed {KILLS} times, the other peer's limits are answered meanwhile", slowest_s < 2.0, f"{slowest_s:.2f} s")
            await mortal.do("trust", ski=house.ski)
            report.check(
                "when it lives on, it is connected", await until(lambda: house.connected(mortal.ski), SOON_S), house.phase(mortal.ski)
            )
            report.check("the other one was connected all the time", house.connected(guard.ski), house.phase(guard.ski))

"""What one address or one guesser may take from the door, and that a good station does not notice."""

import asyncio
import socket
import ssl
from contextlib import suppress
from pathlib import Path

import pytest
import websockets
from ocpp_kit import until
from security_kit import Fort, House, cheap_hashes

from chargebridge.sim.world.clock import WallClock
from chargebridge.stations.ocpp.limits import FREE_TRIES, LONGEST_WAIT_S, Doorkeeper, DoorLimits, household

__all__ = ["cheap_hashes"]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    return House(tmp_path_factory.mktemp("house"), WallClock())


def test_addresses_of_one_subscriber_are_one() -> None:
    assert household("2001:db8:1:2::5") == household("2001:db8:1:2:ffff::9")
    assert household("2001:db8:1:2::5") != household("2001:db8:1:3::5")
    assert household("::ffff:192.0.2.1") == household("192.0.2.1")
    assert household("fe80::1%eth0") == household("fe80::2%eth0")
    assert household("?") == "?"


def test_connections_a_second() -> None:
    door = Doorkeeper(DoorLimits(rate=10.0, burst=5, address_rate=1.0, address_burst=2))
    assert [door.knock("a", 0.0) for _ in range(3)] == [0.0, 0.0, 1.0]
    assert [door.knock("b", 0.0) for _ in range(2)] == [0.0, 0.0]
    assert [door.knock("c", 0.0) for _ in range(2)] == [0.0, pytest.approx(0.1)], "all together"
    assert door.knock("a", 1.5) == 0.0


def test_wrong_passwords_wait_longer_each_time_and_the_station_itself_does_not() -> None:
    door = Doorkeeper(DoorLimits())
    door.right_password("CP", "home")
    waits = []
    for _ in range(FREE_TRIES + 10):
        door.wrong_password("CP", "elsewhere", 0.0)
        waits.append(door.password_wait_s("CP", "elsewhere", 0.0))
    assert waits[: FREE_TRIES + 3] == [0.0] * (FREE_TRIES - 1) + [2.0, 4.0, 8.0, 16.0]
    assert waits[-1] == LONGEST_WAIT_S
    assert door.password_wait_s("CP", "a third", 0.0) == LONGEST_WAIT_S, "changing the address gains nothing"
    assert door.password_wait_s("CP", "home", 0.0) == 0.0
    assert door.password_wait_s("CP", "elsewhere", 4000.0) == 0.0, "forgiven"


@pytest.mark.usefixtures("full_cost")
async def test_guessing_is_slowed_down_and_the_station_gets_in_meanwhile(house: House, tmp_path: Path) -> None:
    async with Fort(house, tmp_path, speed=1.0) as fort:
        assert await fort.status("P1", address="127.0.0.2") == 101
        guesses = [await fort.status("P1", password=f"guess {n}", address="127.0.0.3") for n in range(6)]
        assert guesses == [401, 401, 401, 429, 429, 429]
        assert await fort.status("P1", password="another", address="127.0.0.4") == 429
        assert await fort.status("P1", address="127.0.0.2") == 101
        with pytest.raises(websockets.InvalidStatus) as refused:
            await fort.come("P1", password="guess", address="127.0.0.3")
        assert 0 < int(refused.value.response.headers["Retry-After"]) <= 2


async def test_many_guesses_at_once_gain_nothing(house: House, tmp_path: Path) -> None:
    async with Fort(house, tmp_path, speed=1.0) as fort:
        statuses = await asyncio.gather(*(fort.status("P1", password=f"guess {n}") for n in range(12)))
        assert sorted(statuses) == [401] * FREE_TRIES + [429] * (12 - FREE_TRIES)


async def test_too_many_connections_from_one_address(house: House, tmp_path: Path) -> None:
    async with Fort(house, tmp_path, limits=DoorLimits(address_connections=2)) as fort:
        open_ones = [await fort.come(name, address="127.0.0.7") for name in ("P0", "P1")]
        assert await fort.status("P1", address="127.0.0.7") == 429
        assert await fort.status("P1", address="127.0.0.6") == 101
        await open_ones[0].close()
        assert await until(lambda: fort.central.door.open["127.0.0.7"] <= 1)
        assert await fort.status("P0", address="127.0.0.7") == 101
        half_open = [socket.create_connection(("127.0.0.1", fort.central.plain_port), source_address=("127.0.0.7", 0)) for _ in range(8)]
        assert await until(lambda: fort.central.door.open["127.0.0.7"] <= 4), "twice the bound, the rest is cut off"
        for one in half_open:
            one.close()
        await open_ones[1].close()
        assert await until(lambda: not fort.central.door.open["127.0.0.7"]), "all are counted out again"


async def test_knocking_too_often(house: House, tmp_path: Path) -> None:
    async with Fort(house, tmp_path, speed=1.0, limits=DoorLimits(address_rate=0.5, address_burst=3)) as fort:
        assert [await fort.status("P1", address="127.0.0.7") for _ in range(4)] == [101, 101, 101, 429]
        context = house.client()
        assert [await fort.status("P2", address="127.0.0.8", tls=context) for _ in range(3)] == [101] * 3
        with pytest.raises((OSError, EOFError, ssl.SSLError)):  # closed before TLS, which is what would cost
            await fort.come("P2", address="127.0.0.8", tls=context)
        assert ("", "too many connections") in fort.central.strangers


async def test_a_tls_handshake_that_never_ends_is_given_up(house: House, tmp_path: Path) -> None:
    async with Fort(house, tmp_path, handshake_timeout_s=0.3) as fort:
        reader, writer = await asyncio.open_connection("127.0.0.1", fort.central.port)
        async with asyncio.timeout(5):
            assert await reader.read() == b""
        writer.close()


@pytest.mark.usefixtures("full_cost")
async def test_a_good_station_is_served_while_bad_ones_knock(house: House, tmp_path: Path) -> None:
    """Foreign certificates, plain bytes at the TLS port, wrong passwords, unknown names: all at once, for a second."""
    foreign = House(tmp_path, WallClock())
    bad = house.client(foreign.station_files("P3"))
    limits = DoorLimits(address_rate=20.0, address_burst=40, address_connections=50)
    (tmp_path / "fort").mkdir()
    async with Fort(house, tmp_path / "fort", speed=1.0, limits=limits) as fort:
        good = await fort.come("P2", tls=house.client(), address="127.0.0.2")
        await good.boot()
        over = asyncio.Event()

        async def annoy(identity: str, **how: object) -> None:
            while not over.is_set():
                with suppress(OSError, EOFError, websockets.WebSocketException, TimeoutError):
                    await (await fort.come(identity, address="127.0.0.66", **how)).close()  # type: ignore[arg-type]
                await asyncio.sleep(0.01)

        async def babble() -> None:
            while not over.is_set():
                with suppress(OSError):
                    _, writer = await asyncio.open_connection("127.0.0.1", fort.central.port, local_addr=("127.0.0.66", 0))
                    writer.write(b"\0" * 2000)
                    writer.close()
                await asyncio.sleep(0.01)

        bad_ones = [annoy("P3", tls=bad, password=None), annoy("P1", password="wrong"), annoy("NOBODY"), annoy("P3"), babble(), babble()]
        tasks = [asyncio.create_task(job) for job in bad_ones]
        waits = []
        for _ in range(25):
            began = asyncio.get_running_loop().time()
            assert (await good.call("Heartbeat", {}))[0] == 3
            waits.append(asyncio.get_running_loop().time() - began)
            await asyncio.sleep(0.04)
        over.set()
        await asyncio.gather(*tasks)
        assert sorted(waits)[len(waits) // 2] < 0.5
        assert max(waits) < 2.0
        assert fort.central.refused > 20
        assert good.closed is None
        print(f"good station: median {sorted(waits)[12] * 1000:.1f} ms, worst {max(waits) * 1000:.1f} ms, {fort.central.refused} refused")

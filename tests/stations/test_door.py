"""Who is let in, and what a peer may do to the server: bad handshakes, bad frames, floods, silence, two sockets at once."""

import asyncio
import json
import socket as sockets
import ssl
from pathlib import Path
from typing import Any

import pytest
import websockets
from ocpp_kit import connect, until

from chargebridge.stations.ocpp import CentralSystem, ServerSettings, StationSettings
from chargebridge.stations.ocpp.passwords import basic_credentials
from chargebridge.stations.port import Outcome
from chargebridge.store.passwords import hash_password, matches


async def refused(bench: Any, **how: Any) -> int:
    with pytest.raises(websockets.InvalidStatus) as caught:
        await connect(bench.port, **how)
    return caught.value.response.status_code


async def test_an_unknown_station_is_refused_and_listed(bench: Any) -> None:
    assert await refused(bench, identity="CP-9") == 404
    assert await refused(bench, identity="CP-9") == 404
    (stranger,) = bench.central.strangers.values()
    assert (stranger.identity, stranger.why, stranger.times) == ("CP-9", "unknown station", 2)
    assert bench.central.refused == 2


async def test_the_list_of_strangers_is_bounded(bench: Any) -> None:
    for number in range(260):
        bench.central._turn_away(f"X-{number}", "192.0.2.1", "unknown station")
    assert len(bench.central.strangers) == 256
    assert bench.central.refused == 260


@pytest.mark.parametrize("how", [{"password": "wrong"}, {"password": None}, {"user": "CP-2"}])
@pytest.mark.ocpp("1.6", "J6.2")
async def test_a_wrong_password_is_refused(bench: Any, how: dict[str, Any]) -> None:
    assert await refused(bench, **how) == 401
    assert bench.sink.connections == []


async def test_the_right_password_is_remembered_and_a_wrong_one_still_wrong(bench: Any) -> None:
    for _ in range(2):
        station = await connect(bench.port)
        await station.close()
    assert await refused(bench, password="wrong") == 401


def test_passwords() -> None:
    stored = hash_password("secret")
    assert matches(b"secret", stored)
    assert not matches(b"Secret", stored)
    assert not matches(b"secret", "scrypt$rubbish")
    assert not matches(b"secret", "plain$c2VjcmV0$c2VjcmV0")
    assert basic_credentials("Basic Og==") is not None
    for header in (None, "", "Bearer x", "Basic", "Basic !!!", "Basic c2VjcmV0", "Basic /////zo="):
        assert basic_credentials(header) is None, header


def test_doing_without_a_password_has_to_be_said(bench: Any) -> None:
    with pytest.raises(ValueError, match="has no password"):
        bench.central.admit(StationSettings(identity="CP-3"))
    with pytest.raises(ValueError, match="two stations"):
        bench.central.admit(StationSettings(identity="CP-1", security_profile=0))
    with pytest.raises(ValueError, match="no station identity"):
        bench.central.admit(StationSettings(identity="a:b", security_profile=0))


@pytest.mark.ocpp("1.6", "J3.1.1")
@pytest.mark.ocpp("2.0.1", "J3.1.1")
@pytest.mark.ocpp("2.1", "J3.1.1")
async def test_security_profile_0(bench: Any) -> None:
    bench.central.admit(StationSettings(identity="OPEN 1", security_profile=0))
    station = await connect(bench.port, identity="OPEN%201", password=None)
    assert (await station.boot())[2]["status"] == "Accepted"
    await station.close()


async def test_no_subprotocol_at_all_is_no_station(bench: Any) -> None:
    assert await refused(bench, version=None) == 400
    assert [stranger.why for stranger in bench.central.strangers.values()] == ["no subprotocol"]


@pytest.mark.parametrize("version", ["ocpp1.5", "soap"])
@pytest.mark.ocpp("1.6", "J3.2")
@pytest.mark.ocpp("2.0.1", "J3.2")
@pytest.mark.ocpp("2.1", "J3.3")
async def test_no_common_subprotocol(bench: Any, version: str) -> None:
    """The handshake is completed without one and the socket closed (2.0.1 part 4, 3.3)."""
    try:
        station = await connect(bench.port, version=version)
    except websockets.NegotiationError:
        pytest.fail("the handshake should be completed")
    assert await until(lambda: station.closed == 1002)
    assert [stranger.why for stranger in bench.central.strangers.values()] == ["no common subprotocol"]


@pytest.mark.ocpp("1.6", "J3.1.2")
@pytest.mark.ocpp("2.0.1", "J3.1.2")
@pytest.mark.ocpp("2.1", "J3.1.2")
async def test_the_stations_order_of_subprotocols_counts(bench: Any) -> None:
    offered = [websockets.Subprotocol(name) for name in ("ocpp3.0", "ocpp2.1", "ocpp1.6", "ocpp2.0.1")]
    bench.central.admit(StationSettings(identity="OPEN", security_profile=0))
    async with websockets.connect(f"ws://127.0.0.1:{bench.port}/OPEN", subprotocols=offered) as socket:
        assert socket.subprotocol == "ocpp2.1"


BAD_FRAMES = [
    ("{", None),
    ("null", None),
    ("[]", None),
    ("[2]", None),
    ('[2,5,"Heartbeat",{}]', None),
    ('[2,"a","Heartbeat"]', ("a", "ProtocolError", "ProtocolError")),
    ('[2,"a","Heartbeat",{},1]', ("a", "FormationViolation", "RpcFrameworkError")),
    ('[2,"a","Heartbeat",[]]', ("a", "TypeConstraintViolation", "TypeConstraintViolation")),
    ('[2,"a","Heartbeat",{"x":1}]', ("a", "FormationViolation", "FormatViolation")),
    ('[2,"a","NoSuchAction",{}]', ("a", "NotImplemented", "NotImplemented")),
    ('[2,"a","ClearCache",{}]', ("a", "NotSupported", "NotSupported")),
    ('[2,"a","BootNotification",{}]', ("a", "OccurenceConstraintViolation", "OccurrenceConstraintViolation")),
    ('[2,"a","DataTransfer",{"vendorId":5}]', ("a", "TypeConstraintViolation", "TypeConstraintViolation")),
    ('[3,"nobody asked",{}]', ()),
    ('[4,"nobody asked","GenericError","",{}]', ()),
    ('[7,"a",{}]', ()),
]


@pytest.mark.parametrize(("frame", "expected"), BAD_FRAMES)
@pytest.mark.ocpp("1.6", "J4.2.3")
@pytest.mark.ocpp("2.0.1", "J4.2.3", "J4.3")
@pytest.mark.ocpp("2.1", "J4.2.3", "J4.3")
async def test_a_bad_frame_costs_that_frame(bench: Any, spoken: str, frame: str, expected: Any) -> None:
    """expected: (id, code in 1.6, code in 2.0.1); None: the id is not readable; (): no answer is due."""
    station = await connect(bench.port, version=spoken)
    await station.boot()
    await station.send(frame)
    assert (await station.call("Heartbeat", {}))[0] == 3, "the connection lives on"
    errors = [answer for answer in station.answers.values() if answer[0] == 4]
    if expected is None:
        assert [error[1] for error in errors] == ([] if spoken == "ocpp1.6" else ["-1"])
    elif expected:
        assert [error[1:3] for error in errors] == [[expected[0], expected[1 if spoken == "ocpp1.6" else 2]]]
    else:
        assert errors == []
    await station.close()


async def test_an_oversized_frame_closes_the_connection(make_bench: Any) -> None:
    bench = await make_bench(max_frame=4096)
    station = await connect(bench.port)
    await station.send(json.dumps([2, "a", "DataTransfer", {"vendorId": "x", "data": "y" * 5000}]))
    assert await until(lambda: station.closed == 1009)
    assert await until(lambda: bench.sink.connections == ["+CP-1", "-CP-1"])


async def test_endless_bad_frames_close_the_connection(make_bench: Any) -> None:
    bench = await make_bench(malformed_limit=10)
    station = await connect(bench.port)
    for _ in range(12):
        await station.send("rubbish")
    assert await until(lambda: station.closed == 1008)


async def test_a_flood_slows_its_sender_and_nobody_else(make_bench: Any) -> None:
    bench = await make_bench(rate=10.0, burst=20)
    flooder, neighbour = await connect(bench.port), await connect(bench.port, "CP-2")
    await neighbour.boot()

    async def flood() -> None:
        for number in range(5000):
            await flooder.send(f'[2,"f{number}","Heartbeat",{{}}]')

    task = asyncio.create_task(flood())
    slowest = 0.0
    for _ in range(20):
        began = asyncio.get_running_loop().time()
        await neighbour.call("Heartbeat", {})
        slowest = max(slowest, asyncio.get_running_loop().time() - began)
        await asyncio.sleep(0.02)
    task.cancel()
    assert slowest < 2.0, "all the flood would take its server 25 s"
    assert len(flooder.answers) < 20 + 10 * 20 * 2, "20 at once, then 10 a second of the bench's clock"
    flooder.socket.transport.abort()


@pytest.mark.ocpp("1.6", "J5.3")
@pytest.mark.ocpp("2.0.1", "J5.2")
@pytest.mark.ocpp("2.1", "J5.3")
async def test_a_half_open_connection_is_found_out(make_bench: Any) -> None:
    """The peer's machine is gone without a word: its socket stays open and answers no ping."""
    bench = await make_bench(ping_s=0.1, ping_timeout_s=0.2, close_timeout_s=0.1)
    station = await connect(bench.port)
    await station.boot()
    station.socket.transport.pause_reading()
    assert await until(lambda: bench.sink.connections == ["+CP-1", "-CP-1"])
    assert not bench.station().online
    answer = await bench.station().offer(1, 10.0, 3, 60.0, None)
    assert answer.outcome is Outcome.OFFLINE
    station.socket.transport.abort()


async def test_a_handshake_that_never_ends_is_given_up(make_bench: Any) -> None:
    bench = await make_bench(handshake_timeout_s=0.2)
    reader, writer = await asyncio.open_connection("127.0.0.1", bench.port)
    writer.write(b"GET /ocpp/CP-1 HTTP/1.1\r\n")
    async with asyncio.timeout(3):
        await reader.read()
    writer.close()


@pytest.mark.ocpp("1.6", "J5.4")
@pytest.mark.ocpp("2.0.1", "J5.3")
@pytest.mark.ocpp("2.1", "J5.4")
async def test_the_newest_socket_wins(bench: Any) -> None:
    first = await connect(bench.port)
    await first.boot()
    second = await connect(bench.port)
    assert await until(lambda: first.closed == 4000)
    await second.boot()
    assert bench.sink.connections == ["+CP-1", "+CP-1"], "the old one's end is no loss of the station"
    assert await until(lambda: bench.station().online)
    assert (await bench.station().offer(1, 10.0, 3, 60.0, None)).outcome is Outcome.ACCEPTED
    assert second.asked
    await second.close()
    assert await until(lambda: bench.sink.connections == ["+CP-1", "+CP-1", "-CP-1"])


async def test_reconnect_races(bench: Any) -> None:
    """Ten sockets of one station within a moment: one remains, and it is the one that is used."""
    opened = await asyncio.gather(*(connect(bench.port) for _ in range(10)))
    assert await until(lambda: sum(station.closed is None for station in opened) == 1)
    (left,) = [station for station in opened if station.closed is None]
    await left.boot()
    assert await until(lambda: bench.station().online)
    await left.close()
    assert await until(lambda: bench.sink.connections.count("-CP-1") == 1)
    assert bench.station().session is None


@pytest.mark.ocpp("1.6", "4.2")
async def test_nothing_is_asked_before_the_boot_is_answered(bench: Any) -> None:
    station = await connect(bench.port)
    assert (await bench.station().offer(1, 10.0, 3, 60.0, None)).outcome is Outcome.OFFLINE
    await asyncio.sleep(0.05)
    assert station.asked == []
    await station.boot()
    assert await until(lambda: station.asked)
    await station.close()


async def test_a_station_that_does_not_boot_again_is_spoken_to_after_the_grace_time(make_bench: Any) -> None:
    bench = await make_bench(grace_s=2.0)
    station = await connect(bench.port)
    assert await until(lambda: bench.station().online and station.asked)
    await station.close()


@pytest.mark.ocpp("1.6", "4.2")
@pytest.mark.ocpp("2.0.1", "B01.FR.02", "B02.FR.06")
@pytest.mark.ocpp("2.1", "B01.FR.02", "B02.FR.06")
async def test_a_boot_that_is_not_accepted_leaves_the_gate_shut(make_bench: Any, spoken: str) -> None:
    bench = await make_bench(grace_s=1.0)
    bench.sink.accepts = False
    station = await connect(bench.port, version=spoken)
    answer = (await station.boot())[2]
    assert (answer["status"], answer["interval"]) == ("Pending", 30)
    await asyncio.sleep(0.15)
    assert station.asked == []
    bench.sink.accepts = True
    assert (await station.boot())[2]["status"] == "Accepted"
    assert await until(lambda: station.asked)
    await station.close()


@pytest.mark.ocpp("1.6", "4.2")
@pytest.mark.ocpp("2.0.1", "B01.FR.10", "B02.FR.09")
@pytest.mark.ocpp("2.1", "B01.FR.10", "B02.FR.09")
async def test_before_its_boot_is_accepted_a_station_is_heard_in_nothing_else(bench: Any, spoken: str) -> None:
    """Also when it comes again without a boot; and nothing that it says meanwhile is kept."""
    bench.sink.accepts = False
    station = await connect(bench.port, version=spoken)
    assert (await station.boot())[2]["status"] == "Pending"
    for again in (False, True):
        if again:
            await station.close()
            station = await connect(bench.port, version=spoken)
        for action, payload in MESSAGES[spoken]:
            answer = await station.call(action, payload)
            assert (answer[0], answer[2]) == (4, "SecurityError"), action
    assert bench.sink.kinds() == []
    assert bench.sink.statuses == []
    bench.sink.accepts = True
    assert (await station.boot())[2]["status"] == "Accepted"
    for action, payload in MESSAGES[spoken]:
        assert (await station.call(action, payload))[0] == 3, action
    await station.close()


SECOND = [
    ("Heartbeat", {}),
    ("StatusNotification", {"timestamp": "2026-01-01T00:00:00Z", "connectorStatus": "Available", "evseId": 1, "connectorId": 1}),
    (
        "TransactionEvent",
        {"eventType": "Started", "timestamp": "2026-01-01T00:00:00Z", "triggerReason": "CablePluggedIn", "seqNo": 0,
         "transactionInfo": {"transactionId": "t"}},
    ),
]  # fmt: skip
MESSAGES: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "ocpp1.6": [
        ("Heartbeat", {}),
        ("StatusNotification", {"connectorId": 1, "errorCode": "NoError", "status": "Available"}),
        ("StartTransaction", {"connectorId": 1, "idTag": "A", "meterStart": 0, "timestamp": "2026-01-01T00:00:00Z"}),
    ],
    "ocpp2.0.1": SECOND,
    "ocpp2.1": SECOND,
}


async def test_a_line_that_breaks_ends_waiting_commands(bench: Any) -> None:
    station = await connect(bench.port)
    station.obeys = False
    await station.boot()
    assert await until(lambda: bench.station().online)
    offers = [asyncio.create_task(bench.station().offer(evse, 10.0, 3, 60.0, None)) for evse in (1, 2)]
    await asyncio.sleep(0.02)
    station.socket.transport.abort()
    assert [answer.outcome for answer in await asyncio.gather(*offers)] == [Outcome.OFFLINE, Outcome.OFFLINE]


async def test_a_set_up_that_the_line_broke_is_done_on_the_next_one(bench: Any) -> None:
    station = await connect(bench.port)
    station.obeys = False
    await station.boot()
    assert await until(lambda: len(station.asked) == 1)
    station.socket.transport.abort()
    again = await connect(bench.port)
    await again.call("Heartbeat", {})
    assert await until(lambda: [frame[2] for frame in again.asked[:3]] == ["SetChargingProfile"] * 2 + ["ChangeConfiguration"])
    await again.close()


@pytest.mark.ocpp("1.6", "J4.1.1")
@pytest.mark.ocpp("2.0.1", "J4.1.1")
@pytest.mark.ocpp("2.1", "J4.1.1")
async def test_commands_and_messages_go_both_ways_at_once(bench: Any) -> None:
    """A call of ours is not answered before the station's own was: neither side may wait for the other."""
    station = await connect(bench.port)
    station.obeys = False
    await station.boot()
    assert await until(lambda: station.asked)
    assert (await station.call("Heartbeat", {}))[0] == 3
    assert len(station.asked) == 1, "one call of ours at a time"
    await station.send([3, station.asked[0][1], {"status": "Accepted"}])
    assert await until(lambda: len(station.asked) == 2)
    await station.close()


async def test_stop_closes_and_frees_the_port(make_bench: Any) -> None:
    bench = await make_bench()
    station = await connect(bench.port)
    port = bench.port
    await bench.central.stop()
    assert await until(lambda: station.closed == 1001)
    with sockets.socket() as probe:
        probe.setsockopt(sockets.SOL_SOCKET, sockets.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))


async def test_tls(bench: Any) -> None:
    """Security profile 2 is the same door behind a server certificate. localhost.pem: self-signed, for this test only."""
    pem = Path(__file__).parent / "localhost.pem"
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    client = ssl.create_default_context(cafile=str(pem))
    stations = [StationSettings(identity="CP-1", security_profile=0)]
    settings = ServerSettings(port=0, tls=server)
    async with (
        CentralSystem(settings, stations, bench.sink, bench.clock) as central,
        websockets.connect(f"wss://localhost:{central.port}/CP-1", ssl=client, subprotocols=[websockets.Subprotocol("ocpp1.6")]) as socket,
    ):
        assert socket.subprotocol == "ocpp1.6"

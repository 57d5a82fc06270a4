"""Transactions as stations really send them: twice, late, out of order, unknown, around a failure of the store."""

import asyncio
from typing import Any

import pytest
from ocpp_kit import connect, until

from chargebridge.model.session import PointStatus

T0, T1, T2 = "2026-03-01T10:00:00Z", "2026-03-01T10:05:00Z", "2026-03-01T11:00:00Z"


def start_16(**changes: Any) -> dict[str, Any]:
    return {"connectorId": 1, "idTag": "TAG", "meterStart": 100, "timestamp": T0} | changes


def stop_16(transaction: int, **changes: Any) -> dict[str, Any]:
    return {"transactionId": transaction, "meterStop": 900, "timestamp": T2} | changes


def event_201(kind: str, sequence: int, at: str = T0, energy_wh: float = 100.0, **changes: Any) -> dict[str, Any]:
    return {
        "eventType": kind,
        "timestamp": at,
        "triggerReason": "Authorized",
        "seqNo": sequence,
        "transactionInfo": {"transactionId": "tx-1", "chargingState": "Charging"},
        "meterValue": [{"timestamp": at, "sampledValue": [{"value": energy_wh}]}],
    } | changes


@pytest.mark.ocpp("1.6", "3.7", "4.8")
async def test_a_start_sent_again_gets_the_same_transaction(bench: Any) -> None:
    station = await connect(bench.port)
    first = await station.call("StartTransaction", start_16(), "id-1")
    same_frame = await station.call("StartTransaction", start_16(), "id-1")
    new_id = await station.call("StartTransaction", start_16(), "id-2")
    await station.close()
    station = await connect(bench.port)
    after_reconnect = await station.call("StartTransaction", start_16(), "id-1")
    other = await station.call("StartTransaction", start_16(timestamp=T1), "id-3")
    assert first[2] == same_frame[2] == new_id[2] == after_reconnect[2]
    assert other[2]["transactionId"] != first[2]["transactionId"]
    assert len(bench.sink.transactions()) == 2
    await station.close()


async def test_a_stop_sent_again_counts_once(bench: Any) -> None:
    station = await connect(bench.port)
    number = (await station.call("StartTransaction", start_16()))[2]["transactionId"]
    for message_id in ("a", "a", "b"):
        assert (await station.call("StopTransaction", stop_16(number), message_id))[0] == 3
    assert bench.sink.transactions() == [(100, 900, "Local")]
    assert bench.sink.kinds() == ["started", "ended"]
    assert bench.sink.events()[1].evse == 1
    await station.close()


@pytest.mark.parametrize("number", [-1, 0, 4711])
@pytest.mark.ocpp("1.6", "4.10")
async def test_a_stop_of_an_unknown_transaction_is_answered_and_recorded(bench: Any, number: int) -> None:
    station = await connect(bench.port)
    answer = await station.call("StopTransaction", stop_16(number, idTag="TAG", reason="PowerLoss"))
    assert answer[0] == 3
    (event,) = bench.sink.events()
    assert (event.transaction, event.evse, event.reason, event.meter_wh) == (str(number), 0, "PowerLoss", 900)
    await station.close()


async def test_same_message_id_after_a_reboot_is_another_message(bench: Any) -> None:
    """Stations count their ids from 1 again; a boot or a heartbeat may then look like the one before."""
    station = await connect(bench.port)
    await station.call("BootNotification", {"chargePointVendor": "v", "chargePointModel": "m"}, "1")
    await station.call("BootNotification", {"chargePointVendor": "v", "chargePointModel": "m"}, "1")
    assert len(bench.sink.boots) == 2
    await station.close()


@pytest.mark.ocpp("1.6", "3.14", "3.15")
async def test_an_old_start_is_marked_as_offline(bench: Any) -> None:
    station = await connect(bench.port)
    await station.call("StartTransaction", start_16())
    await station.call("StartTransaction", start_16(timestamp=bench.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")))
    assert [event.offline for event in bench.sink.events()] == [True, False]
    await station.close()


@pytest.mark.ocpp("2.0.1", "J02.FR.19")
@pytest.mark.ocpp("2.1", "J02.FR.19")
async def test_events_of_2_x_may_come_twice_and_out_of_order(bench: Any, second: str) -> None:
    station = await connect(bench.port, version=second)
    token = {"idToken": "TAG", "type": "ISO14443"}
    ended = event_201("Ended", 3, T2, 900.0, offline=True)
    ended["transactionInfo"] = {"transactionId": "tx-1", "stoppedReason": "EVDisconnected"}
    frames = [
        (event_201("Started", 0, evse={"id": 1}, idToken=token), "s0"),
        (event_201("Updated", 2, T1, 500.0, offline=True), "s2"),
        (event_201("Updated", 1, T1, 300.0, offline=True), "s1"),
        (event_201("Updated", 2, T1, 500.0, offline=True), "s2"),
        (ended, "s3"),
        (event_201("Updated", 2, T1, 500.0, offline=True), "again"),
        (ended, "s3-again"),
    ]
    for frame, message_id in frames:
        assert (await station.call("TransactionEvent", frame, message_id))[0] == 3
    events = bench.sink.events()
    assert [(event.sequence, event.evse) for event in events] == [(0, 1), (2, 1), (1, 1), (3, 1)]
    assert bench.sink.transactions() == [(100, 900, "EVDisconnected")]
    await station.close()


async def test_events_that_are_all_numbered_0(bench: Any, second: str) -> None:
    """solidstudio's virtual charge point does so; its Ended is nevertheless no repetition of its Started."""
    station = await connect(bench.port, version=second)
    for kind, at, energy_wh in (("Started", T0, 100.0), ("Updated", T1, 500.0), ("Ended", T2, 900.0)):
        await station.call("TransactionEvent", event_201(kind, 0, at, energy_wh, evse={"id": 1}))
    assert bench.sink.kinds() == ["started", "updated", "ended"]
    assert [(begin, stop) for begin, stop, _ in bench.sink.transactions()] == [(100, 900)]
    await station.close()


async def test_an_old_event_says_nothing_about_now(bench: Any, second: str) -> None:
    """A replayed Updated must not make a connector charge again (2.0.1 E02: chargingState belongs to its moment)."""
    station = await connect(bench.port, version=second)
    await station.call("TransactionEvent", event_201("Updated", 5, offline=True, evse={"id": 1}))
    occupied = {"timestamp": T2, "connectorStatus": "Occupied", "evseId": 1, "connectorId": 1}
    await station.call("StatusNotification", occupied)
    await station.call("TransactionEvent", event_201("Updated", 6, evse={"id": 1}))
    await station.call("StatusNotification", occupied)
    assert [status for _, _, status, _ in bench.sink.statuses] == [PointStatus.PREPARING, PointStatus.CHARGING]
    await station.close()


async def test_a_free_connector_says_nothing_of_the_car_at_another_one_of_its_evse(bench: Any, second: str) -> None:
    station = await connect(bench.port, version=second)
    for connector, status in ((1, "Available"), (2, "Available"), (2, "Occupied"), (1, "Available"), (1, "Faulted"), (2, "Available")):
        words = {"timestamp": T2, "connectorStatus": status, "evseId": 1, "connectorId": connector}
        await station.call("StatusNotification", words)
    free, car = PointStatus.AVAILABLE, PointStatus.PREPARING
    assert [status for _, _, status, _ in bench.sink.statuses] == [free, free, car, car, car, free]
    await station.close()


@pytest.mark.ocpp("2.0.1", "E01.FR.11", "E01.FR.12", "E02.FR.02", "E02.FR.04", "E03.FR.02", "E05.FR.01")
@pytest.mark.ocpp("2.1", "E01.FR.11", "E01.FR.12", "E02.FR.02", "E02.FR.04", "E03.FR.02", "E05.FR.01")
@pytest.mark.ocpp("2.0.1", "C02.FR.02", "E01.FR.11", "E02.FR.02", "E02.FR.04", "E03.FR.02", "E05.FR.01")
@pytest.mark.ocpp("2.1", "C02.FR.02", "E01.FR.11", "E02.FR.02", "E02.FR.04", "E03.FR.02", "E05.FR.01")
async def test_a_later_token_is_judged(bench: Any, second: str) -> None:
    bench.sink.known = {"FRIEND"}
    station = await connect(bench.port, version=second)
    foe = await station.call("TransactionEvent", event_201("Updated", 1, idToken={"idToken": "FOE", "type": "Local"}))
    friend = await station.call("TransactionEvent", event_201("Updated", 2, idToken={"idToken": "FRIEND", "type": "Local"}))
    nobody = await station.call("TransactionEvent", event_201("Updated", 3, idToken={"idToken": "", "type": "NoAuthorization"}))
    none = await station.call("TransactionEvent", event_201("Updated", 4))
    assert [a[2].get("idTokenInfo", {}).get("status") for a in (foe, friend, nobody, none)] == [
        "Invalid", "Accepted", "Accepted", None,
    ]  # fmt: skip
    await station.close()


@pytest.mark.ocpp("1.6", "3.7")
@pytest.mark.ocpp("2.0.1", "E13.FR.02")
@pytest.mark.ocpp("2.1", "E13.FR.02")
async def test_what_could_not_be_stored_is_not_acknowledged(bench: Any, spoken: str) -> None:
    station = await connect(bench.port, version=spoken)
    action = "StartTransaction" if spoken == "ocpp1.6" else "TransactionEvent"
    payload = start_16() if spoken == "ocpp1.6" else event_201("Started", 0, evse={"id": 1})
    bench.sink.broken = True
    answer = await station.call(action, payload, "id-1")
    assert answer[0] == 4
    assert answer[2] == "InternalError"
    assert bench.sink.transactions() == []
    bench.sink.broken = False
    assert (await station.call(action, payload, "id-1"))[0] == 3, "sent again with the same id, it is stored"
    assert len(bench.sink.transactions()) == 1
    await station.close()


async def test_nothing_is_answered_before_it_is_stored(bench: Any) -> None:
    station = await connect(bench.port)
    bench.sink.pause.clear()
    await station.send([2, "id-1", "StartTransaction", start_16()])
    await asyncio.sleep(0.1)
    assert "id-1" not in station.answers
    bench.sink.pause.set()
    assert await until(lambda: "id-1" in station.answers)
    await station.close()


async def test_a_line_that_breaks_while_storing(bench: Any) -> None:
    """The station did not hear the answer; it sends again on a new line and gets the id that was given out."""
    station = await connect(bench.port)
    bench.sink.pause.clear()
    await station.send([2, "id-1", "StartTransaction", start_16()])
    await asyncio.sleep(0.05)
    station.socket.transport.abort()
    again = await connect(bench.port)
    await again.send([2, "id-1", "StartTransaction", start_16()])
    await asyncio.sleep(0.05)
    bench.sink.pause.set()
    assert await until(lambda: "id-1" in again.answers)
    assert again.answers["id-1"][2]["transactionId"] == 1
    assert len(bench.sink.transactions()) == 1
    await again.close()


async def test_an_impatient_station_gets_its_answers_in_order(bench: Any) -> None:
    """It should wait for each answer (1.6J 4.1.1) and does not: nothing is lost for that."""
    station = await connect(bench.port)
    await station.boot()
    number = (await station.call("StartTransaction", start_16()))[2]["transactionId"]
    value = {"timestamp": T1, "sampledValue": [{"value": "500"}]}
    for index in range(200):
        energy = value | {"sampledValue": [{"value": str(500 + index)}]}
        await station.send([2, f"v{index}", "MeterValues", {"connectorId": 1, "transactionId": number, "meterValue": [energy]}])
    await station.send([2, "stop", "StopTransaction", stop_16(number)])
    assert await until(lambda: "stop" in station.answers)
    assert all(answer[0] == 3 for answer in station.answers.values())
    registers = [event.meter_wh for event in bench.sink.events() if event.measurements]
    assert registers == [500 + index for index in range(200)]
    await station.close()


@pytest.mark.ocpp("1.6", "4.7")
@pytest.mark.ocpp("2.0.1", "J01.FR.18")
@pytest.mark.ocpp("2.1", "J01.FR.18")
async def test_meter_values_of_no_transaction(bench: Any, spoken: str) -> None:
    station = await connect(bench.port, version=spoken)
    if spoken == "ocpp1.6":
        values = [{"timestamp": T1, "sampledValue": [{"value": "7.5", "measurand": "Current.Import", "phase": "L1-N", "unit": "A"}]}]
        await station.call("MeterValues", {"connectorId": 2, "meterValue": values})
    else:
        sampled = [{"value": 7.5, "measurand": "Current.Import", "phase": "L1", "unitOfMeasure": {"unit": "A"}}]
        await station.call("MeterValues", {"evseId": 2, "meterValue": [{"timestamp": T1, "sampledValue": sampled}]})
    ((evse, told),) = bench.sink.measurements
    assert (evse, told.current_a) == (2, (7.5, 0.0, 0.0))
    await station.close()


@pytest.mark.parametrize("action", ["DataTransfer", "FirmwareStatusNotification", "SecurityEventNotification"])
async def test_what_is_only_acknowledged(bench: Any, spoken: str, action: str) -> None:
    payloads = {
        "DataTransfer": {"vendorId": "x"},
        "FirmwareStatusNotification": {"status": "Installed"},
        "SecurityEventNotification": {"type": "FirmwareUpdated", "timestamp": T0},
    }
    station = await connect(bench.port, version=spoken)
    assert (await station.call(action, payloads[action]))[0] == 3
    await station.close()

"""What the virtual station does wrong when it is told to."""

import asyncio

import pytest
from station_kit import charge, request_of, station_at, until

from chargebridge.sim.ocpp_station import Faults, parse_faults
from chargebridge.sim.ocpp_station.network import Network, Slot
from chargebridge.wire.ocpp import Failed

TRIGGER = {"requestedMessage": "Heartbeat"}


def test_faults_are_read_from_words() -> None:
    assert parse_faults(["twice", "lies=1.5", "drops_after=StartTransaction"]) == Faults(
        twice=True, lies=1.5, drops_after="StartTransaction"
    )
    for word in ("nonsense", "lies=much"):
        with pytest.raises(ValueError, match=r"no fault is called|Expected"):
            parse_faults([word])


def test_waits_double_and_a_new_way_is_left_when_it_fails() -> None:
    network = Network(Slot(uri="ws://a", password="old", security_profile=1, timeout_s=20.0), "CP-1")
    assert [network.wait_s(attempt, 2.0, 3, 0.0) for attempt in range(6)] == [2.0, 4.0, 8.0, 16.0, 16.0, 16.0]
    assert 2.0 <= network.wait_s(0, 2.0, 3, 5.0) <= 7.0
    network.prefer(password="new")
    assert network.slot.password == "new"
    assert network.failed(refused=True)
    assert network.slot.password == "old"
    network.succeeded()
    assert not network.failed(refused=True), "there is no other way any more"


async def test_the_line_breaks_at_a_message(version: str) -> None:
    first = "StartTransaction" if version == "ocpp1.6" else "TransactionEvent"
    for fault in ("drops_before", "drops_after"):
        async with station_at(version) as bench:
            setattr(bench.station.faults, fault, first)
            await charge(bench)
            assert bench.station.uplink.connections == 2
            told = [request for request in bench.csms.heard(first) if getattr(request, "seq_no", 0) == 0]
            assert len(told) == (1 if fault == "drops_before" else 2), "told again, as nobody answered"


async def test_answers_that_are_no_good(version: str) -> None:
    async with station_at(version) as bench:
        trigger = request_of(version, "TriggerMessage", TRIGGER)
        bench.station.faults.answers_nonsense = True
        assert isinstance(await bench.csms.ask(trigger), Failed)
        bench.station.faults.answers_nonsense = False
        bench.station.faults.answers_error = "InternalError"
        answer = await bench.csms.ask(trigger)
        assert answer.error.code == "InternalError"
        bench.station.faults.answers_error = ""
        bench.station.faults.answer_late_s = 10.0
        began = asyncio.get_running_loop().time()
        assert (await bench.csms.ask(trigger)).status == "Accepted"
        assert asyncio.get_running_loop().time() - began > 0.4


async def test_a_line_that_is_half_open(version: str) -> None:
    async with station_at(version, call_timeout_s=5.0) as bench:
        assert await until(lambda: len(bench.csms.heard("StatusNotification")) == 2 and bench.csms.heard("SecurityEventNotification"))
        bench.station.faults.half_open = True
        heard = len(bench.csms.seen)
        bench.station.plug(1)
        await asyncio.sleep(0.3)
        assert bench.station.online
        assert len(bench.csms.seen) == heard


async def test_a_reboot_tears_a_transaction(version: str) -> None:
    async with station_at(version, faults=Faults(reboots_at_s=5.0)) as bench:
        await charge(bench)
        assert await until(lambda: len(bench.csms.heard("BootNotification")) == 2)
        assert await until(lambda: bench.station.online and not len(bench.station.uplink.outbox))
        if version == "ocpp1.6":
            assert bench.csms.heard("StopTransaction")[0].reason == "PowerLoss"
        else:
            assert bench.csms.heard("TransactionEvent")[-1].transaction_info.stopped_reason == "PowerLoss"


async def test_memory_that_is_full_keeps_starts_and_ends(version: str) -> None:
    async with station_at(version, faults=Faults(queue_holds=4), sample_interval_s=1) as bench:
        station = bench.station
        station.go_offline()
        assert await until(lambda: not station.online)
        station.plug(1)
        assert await station.present(1, "TAG")
        assert await until(lambda: station.uplink.outbox.dropped > 3)
        station.unplug(1)
        assert len(station.uplink.outbox) <= 4
        station.go_online()
        assert await until(lambda: station.online and not len(station.uplink.outbox))
        if version == "ocpp1.6":
            assert len(bench.csms.heard("StartTransaction")) == len(bench.csms.heard("StopTransaction")) == 1
        else:
            kinds = [event.event_type for event in bench.csms.heard("TransactionEvent")]
            assert (kinds[0], kinds[-1]) == ("Started", "Ended")


async def test_messages_come_out_of_order(second: str) -> None:
    async with station_at(second, faults=Faults(disordered=True), sample_interval_s=2) as bench:
        station = bench.station
        station.go_offline()
        assert await until(lambda: not station.online)
        station.plug(1)
        assert await station.present(1, "TAG")
        assert await until(lambda: len(station.uplink.outbox) >= 4)
        station.unplug(1)
        station.go_online()
        assert await until(lambda: station.online and not len(station.uplink.outbox))
        order = [event.seq_no for event in bench.csms.heard("TransactionEvent")]
        assert order[:2] == [1, 0]
        assert sorted(order) == list(range(len(order))), "none is lost"


async def test_a_meter_that_lies_and_a_clock_that_is_wrong(version: str) -> None:
    async with station_at(version, faults=Faults(lies=2.0, clock_off_s=-86_400.0)) as bench:
        bench.station.plug(1)
        await charge(bench)
        if version == "ocpp1.6":
            (started,) = bench.csms.heard("StartTransaction")
            assert started.meter_start == 2000
        else:
            started = bench.csms.heard("TransactionEvent")[0]
            assert started.meter_value[0].sampled_value[0].value == 2000.0
        assert (bench.csms.now() - started.timestamp).total_seconds() > 80_000


async def test_a_boot_that_is_not_accepted_is_tried_again(version: str) -> None:
    async with station_at(version) as bench:
        bench.csms.says["BootNotification"] = {"status": "Pending", "currentTime": bench.csms.now().isoformat(), "interval": 3}
        bench.station.reboot()
        assert await until(lambda: len(bench.csms.heard("BootNotification")) >= 3)
        assert not bench.station.online
        assert (await bench.csms.ask(request_of(version, "TriggerMessage", {"requestedMessage": "BootNotification"}))).status == "Accepted"
        del bench.csms.says["BootNotification"]
        assert await until(lambda: bench.station.online)

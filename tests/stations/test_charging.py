"""A virtual station charges at the Central System over a real socket, in both versions, and things go wrong."""

import asyncio
from typing import Any

import pytest
from ocpp_kit import Cars, until

from chargebridge.model.session import PointStatus
from chargebridge.stations.ocpp import Schedule
from chargebridge.stations.port import Outcome


async def start(bench: Any, station: Any, evse: int = 1) -> str:
    """Plug in, show a token, and return the transaction's id as the sink knows it."""
    before = len(bench.sink.transactions())
    station.plug(evse)
    assert await station.present(evse, "TAG")
    assert await until(lambda: len(bench.sink.transactions()) == before + 1 and station.evses[evse].transaction.id)
    return str(station.evses[evse].transaction.id)


@pytest.mark.ocpp("1.6", "4.8", "4.10", "5.16")
@pytest.mark.ocpp("2.0.1", "K01.FR.03", "K02.FR.01", "K02.FR.03", "J02.FR.19")
@pytest.mark.ocpp("2.1", "K01.FR.03", "K02.FR.01", "K02.FR.03", "J02.FR.19")
async def test_a_car_charges_within_its_limit_and_every_wh_is_told(bench: Any, version: str) -> None:
    cars = Cars(takes_a=20.0)
    station = await bench.virtual(version, cars)
    assert bench.sink.boots[0].protocol == version
    transaction = await start(bench, station)
    assert station.offered_current_a(1, bench.clock.now()) == 6.0, "the fallback was written on boot"
    answer = await bench.station().offer(1, 13.57, 3, 60.0, transaction)
    assert answer.outcome is Outcome.ACCEPTED
    assert station.offered_current_a(1, bench.clock.now()) == 13.5, "rounded down to what OCPP can say"
    assert await until(lambda: any(m.current_a == (13.5, 13.5, 13.5) for _, m in bench.sink.measurements))
    told = bench.sink.measurements[-1][1]
    assert told.voltage_v == (230.0, 230.0, 230.0)
    assert told.power_w == pytest.approx(3 * 230 * 13.5)
    assert told.offered_a == 13.5
    assert told.soc == 0.5
    station.unplug(1)
    register = int(cars.energy_wh[1])
    assert await until(lambda: bench.sink.transactions()[0][1] is not None)
    assert await until(lambda: not len(station.uplink.outbox))
    (only,) = bench.sink.transactions()
    assert only == (0, register, "EVDisconnected")
    assert await until(lambda: ("CP-1", 1, PointStatus.AVAILABLE, None) in bench.sink.statuses[-4:])


async def test_zero_is_a_limit(bench: Any, version: str) -> None:
    cars = Cars()
    station = await bench.virtual(version, cars)
    transaction = await start(bench, station)
    assert (await bench.station().offer(1, 0.0, 3, 60.0, transaction)).outcome is Outcome.ACCEPTED
    assert station.offered_current_a(1, bench.clock.now()) == 0.0
    assert cars.current[1] == (0.0, 0.0, 0.0)
    stopped = {event.status for event in bench.sink.events()} | {status for _, _, status, _ in bench.sink.statuses}
    assert await until(lambda: PointStatus.SUSPENDED_EVSE in stopped | {s for _, _, s, _ in bench.sink.statuses}
                       or PointStatus.SUSPENDED_EVSE in {e.status for e in bench.sink.events()})  # fmt: skip


async def test_a_grant_runs_out_and_the_fallback_holds(bench: Any, version: str) -> None:
    station = await bench.virtual(version, Cars())
    transaction = await start(bench, station)
    await bench.station().offer(1, 16.0, 3, 4.0, transaction)
    assert station.offered_current_a(1, bench.clock.now()) == 16.0
    station.go_offline()
    assert await until(lambda: station.offered_current_a(1, bench.clock.now()) == 6.0)


async def test_a_grant_on_one_phase(bench: Any, version: str) -> None:
    cars = Cars()
    station = await bench.virtual(version, cars)
    transaction = await start(bench, station)
    await bench.station().offer(1, 16.0, 1, 60.0, transaction)
    assert await until(lambda: cars.current[1] == (16.0, 0.0, 0.0))


async def test_a_grant_before_the_transaction(bench: Any, version: str) -> None:
    station = await bench.virtual(version, Cars())
    assert (await bench.station().offer(2, 11.0, 3, 60.0, None)).outcome is Outcome.ACCEPTED
    await start(bench, station, 2)
    assert station.offered_current_a(2, bench.clock.now()) == 11.0
    assert station.offered_current_a(1, bench.clock.now()) == 0.0


async def test_a_grant_for_a_transaction_that_has_ended_still_limits(bench: Any, version: str) -> None:
    """The site may be a moment behind; its limit then becomes the default for what comes next."""
    station = await bench.virtual(version, Cars())
    transaction = await start(bench, station)
    station.unplug(1)
    assert (await bench.station().offer(1, 9.0, 3, 60.0, transaction)).outcome is Outcome.ACCEPTED
    await bench.clock.sleep(1.1)  # 1.6 tells two starts apart by their time, and the station tells whole seconds
    await start(bench, station)
    assert station.offered_current_a(1, bench.clock.now()) == 9.0


@pytest.mark.ocpp("1.6", "5.7")
@pytest.mark.ocpp("2.0.1", "K08.FR.01")
@pytest.mark.ocpp("2.1", "K08.FR.01")
async def test_read_back(bench: Any, version: str) -> None:
    station = await bench.virtual(version, Cars())
    transaction = await start(bench, station)
    await bench.station().offer(1, 12.0, 3, 30.0, transaction)
    schedule = await bench.station().composite_schedule(1, 120)
    assert isinstance(schedule, Schedule)
    assert [period.limit for period in schedule.periods] == [12.0, 6.0], "the grant, then the fallback"
    assert 25 <= schedule.periods[1].start_s <= 31


@pytest.mark.ocpp("1.6", "5.11", "5.12")
@pytest.mark.ocpp("2.0.1", "F03.FR.01")
@pytest.mark.ocpp("2.1", "F03.FR.01")
async def test_remote_start_and_stop(bench: Any, version: str) -> None:
    station = await bench.virtual(version, Cars())
    station.plug(1)
    assert (await bench.station().remote_start(1, "REMOTE")).outcome is Outcome.ACCEPTED
    assert await until(lambda: station.evses[1].transaction and station.evses[1].transaction.id)
    transaction = station.evses[1].transaction.id
    assert (await bench.station().remote_start(1, "REMOTE")).outcome is Outcome.REJECTED, "it is taken"
    assert (await bench.station().remote_stop(1, transaction)).outcome is Outcome.ACCEPTED
    assert await until(lambda: bench.sink.transactions()[0][2] == "Remote")
    unknown = "4711" if version == "ocpp1.6" else "nope"
    assert (await bench.station().remote_stop(1, unknown)).outcome is Outcome.REJECTED


@pytest.mark.ocpp("1.6", "5.2", "5.3", "5.5", "5.8", "5.17", "5.18")
@pytest.mark.ocpp("2.0.1", "F06.FR.01", "K10.FR.02")
@pytest.mark.ocpp("2.1", "F06.FR.01", "K10.FR.02")
async def test_what_else_can_be_asked_of_a_station(bench: Any, version: str) -> None:
    station = await bench.virtual(version, Cars())
    cs = bench.station()
    key = "MeterValueSampleInterval" if version == "ocpp1.6" else "SampledDataCtrlr.TxUpdatedInterval"
    fixed = "NumberOfConnectors" if version == "ocpp1.6" else "SmartChargingCtrlr.RateUnit"
    unknown = "NoSuchKey" if version == "ocpp1.6" else "NoSuchCtrlr.Key"
    assert await until(lambda: key in cs.setup)
    assert [setting.value for setting in await cs.get_settings([key])] == ["5"]
    assert (await cs.set_setting(key, "7")).outcome is Outcome.ACCEPTED
    assert (await cs.set_setting(fixed, "7")).outcome is Outcome.REJECTED
    assert (await cs.set_setting(unknown, "7")).outcome is Outcome.UNSUPPORTED
    assert (await cs.unlock(1)).outcome is Outcome.ACCEPTED
    assert (await cs.change_availability(2, operative=False)).outcome is Outcome.ACCEPTED
    assert await until(lambda: ("CP-1", 2, PointStatus.UNAVAILABLE, None) in bench.sink.statuses)
    before = len(bench.sink.statuses)
    assert (await cs.trigger("StatusNotification", 1)).outcome is Outcome.ACCEPTED
    assert await until(lambda: len(bench.sink.statuses) > before)
    assert (await cs.clear_profile(101)).outcome is Outcome.ACCEPTED
    assert (await cs.clear_profile(101)).outcome is Outcome.REJECTED
    assert station.online


@pytest.mark.ocpp("1.6", "4.1")
async def test_an_unknown_token_does_not_charge(bench: Any, version: str) -> None:
    station = await bench.virtual(version, Cars())
    bench.sink.known = {"FRIEND"}
    station.plug(1)
    assert not await station.present(1, "FOE")
    assert await station.present(1, "FRIEND")


@pytest.mark.ocpp("1.6", "3.5")
@pytest.mark.ocpp("2.0.1", "C12.FR.03", "E05.FR.01")
@pytest.mark.ocpp("2.1", "C12.FR.03", "E05.FR.01")
async def test_a_token_that_was_let_in_offline_is_thrown_out(bench: Any, version: str) -> None:
    station = await bench.virtual(version, Cars())
    bench.sink.known = set()
    station.go_offline()
    assert await until(lambda: not station.online)
    station.plug(1)
    assert await station.present(1, "FOE")
    station.go_online()
    assert await until(lambda: [t[2] for t in bench.sink.transactions()] == ["DeAuthorized"])


async def test_a_lost_line_loses_and_doubles_nothing(bench: Any, version: str) -> None:
    cars = Cars()
    station = await bench.virtual(version, cars, sample_interval_s=1)
    await start(bench, station)
    station.drop()
    await asyncio.sleep(0.1)
    station.unplug(1)
    await start_offline(station, 2)
    assert await until(lambda: station.uplink.connections == 2 and station.online)
    station.unplug(2)
    assert await until(lambda: not len(station.uplink.outbox))
    transactions = bench.sink.transactions()
    assert len(transactions) == 2
    assert all(stop is not None and stop >= begin for begin, stop, _ in transactions)
    assert len(bench.sink.boots) == 1, "a lost line is no reboot"


async def start_offline(station: Any, evse: int) -> None:
    station.plug(evse)
    assert await station.present(evse, "OFFLINE")


async def test_every_message_sent_twice_counts_once(bench: Any, version: str) -> None:
    station = await bench.virtual(version, Cars())
    station.faults.twice = True
    await start(bench, station)
    assert await until(lambda: "updated" in bench.sink.kinds())
    station.unplug(1)
    assert await until(lambda: not len(station.uplink.outbox))
    assert len(bench.sink.transactions()) == 1
    assert bench.sink.kinds().count("started") == bench.sink.kinds().count("ended") == 1
    assert bench.station().session.connection.counters.repeated > 0


@pytest.mark.ocpp("1.6", "5.14")
@pytest.mark.ocpp("2.0.1", "B12.FR.01")
@pytest.mark.ocpp("2.1", "B12.FR.01")
async def test_a_reboot_ends_the_transaction_and_keeps_the_fallback(bench: Any, version: str) -> None:
    station = await bench.virtual(version, Cars())
    await start(bench, station)
    assert (await bench.station().reset(hard=True)).outcome is Outcome.ACCEPTED
    assert await until(lambda: len(bench.sink.boots) == 2)
    reason = "HardReset" if version == "ocpp1.6" else "ImmediateReset"
    assert await until(lambda: [t[2] for t in bench.sink.transactions()] == [reason])
    assert [profile.id for profile in station.profiles if profile.evse == 1] == [101]


async def test_a_station_that_is_slow_or_silent_or_mad(make_bench: Any, version: str) -> None:
    bench = await make_bench(call_timeout_s=2.0)
    station = await bench.virtual(version, Cars())
    transaction = await start(bench, station)
    cs = bench.station()

    station.faults.answers_nonsense = True
    answer = await cs.offer(1, 10.0, 3, 60.0, transaction)
    assert answer.outcome is Outcome.TIMED_OUT, "it may have acted"
    assert "unusable answer" in answer.detail
    station.faults.answers_nonsense = False

    station.faults.answer_late_s = 3.0
    assert (await cs.offer(1, 10.0, 3, 60.0, transaction)).outcome is Outcome.TIMED_OUT
    station.faults.answer_late_s = 0.0
    assert (await cs.offer(1, 11.0, 3, 60.0, transaction)).outcome is Outcome.ACCEPTED, "the late answer is not taken for it"
    assert await until(lambda: cs.session.connection.counters.late == 1)

    station.faults.never_answers = True
    assert (await cs.offer(1, 10.0, 3, 60.0, transaction)).outcome is Outcome.TIMED_OUT
    station.faults.never_answers = False

    station.faults.rejects_profiles = True
    assert (await cs.offer(1, 10.0, 3, 60.0, transaction)).outcome is Outcome.REJECTED
    assert station.online, "none of this costs the connection"


@pytest.mark.ocpp("1.6", "3.13")
async def test_a_refused_grant_leaves_the_standing_one(bench: Any, version: str) -> None:
    station = await bench.virtual(version, Cars())
    transaction = await start(bench, station)
    cs = bench.station()
    assert (await cs.offer(1, 10.0, 3, 60.0, transaction)).outcome is Outcome.ACCEPTED
    station.faults.rejects_profiles = True
    assert (await cs.offer(1, 14.0, 3, 60.0, transaction)).outcome is Outcome.REJECTED
    assert station.offered_current_a(1, bench.clock.now()) == 10.0
    station.faults.rejects_profiles = False
    assert (await cs.offer(1, 8.0, 3, 60.0, transaction)).outcome is Outcome.ACCEPTED
    assert station.offered_current_a(1, bench.clock.now()) == 8.0


async def test_a_default_takes_the_place_of_a_grant_on_the_evse_that_refused_one_and_on_no_other(
    bench: Any, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    station = await bench.virtual(version, Cars())
    cs = bench.station()
    transactions = {evse: await start(bench, station, evse) for evse in (1, 2)}
    for evse, transaction in transactions.items():
        assert (await cs.offer(evse, 16.0, 3, 60.0, transaction)).outcome is Outcome.ACCEPTED
    take = station.orders.take_profile
    monkeypatch.setattr(station.orders, "take_profile", lambda profile: profile.id != 301 and take(profile))
    for evse, transaction in transactions.items():
        for amps in (9.0, 7.0):
            assert (await cs.offer(evse, amps, 3, 60.0, transaction)).outcome is Outcome.ACCEPTED
            assert station.offered_current_a(evse, bench.clock.now()) == amps
    assert sorted(profile.id for profile in station.profiles) == [101, 102, 201, 302]


async def test_a_newer_limit_overtakes_one_that_waits(make_bench: Any) -> None:
    bench = await make_bench(call_timeout_s=5.0)
    station = await bench.virtual("ocpp1.6", Cars())
    station.faults.answer_late_s = 2.0
    first = asyncio.create_task(bench.station().offer(1, 16.0, 3, 60.0, None))
    await asyncio.sleep(0.02)
    second = asyncio.create_task(bench.station().offer(1, 14.0, 3, 60.0, None))
    await asyncio.sleep(0.02)
    third = asyncio.create_task(bench.station().offer(1, 12.0, 3, 60.0, None))
    answers = await asyncio.gather(first, second, third)
    assert [a.outcome for a in answers] == [Outcome.ACCEPTED, Outcome.REJECTED, Outcome.ACCEPTED]
    assert "superseded" in answers[1].detail
    assert station.limit(station.evses[1], bench.clock.now()).current_a == 12.0


@pytest.mark.ocpp("1.6", "4.9")
async def test_a_fault_is_told(bench: Any, version: str) -> None:
    station = await bench.virtual(version, Cars())
    station.fail(1, "GroundFailure")
    assert await until(lambda: bench.sink.statuses[-1][2] is PointStatus.FAULTED)
    station.fail(1, None)
    assert await until(lambda: bench.sink.statuses[-1][2] is PointStatus.AVAILABLE)

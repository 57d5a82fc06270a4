"""From what is to be seen of an EVSE to sessions: gaps, restarts of either side, who a car is. Time stands still until a test moves it."""

from datetime import UTC, datetime, timedelta

import pytest
from tests.stations.ocpp_kit import DurableSink

from chargebridge.stations.eebus.evse import Evse
from chargebridge.stations.eebus.memory import Memory
from chargebridge.stations.eebus.seen import Car, Demand, Identification, Seen
from chargebridge.stations.eebus.settings import PointSettings
from chargebridge.stations.events import ChargingNeeds
from chargebridge.stations.port import Authorisation
from chargebridge.store import Database

T0 = datetime(2026, 11, 21, 12, tzinfo=UTC)
MAC = "00:11:22:33:44:55"
HERS = Identification("eui48", "001122334455")
OTHER = Identification("eui48", "AABBCCDDEEFF")
EMPTY = Seen(car=None, certain=True)


class Place:
    """An EVSE, its sink and its store; ``again`` is a restart of ours, as kill -9 leaves things."""

    def __init__(self, folder, unknown_cars="HOME"):
        self.folder, self.unknown_cars = folder, unknown_cars
        self.database = Database.open(folder / "site.db")
        self.sink = DurableSink(folder / "sink.db")
        self.sink.known = {"HOME", MAC}
        self.now = T0

    async def begin(self):
        memory = Memory(self.database, "WB")
        stay = (await memory.load()).get(1)
        self.evse = Evse("WB", 1, PointSettings(maximum_a=16), self.unknown_cars, self.sink, memory, stay)
        return self

    async def look(self, car=None, *, certain=True, minutes=0.0, **about):
        self.now += timedelta(minutes=minutes)
        await self.evse.look(Seen(car=car, certain=certain, **about), self.now)

    def car(self, wh=None, *, plug=0, power_w=0.0, said=None, names=False, **about):
        return Car(
            plug=plug,
            ready=wh is not None,
            names_itself=names,
            identification=said,
            measured_at=None if wh is None else self.now,
            power_w=power_w,
            session_wh=wh,
            **about,
        )

    async def charge(self, wh, minutes, **about):
        self.now += timedelta(minutes=minutes)
        await self.look(self.car(wh, power_w=11_000, **about))

    @property
    def sessions(self):
        """(energy, reason) of each; of one that runs the energy so far."""
        rows = self.sink.database.execute("SELECT own_id, meter_stop, reason FROM transactions ORDER BY id").fetchall()
        newest = {event.transaction: event.meter_wh for event in self.sink.events() if event.meter_wh is not None}
        return [(newest[name] if stop is None else stop, reason) for name, stop, reason in rows]

    @property
    def tokens(self):
        return [event.token for event in self.sink.events() if event.token is not None]

    @property
    def status(self):
        return self.sink.statuses[-1][2].value


@pytest.fixture
async def place(tmp_path):
    place = await Place(tmp_path).begin()
    yield place
    place.database.close()
    place.sink.database.close()


async def test_from_plug_to_plug(place):
    await place.look()
    assert place.status == "available"
    await place.look(place.car(0.0))
    assert place.status == "suspended_evse"
    place.evse.offered_a = 16.0
    await place.charge(1800, 10)
    assert place.status == "charging"
    await place.charge(3600, 10)
    await place.look(place.car(3600.0))
    assert place.status == "suspended_ev"
    await place.look(minutes=5)
    assert place.status == "available"
    assert place.sessions == [(3600, "EVDisconnected")]


async def test_a_gap_in_the_connection_is_no_new_session(place):
    await place.look(place.car(0.0))
    await place.charge(1800, 10)
    place.evse.lost()
    await place.look(certain=False, minutes=30)
    await place.charge(5400, 0)
    await place.look(minutes=1)
    assert place.sessions == [(5400, "EVDisconnected")]


async def test_a_kill_of_ours_is_no_new_session_and_doubles_nothing(place):
    await place.look(place.car(0.0))
    await place.charge(1800, 10)
    await place.begin()
    await place.look(certain=False, minutes=1)
    await place.look(place.car(1800.0))
    assert place.sessions == [(1800, None)]
    await place.charge(3600, 10)
    await place.begin()
    await place.charge(5400, 10)
    await place.look(minutes=1)
    assert place.sessions == [(5400, "EVDisconnected")]


async def test_a_token_that_the_site_did_not_hear_of_is_told_again(place):
    await place.look(place.car(0.0, names=True))
    place.sink.broken = True
    with pytest.raises(OSError, match="disk full"):
        await place.look(place.car(0.0, names=True, said=HERS), minutes=0.1)
    place.sink.broken = False
    await place.begin()
    await place.look(place.car(0.0, names=True, said=HERS), minutes=0.1)
    await place.look(place.car(0.0, names=True, said=HERS), minutes=0.1)
    assert place.tokens == [MAC]


@pytest.mark.parametrize("broken_at", ["start", "update", "end"])
async def test_what_the_site_could_not_keep_is_told_again(place, broken_at):
    async def broken(work):
        place.sink.broken = True
        with pytest.raises(OSError, match="disk full"):
            await work
        place.sink.broken = False
        await place.begin()  # and killed on top of it

    if broken_at == "start":
        await broken(place.look(place.car(0.0)))
    await place.look(place.car(0.0))
    await place.charge(1800, 10)
    if broken_at == "update":
        await broken(place.charge(2700, 5))
    await place.charge(3600, 5)
    if broken_at == "end":
        await broken(place.look(minutes=1))
    await place.look()
    assert place.sessions == [(3600, "EVDisconnected")]


async def test_the_wallbox_starts_again_with_the_car_plugged_in(place):
    """Its figure begins anew; the car says that it is the same."""
    await place.look(place.car(0.0, said=HERS, names=True))
    await place.charge(5000, 30, said=HERS)
    place.evse.lost()
    await place.look(certain=False)
    await place.look(place.car(0.0, said=HERS, names=True), minutes=2)
    await place.charge(1500, 10, said=HERS)
    await place.look(minutes=1)
    assert place.sessions == [(6500, "EVDisconnected")]


async def test_another_car_after_a_gap_is_another_session(place):
    await place.look(place.car(0.0, said=HERS, names=True))
    await place.charge(5000, 30, said=HERS)
    last = place.now
    place.evse.lost()
    await place.look(place.car(7000.0, said=OTHER, names=True), minutes=600)
    await place.look(minutes=1)
    assert place.sessions == [(5000, "EVDisconnected"), (7000, "EVDisconnected")]
    ended = next(event for event in place.sink.events() if event.replay_key.endswith("/Ended"))
    assert ended.occurred_at == last, "it was there until the wallbox's last word"


async def test_a_car_that_says_late_that_it_is_another_one_is_another_one(place):
    await place.look(place.car(0.0, said=HERS, names=True))
    await place.charge(5000, 30, said=HERS)
    place.evse.lost()
    late = Car(plug=0, ready=False, names_itself=True)
    for _ in range(3):
        await place.look(late, minutes=0.1)
    assert place.sessions == [(5000, None)]
    await place.look(place.car(300.0, said=OTHER, names=True), minutes=0.1)
    assert place.sessions == [(5000, "EVDisconnected"), (300, None)]


async def test_a_figure_that_began_anew_after_a_gap_is_another_car_where_none_says_who_it_is(place):
    await place.look(place.car(0.0))
    await place.charge(5000, 30)
    place.evse.lost()
    await place.look(place.car(700.0), minutes=600)
    assert place.sessions == [(5000, "EVDisconnected"), (700, None)]


async def test_a_car_that_is_gone_after_a_gap_is_waited_for_until_the_wallbox_would_know(place):
    await place.look(place.car(0.0))
    await place.charge(5000, 30)
    place.evse.lost()
    await place.look(certain=False, minutes=5)
    assert place.sessions == [(5000, None)]
    await place.look(certain=True, minutes=1)
    assert place.sessions == [(5000, "EVDisconnected")]


async def test_out_and_in_between_two_looks_are_two_sessions(place):
    await place.look(place.car(0.0))
    await place.charge(1800, 10)
    await place.look(place.car(0.0, plug=1), minutes=1)
    await place.charge(900, 5, plug=1)
    assert place.sessions == [(1800, "EVDisconnected"), (900, None)]


# Who charges


async def test_a_car_that_says_who_it_is_charges_as_itself(place):
    await place.look(place.car(0.0, names=True))
    assert place.tokens == []
    await place.look(place.car(0.0, names=True, said=HERS), minutes=0.1)
    await place.look(place.car(0.0, names=True, said=HERS), minutes=0.1)
    assert place.tokens == [MAC]


async def test_a_car_that_does_not_say_who_it_is_charges_as_an_unknown_one_after_a_while(place):
    await place.look(place.car(0.0, names=True))
    await place.look(place.car(0.0, names=True), minutes=0.2)
    assert place.tokens == []
    await place.look(place.car(0.0, names=True), minutes=0.2)
    assert place.tokens == ["HOME"]


async def test_one_that_cannot_say_it_is_not_waited_for(place):
    await place.look(place.car(0.0))
    assert place.tokens == ["HOME"]


async def test_a_known_car_that_is_blocked_does_not_charge_as_an_unknown_one(place, monkeypatch):
    async def authorise(station, token):
        return Authorisation.BLOCKED if token == MAC else Authorisation.INVALID

    monkeypatch.setattr(place.sink, "authorise", authorise)
    await place.look(place.car(0.0, names=True, said=HERS))
    assert place.tokens == [MAC]


@pytest.mark.parametrize(("said", "tokens"), [(None, []), (OTHER, ["AABBCCDDEEFF"])])
async def test_where_unknown_cars_are_refused_the_owner_sees_what_it_said(tmp_path, said, tokens):
    place = await Place(tmp_path, unknown_cars=None).begin()
    await place.look(place.car(0.0, names=said is not None, said=said))
    assert place.tokens == tokens
    place.database.close()


async def test_the_owner_lets_an_unknown_car_charge(place):
    place.evse._unknown_cars = None
    assert not await place.evse.start("PAGE", place.now), "no car is there"
    await place.look(place.car(0.0))
    assert await place.evse.start("PAGE", place.now)
    assert place.tokens == ["PAGE"]


async def test_a_session_that_was_stopped_stays_so_until_somebody_starts_it_or_the_car_has_gone(place):
    await place.look(place.car(0.0))
    await place.charge(1800, 10)
    await place.evse.stop(place.now)
    await place.look(place.car(1800.0))
    assert (place.status, place.evse.stopped, place.evse.transaction) == ("finishing", True, None)
    await place.begin()
    await place.look(place.car(1800.0))
    assert place.evse.stopped, "a restart of ours changes nothing"
    assert await place.evse.start("PAGE", place.now)
    await place.charge(2400, 5)
    assert place.sessions == [(1800, "Remote"), (600, None)]
    await place.evse.stop(place.now)
    await place.look(minutes=1)
    await place.look(place.car(0.0, plug=1))
    assert not place.evse.stopped
    assert place.sessions == [(1800, "Remote"), (600, "Remote"), (0, None)]


# What is told beside


async def test_what_the_car_asks_for_is_told_once(place):
    def car(minutes):
        at = T0 + timedelta(hours=8, seconds=minutes)  # told as a time from now, it wanders by a second
        demand = Demand(least_wh=5000, wanted_wh=20_000, most_wh=30_000, departure_at=at)
        return place.car(0.0, minimum_a=6.0, maximum_a=16.0, demand=demand)

    for minutes in range(3):
        await place.look(car(minutes), minutes=1)
    (needs,) = place.sink.told_events
    assert isinstance(needs, ChargingNeeds)
    assert (needs.energy_wh, needs.parameters["acChargingParameters"]["evMaxCurrent"]) == (20_000, 16.0)
    assert needs.parameters["v2xChargingParameters"] == {"evMinEnergyRequest": 5000, "evMaxEnergyRequest": 30_000}


async def test_a_fault_is_told_and_does_not_hide_the_car(place):
    await place.look(out=True, fault="failure E17")
    assert place.sink.statuses[-1][2:] == ("faulted", "failure E17")
    await place.look(place.car(0.0), out=True, fault="failure E17")
    assert place.sink.statuses[-1][2:] == ("suspended_evse", "failure E17")


async def test_where_no_energy_is_told_it_is_reckoned(place):
    for _ in range(61):
        at = place.now = place.now + timedelta(minutes=1)
        await place.evse.look(Seen(car=Car(plug=0, ready=True, names_itself=False, measured_at=at, power_w=6000.0), certain=True), at)
    assert place.sessions == [(6000, None)]

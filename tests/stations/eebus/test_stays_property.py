"""Whatever cars, wallbox, network and we ourselves do: each session is told once, and no energy is counted twice."""

import asyncio
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from chargebridge.stations.eebus.evse import Evse
from chargebridge.stations.eebus.seen import Car, Identification, Seen
from chargebridge.stations.eebus.settings import PointSettings
from chargebridge.stations.port import Authorisation, StartAnswer

T0 = datetime(2026, 11, 21, 12, tzinfo=UTC)


class Ledger:
    """A sink that keeps what each transaction was told to be, by the keys of its events."""

    def __init__(self):
        self.keys, self.begun, self.ended, self.energy = set(), [], [], {}

    def _first(self, event):
        fresh = event.replay_key not in self.keys
        self.keys.add(event.replay_key)
        return fresh

    async def transaction_started(self, event):
        if self._first(event):
            self.begun.append(event.transaction)
            self.energy[event.transaction] = 0
        return StartAnswer(transaction=event.transaction, authorisation=Authorisation.ACCEPTED)

    async def transaction_updated(self, event):
        if self._first(event):
            self.energy[event.transaction] = max(self.energy[event.transaction], event.meter_wh)

    async def transaction_ended(self, event):
        if self._first(event):
            self.ended.append(event.transaction)
            self.energy[event.transaction] = max(self.energy[event.transaction], event.meter_wh)

    async def measured(self, *args):
        pass

    async def status_changed(self, *args):
        pass

    async def authorise(self, station, token):
        return Authorisation.INVALID

    def about(self, station, token):
        return None


class Disk:
    """What a kill leaves."""

    def __init__(self):
        self.stays = {}

    async def keep(self, evse, stay):
        self.stays[evse] = stay


class Story:
    """A wallbox and its car as they truly are. figure: what the wallbox says was charged; seen: the most that it told us of each of its counts."""

    def __init__(self):
        self.now, self.ledger, self.disk = T0, Ledger(), Disk()
        self.car, self.figure, self.count, self.plug, self.seen, self.connected = None, 0.0, 0, 0, {}, True
        self.kill()

    def kill(self):
        self.evse = Evse("WB", 1, PointSettings(), "HOME", self.ledger, self.disk, self.disk.stays.get(1))

    def leave(self):
        self.car = None
        self.plug += self.connected

    def arrive(self, name):
        if self.car is None:
            self.car, self.figure, self.count = name, 0.0, self.count + 1

    def charge(self, wh):
        if self.car is not None:
            self.figure += wh
        self.now += timedelta(hours=wh / 11_000, seconds=6)

    def restart(self):
        """Of the wallbox."""
        self.lose()
        self.figure, self.count = 0.0, self.count + 1
        self.connected = True

    def lose(self):
        self.connected, self.plug = False, 0
        self.evse.lost()

    def find(self):
        self.connected = True

    async def look(self, certain):
        self.now += timedelta(seconds=6)
        if not self.connected:
            return
        car = None
        if self.car is not None:
            said = Identification("eui48", self.car)
            car = Car(
                plug=self.plug,
                ready=True,
                names_itself=True,
                identification=said,
                measured_at=self.now,
                session_wh=self.figure,
                power_w=0.0,
            )
            self.seen[self.count] = max(self.seen.get(self.count, 0.0), self.figure)
        await self.evse.look(Seen(car=car, certain=certain), self.now)


STEPS = st.one_of(
    st.tuples(st.just("charge"), st.floats(min_value=0, max_value=20_000)),
    st.tuples(st.just("arrive"), st.sampled_from(["001122334455", "AABBCCDDEEFF"])),
    st.tuples(st.just("look"), st.booleans()),
    st.tuples(st.sampled_from(["leave", "restart", "lose", "find", "kill"])),
)


@given(st.lists(STEPS, max_size=40))
def test_nothing_counts_twice_and_each_session_is_told_once(steps):
    async def run():
        story = Story()
        for what, *how in steps:
            done = getattr(story, what)(*how)
            if done is not None:
                await done
        story.find()
        await story.look(True)
        story.leave()
        await story.look(True)
        return story

    story = asyncio.run(run())
    told = sum(story.ledger.energy.values())
    assert told <= sum(story.seen.values()) + 1e-6, "counted twice"
    assert sorted(story.ledger.begun) == sorted(story.ledger.ended)
    assert len(set(story.ledger.begun)) == len(story.ledger.begun)
    if not any(what in ("restart", "lose", "kill") for what, *_ in steps):
        assert told >= sum(story.seen.values()) - len(story.ledger.begun), "whole Wh of all that was seen"

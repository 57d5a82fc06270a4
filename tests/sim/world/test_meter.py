"""A meter speaks in its rhythm and has exactly the fault that it was told to have."""

from datetime import UTC, datetime, timedelta

import pytest

from chargebridge.sim.telegrams.values import MeterValues
from chargebridge.sim.world.event import FaultKind
from chargebridge.sim.world.flow import Flow
from chargebridge.sim.world.meter import Meter, Rhythm

START = datetime(2026, 4, 14, tzinfo=UTC)
DT_S = 0.2


def encode(values: MeterValues, number: int) -> bytes:
    return f"<{number} {values.meter_id} {values.power_import_w:.0f} W {values.energy_import_wh} Wh>".encode()


class Bench:
    """A meter on a flow of 2,300 W per phase."""

    def __init__(self, period_s: float = 1.0, seed: int = 1) -> None:
        self.flow = Flow("x")
        self.meter = Meter("m", self.flow, Rhythm(period_s=period_s, encode=encode), seed)
        self.steps = 0

    def run(self, seconds: float) -> list[tuple[float, bytes]]:
        """(time, telegram) of all that came out."""
        out = []
        for _ in range(round(seconds / DT_S)):
            self.flow.take((10 + 0j, 10 + 0j, 10 + 0j), (230.0, 230.0, 230.0), DT_S)
            self.steps += 1
            t_s = self.steps * DT_S
            out += [(t_s, telegram) for telegram in self.meter.tick(t_s, START + timedelta(seconds=t_s))]
        return out


@pytest.mark.parametrize(("period_s", "telegrams"), [(1.0, 60), (2.5, 24), (10.0, 6)])
def test_it_speaks_once_in_each_period(period_s: float, telegrams: int):
    assert abs(len(Bench(period_s).run(60)) - telegrams) <= 1


def test_its_registers_run_by_the_energy_that_flowed():
    bench = Bench()
    before = bench.meter.values(START)
    bench.run(3600)
    after = bench.meter.values(START)
    assert after.energy_import_wh - before.energy_import_wh == 6900
    assert after.energy_export_wh == before.energy_export_wh
    assert after.current_a == (10, 10, 10)


def test_silent_and_dead_meters_say_nothing_and_a_repaired_one_goes_on():
    for fault in (FaultKind.SILENT, FaultKind.DEAD):
        bench = Bench()
        bench.run(5)
        bench.meter.fail(fault)
        assert not bench.run(20)
        bench.meter.fail(FaultKind.NONE)
        assert len(bench.run(5)) == 5


def test_a_frozen_meter_repeats_its_last_telegram():
    bench = Bench()
    last = bench.run(5)[-1][1]
    bench.meter.fail(FaultKind.FROZEN)
    assert [telegram for _, telegram in bench.run(3)] == [last] * 3


def test_cut_telegrams_are_shorter_and_flipped_ones_differ_in_one_bit():
    clean, cut, flipped = Bench(), Bench(), Bench()
    cut.meter.fail(FaultKind.CUT)
    flipped.meter.fail(FaultKind.FLIPPED)
    good = [telegram for _, telegram in clean.run(20)]
    for whole, part in zip(good, cut.run(20), strict=True):
        assert whole.startswith(part[1])
        assert len(part[1]) < len(whole)
    for whole, spoiled in zip(good, flipped.run(20), strict=True):
        assert sum((a ^ b).bit_count() for a, b in zip(whole, spoiled[1], strict=True)) == 1


def test_late_telegrams_come_whole_and_in_order_but_late():
    clean, late = Bench(), Bench()
    late.meter.fail(FaultKind.LATE, late_s=7.0)
    good, seen = clean.run(20), late.run(27)
    assert [telegram for _, telegram in seen][:20] == [telegram for _, telegram in good]
    assert all(after - before == pytest.approx(7.0, abs=DT_S + 1e-6) for (before, _), (after, _) in zip(good, seen, strict=False))


def test_the_same_seed_speaks_the_same_bytes():
    assert Bench(seed=4).run(30) == Bench(seed=4).run(30) != Bench(seed=5).run(30)

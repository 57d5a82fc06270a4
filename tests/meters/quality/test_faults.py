"""Each thing that can be wrong with a meter is found, by its name, within its time; and cleared when it is right again."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from tests.meters.quality.true_meter import START, TrueMeter, change, replace, run, steps

from chargebridge.meters.quality import MeterChecker
from chargebridge.model.finding import Finding, FindingKind, Severity
from chargebridge.model.reading import Reading

HOUR = 3600.0
HOUSE = steps(5, 300, 6000)
SUNNY = steps(6, -5000, 3000)


def scaled(factor: str) -> Any:
    def wrong(reading: Reading) -> Reading:
        energy = reading.energy_import_wh
        return replace(reading, energy_import_wh=None if energy is None else (energy - 12_345_678) * Decimal(factor) + 12_345_678)

    return wrong


def kinds(found: Iterable[Finding]) -> set[FindingKind]:
    return {finding.kind for finding in found}


def first(found: list[Finding], kind: FindingKind) -> tuple[Finding, float]:
    """The first finding of a kind, and how many seconds after the start."""
    finding = next(f for f in found if f.kind is kind)
    return finding, (finding.at - START).total_seconds()


@pytest.mark.parametrize("factor", ["10", "100", "1000", "0.1", "0.01"])
@pytest.mark.parametrize("interval_s", [1.0, 10.0])
def test_a_wrong_power_of_ten_is_found_in_a_quarter_hour_of_power(factor: str, interval_s: float) -> None:
    found = run(change(TrueMeter(interval_s=interval_s).readings(HOUSE, HOUR), 0, scaled(factor)))
    alarm, after = first(found, FindingKind.SCALE)
    assert alarm.severity is Severity.ERROR
    assert after < 1000
    assert kinds(found) == {FindingKind.SCALE}
    assert f"{float(factor):g} times" in alarm.text


@pytest.mark.parametrize("hours", [3, 5])
def test_a_wrong_power_of_ten_is_found_where_registers_are_told_by_the_hour(hours: int) -> None:
    hourly = TrueMeter(interval_s=2.5, step_wh=10, register_s=HOUR, clock_seldom=True, lag_s=10)
    assert kinds(run(change(hourly.readings(HOUSE, hours * HOUR), 0, scaled("10")))) == {FindingKind.SCALE}


def test_a_power_that_is_ten_times_too_great_is_found_too() -> None:
    def wrong(reading: Reading) -> Reading:
        return replace(reading, power_w=10 * (reading.power_w or 0), power_w_phases=(None, None, None), current_a=(None, None, None))

    assert FindingKind.SCALE in kinds(run(change(TrueMeter().readings(SUNNY, 3 * HOUR), 0, wrong)))


@pytest.mark.parametrize("share", ["0.66", "1.5"])
def test_a_phase_that_the_register_does_not_count_is_found_in_two_windows(share: str) -> None:
    found = run(change(TrueMeter().readings(HOUSE, 2 * HOUR), 0, scaled(share)))
    assert first(found, FindingKind.POWER_ENERGY)[1] < 2 * 1000
    assert kinds(found) == {FindingKind.POWER_ENERGY}


def test_a_register_that_sticks_while_power_flows_is_found_in_a_quarter_hour_and_cleared_when_it_moves() -> None:
    kept: list[Reading] = []

    def stick(reading: Reading) -> Reading:
        kept.append(reading)
        return replace(reading, energy_import_wh=kept[0].energy_import_wh) if len(kept) < 200 else reading

    checker = MeterChecker("m")
    readings = list(change(TrueMeter().readings(HOUSE, 2 * HOUR), 600, stick))
    changes = [c for r in readings for c in checker.feed(r)]
    stuck, after = first(changes, FindingKind.REGISTER_STUCK)
    assert after < 600 + 2 * 950
    assert [c.kind for c in changes] == [FindingKind.REGISTER_STUCK] * 2
    assert changes[-1].cleared_at is not None
    assert checker.open == ()
    assert stuck.figures["register_wh"] == 0


@pytest.mark.parametrize(
    ("wh", "number", "kind"),
    [
        (-5000, "4711", FindingKind.REGISTER_FELL),
        (-12_345_678, "4711", FindingKind.REGISTER_RESET),
        (-12_345_678, "4712", FindingKind.METER_EXCHANGED),
        (4_000_000, "4712", FindingKind.METER_EXCHANGED),
    ],
)
def test_a_register_that_falls_is_told_from_a_reset_and_from_an_exchange_at_once(wh: int, number: str, kind: FindingKind) -> None:
    def other(reading: Reading) -> Reading:
        return replace(reading, energy_import_wh=(reading.energy_import_wh or Decimal(0)) + wh, meter_number=number)

    found = run(change(TrueMeter().readings(HOUSE, HOUR), 1805, other))
    assert kinds(found) == {kind}
    assert first(found, kind)[1] < 1830


def test_a_register_that_loses_its_decimals_asks_for_the_pin() -> None:
    def whole(reading: Reading) -> Reading:
        return replace(reading, energy_import_wh=(reading.energy_import_wh or Decimal(0)) // 1000 * 1000)

    found = run(change(TrueMeter(phases=False).readings(HOUSE, HOUR), 1805, whole))
    assert kinds(found) == {FindingKind.REGISTER_COARSE}
    assert "PIN" in found[0].cure


def test_a_gap_is_told_when_it_ends_and_no_gap_while_a_network_only_held_telegrams_back() -> None:
    readings = list(TrueMeter(interval_s=1).readings(HOUSE, 600))
    found = run(readings[:200] + readings[230:])
    assert kinds(found) == {FindingKind.GAP}
    assert found[0].figures["missing"] == 30
    burst = readings[230].received_at
    held = [replace(r, received_at=max(r.received_at, burst)) if 200 <= n < 230 else r for n, r in enumerate(readings)]
    assert run(held) == []


def test_a_telegram_that_comes_twice_is_told_once_an_hour() -> None:
    readings = list(TrueMeter().readings(HOUSE, HOUR / 2))
    twice = [r for reading in readings for r in (reading, replace(reading, received_at=reading.received_at + timedelta(seconds=0.3)))]
    checker = MeterChecker("m")
    found = run(twice[100:], checker)
    assert kinds(found) == {FindingKind.DUPLICATE}
    assert len(found) == 1
    assert checker.open[0].times > 50
    assert checker.today().duplicates > 50


@pytest.mark.parametrize(("lively", "severity"), [(False, Severity.ERROR), (True, Severity.WARNING)])
def test_a_meter_that_hangs_is_found_within_half_a_minute_and_cleared_by_the_next_tick(*, lively: bool, severity: Severity) -> None:
    readings = list(TrueMeter(interval_s=5).readings(HOUSE, 900))
    last = readings[59]
    hung = [
        replace(r if lively else last, received_at=r.received_at, measured_at=last.measured_at) if 60 <= n < 100 else r
        for n, r in enumerate(readings)
    ]
    checker = MeterChecker("m")
    changes = [c for r in hung for c in checker.feed(r) if c.kind is FindingKind.FROZEN]
    assert [c.cleared_at is None for c in changes] == [True, False]
    assert (changes[0].at - last.received_at).total_seconds() <= 25
    assert changes[0].severity is severity


def test_a_meter_without_a_clock_that_repeats_itself_is_told_of_as_doubtful_after_half_an_hour() -> None:
    def same(reading: Reading) -> Reading:
        known.append(reading)
        return replace(known[0], received_at=reading.received_at)

    known: list[Reading] = []
    dumb = replace(TrueMeter(clock=False, register_s=1e9), export=False)
    found = run(change(dumb.readings(HOUSE, 2 * HOUR), 600, same))
    alarm, after = first(found, FindingKind.SAME_FIGURES)
    assert alarm.severity is Severity.INFO
    assert 2400 < after < 2430


@pytest.mark.parametrize(
    ("off_s", "kind"),
    [
        (40, FindingKind.CLOCK_OFFSET),
        (-40, FindingKind.CLOCK_OFFSET),
        (3600, FindingKind.CLOCK_HOUR),
        (-7200, FindingKind.CLOCK_HOUR),
        (19_800, FindingKind.CLOCK_HOUR),
    ],
)
def test_a_clock_that_is_wrong_is_found_in_two_minutes(off_s: int, kind: FindingKind) -> None:
    def wrong(reading: Reading) -> Reading:
        assert reading.measured_at is not None
        return replace(reading, measured_at=reading.measured_at + timedelta(seconds=off_s))

    found = run(change(TrueMeter().readings(HOUSE, 1800), 0, wrong))
    assert kinds(found) == {kind}
    assert first(found, kind)[1] < 120


@pytest.mark.parametrize("jump_s", [-3600, -15, 15, 3600])
def test_a_clock_that_jumps_is_found_in_two_minutes(jump_s: int) -> None:
    def jumped(reading: Reading) -> Reading:
        assert reading.measured_at is not None
        return replace(reading, measured_at=reading.measured_at + timedelta(seconds=jump_s))

    found = run(change(TrueMeter().readings(HOUSE, 1800), 905, jumped))
    alarm, after = first(found, FindingKind.CLOCK_JUMP)
    assert after < 905 + 130
    assert alarm.figures["forward_s"] == pytest.approx(jump_s, abs=6 if jump_s > 0 else 11)
    assert FindingKind.GAP not in kinds(found)


def test_a_daylight_saving_mark_that_is_missed_shows_in_autumn() -> None:
    """01:59 is followed by 01:00 of the same offset: an hour back, and from then on wrong."""
    changes_at = datetime(2026, 10, 25, 1, tzinfo=UTC)
    start = changes_at - timedelta(minutes=30)

    def late(reading: Reading) -> Reading:
        assert reading.measured_at is not None
        before = reading.measured_at < changes_at
        return reading if before else replace(reading, measured_at=reading.measured_at - timedelta(hours=1))

    found = run(late(r) for r in TrueMeter().readings(HOUSE, HOUR, start=start))
    assert kinds(found) == {FindingKind.CLOCK_JUMP, FindingKind.CLOCK_HOUR}


def test_phases_that_do_not_make_the_sum_are_found_in_five_telegrams() -> None:
    def wrong(reading: Reading) -> Reading:
        l1, l2, _ = reading.power_w_phases
        return replace(reading, power_w_phases=(l1, l2, 0.0), current_a=(None, None, None))

    found = run(change(TrueMeter().readings(HOUSE, 900), 305, wrong))
    assert kinds(found) == {FindingKind.PHASE_SUM}
    assert first(found, FindingKind.PHASE_SUM)[1] <= 305 + 60


@pytest.mark.parametrize("factor", [0.1, 10.0])
@pytest.mark.parametrize("told", ["phases", "sum"])
def test_a_current_of_the_wrong_scale_is_found_in_five_telegrams(factor: float, told: str) -> None:
    def wrong(reading: Reading) -> Reading:
        l1, l2, l3 = ((i or 0) * factor for i in reading.current_a)
        phases = reading.power_w_phases if told == "phases" else (None, None, None)
        return replace(reading, current_a=(l1, l2, l3), power_w_phases=phases)

    found = run(change(TrueMeter().readings(steps(1, 3000, 6000), 900), 305, wrong))
    assert kinds(found) == {FindingKind.APPARENT_POWER}


@pytest.mark.parametrize(("volts", "cure"), [(180.0, "grid operator"), (23.1, "scale"), (2310.0, "scale")])
def test_a_voltage_out_of_range_is_found_in_ten_minutes(volts: float, cure: str) -> None:
    def wrong(reading: Reading) -> Reading:
        return replace(reading, voltage_v=(reading.voltage_v[0], volts, reading.voltage_v[2]), current_a=(None, None, None))

    found = run(change(TrueMeter().readings(HOUSE, 1800), 0, wrong))
    assert kinds(found) == {FindingKind.VOLTAGE}
    assert first(found, FindingKind.VOLTAGE)[1] < 620
    assert cure in found[0].cure


def test_our_own_clock_set_back_is_no_fault_of_the_meter() -> None:
    back = timedelta(hours=-1)
    readings = change(TrueMeter(clock=False).readings(HOUSE, 2 * HOUR), 1800, lambda r: replace(r, received_at=r.received_at + back))
    assert run(readings) == []


def test_a_restart_remembers_what_stood_open() -> None:
    readings = list(change(TrueMeter().readings(HOUSE, 2 * HOUR), 0, scaled("10")))
    checker = MeterChecker("m")
    run(readings[:300], checker)
    assert kinds(checker.open) == {FindingKind.SCALE}
    again = MeterChecker("m", standing=checker.open)
    assert run(readings[300:], again) == []
    assert again.open[0].at == checker.open[0].at

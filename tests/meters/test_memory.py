"""Between two full lists the phases are carried on, bounded by the rise of the total, and not for long."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from chargebridge.meters.memory import MAX_AGE_S, PhaseMemory
from chargebridge.model.reading import UNTOLD, Reading

START = datetime(2026, 1, 1, tzinfo=UTC)
FULL = Reading(
    meter="m", received_at=START, power_w=2300.0, current_a=(6.0, None, -4.0), voltage_v=(230.0, None, 230.0), meter_number="7"
)  # fmt: skip


def short(power_w: float | None, after_s: float) -> Reading:
    return Reading(meter="m", received_at=START + timedelta(seconds=after_s), power_w=power_w)


def test_a_rise_may_lie_on_any_phase():
    memory = PhaseMemory()
    assert memory.complete(FULL) is FULL
    reading = memory.complete(short(2760.0, 2))
    assert reading.current_a == (8.0, None, -2.0)
    assert reading.voltage_v == FULL.voltage_v
    assert reading.meter_number == "7"
    assert set(reading.derived) == {"current_a", "voltage_v"}
    assert reading.received_at == START + timedelta(seconds=2)


def test_a_fall_gives_nothing_free_before_the_phases_tell():
    memory = PhaseMemory()
    memory.complete(FULL)
    assert memory.complete(short(0.0, 4)).current_a == FULL.current_a


def test_rises_do_not_add_up():
    memory = PhaseMemory()
    memory.complete(FULL)
    memory.complete(short(4600.0, 2))
    assert memory.complete(short(2300.0, 4)).current_a == FULL.current_a


def test_old_phases_are_not_carried_on():
    memory = PhaseMemory()
    memory.complete(FULL)
    assert memory.complete(short(2300.0, MAX_AGE_S + 1)).current_a == UNTOLD


def test_nothing_to_carry():
    memory = PhaseMemory()
    assert memory.complete(short(2300.0, 0)).current_a == UNTOLD
    memory.complete(FULL)
    assert memory.complete(short(None, 1)).current_a == UNTOLD


def registers(after_s: float) -> Reading:
    return Reading(meter="m", received_at=START + timedelta(seconds=after_s), energy_import_wh=Decimal(5))


def test_a_list_of_registers_leaves_the_load_as_it_was():
    memory = PhaseMemory()
    assert memory.complete(registers(0)) == registers(0)
    memory.complete(FULL)
    memory.complete(short(2760.0, 2))
    reading = memory.complete(registers(5))
    assert (reading.power_w, reading.current_a, reading.voltage_v) == (2760.0, (8.0, None, -2.0), FULL.voltage_v)
    assert reading.energy_import_wh == 5
    assert {"power_w", "current_a"} <= set(reading.derived)
    assert memory.complete(registers(2 + MAX_AGE_S + 1)) == registers(2 + MAX_AGE_S + 1), (
        "never for long, nor from one such list to the next"
    )

"""The committed synthetic set: our encoders still write these bytes, and the decoders still read these values.

``python tests/sim/telegrams/test_golden.py`` writes the set anew after a deliberate change.
"""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from chargebridge.sim.telegrams import cii, d0, han, iskra, p1, sml, tic
from chargebridge.sim.telegrams.han import ListSize
from chargebridge.sim.telegrams.values import MeterValues
from chargebridge.wire.meter import AutoDecoder, Telegram

DATA = Path(__file__).parents[2] / "wire" / "meter" / "data"

THREE_PHASES = MeterValues(
    at=datetime(2026, 7, 1, 12, 0, 3, tzinfo=UTC),
    meter_id="12345678",
    power_import_w=3451,
    power_export_w=0,
    power_w_phases=(2300, -149, 1300),
    current_a=(10.05, 0.71, 5.62),
    voltage_v=(230.1, 228.9, 231.4),
    energy_import_wh=12_345_678,
    energy_export_wh=98_760,
    reactive_import_var=0,
    reactive_export_var=215,
    reactive_energy_import_varh=1_230,
    reactive_energy_export_varh=456_780,
)
ONE_PHASE_EXPORTING = MeterValues(
    at=datetime(2026, 1, 9, 23, 59, 50, tzinfo=UTC),
    meter_id="87654321",
    power_import_w=0,
    power_export_w=4600,
    power_w_phases=(-4600, None, None),
    current_a=(19.8, None, None),
    voltage_v=(232.3, None, None),
    energy_import_wh=50,
    energy_export_wh=7_654_320,
)
SAMPLES = {
    "p1_dsmr5.txt": p1.encode(THREE_PHASES),
    "p1_dsmr5_one_phase.txt": p1.encode(ONE_PHASE_EXPORTING),
    "p1_flanders.txt": p1.encode(THREE_PHASES, current_decimals=2),
    "p1_sweden.txt": p1.encode_swedish(THREE_PHASES),
    "sml_three_phases.bin": sml.encode(THREE_PHASES),
    "sml_one_phase_exporting.bin": sml.encode(ONE_PHASE_EXPORTING),
    "aidon_power.bin": han.aidon(THREE_PHASES, ListSize.POWER),
    "aidon_full.bin": han.aidon(THREE_PHASES, ListSize.FULL),
    "aidon_hourly.bin": han.aidon(THREE_PHASES, ListSize.HOURLY),
    "kaifa_power.bin": han.kaifa(THREE_PHASES, ListSize.POWER),
    "kaifa_full.bin": han.kaifa(THREE_PHASES, ListSize.FULL),
    "kaifa_hourly_one_phase.bin": han.kaifa(ONE_PHASE_EXPORTING, ListSize.HOURLY),
    "kamstrup_full.bin": han.kamstrup(THREE_PHASES, ListSize.FULL),
    "kamstrup_hourly_one_phase.bin": han.kamstrup(ONE_PHASE_EXPORTING, ListSize.HOURLY),
    "cii_whole_volts.bin": cii.encode(THREE_PHASES),
    "cii_tenths_of_volts.bin": cii.encode(THREE_PHASES, volt_steps=10),
    "iskra_slovenia_power.bin": iskra.slovenian_power(THREE_PHASES),
    "iskra_slovenia_power_one_phase.bin": iskra.slovenian_power(ONE_PHASE_EXPORTING),
    "iskra_slovenia_energy.bin": iskra.slovenian_energy(THREE_PHASES),
    "iskra_croatia.bin": iskra.croatian(THREE_PHASES),
    "d0_push.txt": d0.push(THREE_PHASES),
    "d0_push_without_currents.txt": d0.push(ONE_PHASE_EXPORTING, currents=False),
    "d0_readout.txt": d0.readout(THREE_PHASES),
    "d0_readout_one_phase.txt": d0.readout(ONE_PHASE_EXPORTING),
    "tic_historic_three_phases.bin": tic.encode_historic(THREE_PHASES),
    "tic_historic_one_phase.bin": tic.encode_historic(ONE_PHASE_EXPORTING),
    "tic_historic_overload.bin": tic.encode_overload(THREE_PHASES, excess_a=5),
    "tic_standard_three_phases.bin": tic.encode(THREE_PHASES),
    "tic_standard_producer.bin": tic.encode(ONE_PHASE_EXPORTING, producer=True),
}


def described(data: bytes) -> dict:
    (telegram,) = AutoDecoder().feed(data)
    assert isinstance(telegram, Telegram)
    return {
        "protocol": telegram.protocol,
        "profile": telegram.profile,
        "device": telegram.device,
        "meter_id": telegram.meter_id,
        "clock": None if telegram.clock is None else telegram.clock.isoformat(),
        "clock_text": telegram.clock_text,
        "crc_ok": telegram.crc_ok,
        "registers": {code: [str(register.value), register.unit, register.scale] for code, register in telegram.registers.items()},
    }


@pytest.mark.parametrize("name", SAMPLES)
def test_encoder_writes_the_same_bytes(name):
    assert (DATA / name).read_bytes() == SAMPLES[name]


@pytest.mark.parametrize("name", SAMPLES)
def test_decoder_reads_the_same_values(name):
    expected = json.loads((DATA / "expected.json").read_text())
    assert described((DATA / name).read_bytes()) == expected[name]


if __name__ == "__main__":
    DATA.mkdir(exist_ok=True)
    for file_name, content in SAMPLES.items():
        (DATA / file_name).write_bytes(content)
    (DATA / "expected.json").write_text(json.dumps({n: described(c) for n, c in SAMPLES.items()}, indent=1) + "\n")

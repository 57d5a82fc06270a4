"""What stations send as meter values, and what is made of it."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from chargebridge.stations.ocpp.measurements import from_16, from_201
from chargebridge.stations.port import EvseMeasurement
from chargebridge.wire.ocpp import V16, V201

AT = "2026-03-01T10:00:00Z"


def read_16(*values: dict[str, Any], phases: int = 3) -> EvseMeasurement | None:
    payload = {"connectorId": 1, "meterValue": [{"timestamp": AT, "sampledValue": values}]}
    request = V16.decode_request("MeterValues", json.dumps(payload).encode())
    found = from_16(request.meter_value, phases)  # type: ignore[attr-defined]
    return found[0] if found else None


def read_201(*values: dict[str, Any], phases: int = 3) -> EvseMeasurement | None:
    payload = {"evseId": 1, "meterValue": [{"timestamp": AT, "sampledValue": values}]}
    request = V201.decode_request("MeterValues", json.dumps(payload).encode())
    found = from_201(request.meter_value, phases)  # type: ignore[attr-defined]
    return found[0] if found else None


def value(number: object, measurand: str | None = None, **more: str) -> dict[str, Any]:
    return {"value": str(number), **({"measurand": measurand} if measurand else {}), **more}


def test_what_is_left_out_means_energy_in_wh() -> None:
    told = read_16(value("1234.6"))
    assert told == EvseMeasurement(measured_at=datetime(2026, 3, 1, 10, tzinfo=UTC), energy_wh=1235)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([value(7, "Current.Import", phase="L1"), value(8, "Current.Import", phase="L2-N")], (7.0, 8.0, 0.0)),
        ([value(7, "Current.Import")], (7.0, 7.0, 7.0)),
        ([value(30, "Current.Import"), value(6900, "Power.Active.Import")], (10.0, 10.0, 10.0)),
        ([value(10, "Current.Import"), value("6.9", "Power.Active.Import", unit="kW")], (10.0, 10.0, 10.0)),
        ([value(7, "Current.Import", phase="N"), value(9, "Current.Import", phase="L3")], (0.0, 0.0, 9.0)),
        ([value(9, "Current.Export")], None),
    ],
)  # fmt: skip
@pytest.mark.ocpp("1.6", "3.16")
def test_currents(values: list[dict[str, Any]], expected: Any) -> None:
    told = read_16(*values)
    assert (told.current_a if told else None) == expected


def test_a_single_phase_point() -> None:
    told = read_16(value(16, "Current.Import"), phases=1)
    assert told is not None
    assert told.current_a == (16.0, 0.0, 0.0)


@pytest.mark.ocpp("1.6", "3.16")
def test_sums_and_shares() -> None:
    told = read_16(
        *(value(1.5, "Power.Active.Import", phase=f"L{n}", unit="kW") for n in (1, 2, 3)),
        value(231, "Voltage", phase="L1"),
        value(233, "Voltage", phase="L2"),
        value(400, "Voltage", phase="L1-L2"),
        value(40, "SoC"),
        value("22080", "Power.Offered", unit="W"),
    )
    assert told is not None
    assert told.power_w == 4500
    assert told.voltage_v == (231.0, 233.0, 232.0)
    assert told.soc == pytest.approx(0.4)
    assert told.offered_a == pytest.approx(32.0)


@pytest.mark.parametrize("bad", ["", "abc", "12,5", "nan", "inf", "1e999"])
def test_a_bad_value_costs_that_value(bad: str) -> None:
    told = read_16(value(bad, "Power.Active.Import"), value(5, "Current.Import", phase="L1"))
    assert told is not None
    assert (told.power_w, told.current_a) == (None, (5.0, 0.0, 0.0))


def test_what_says_nothing_is_nothing() -> None:
    assert read_16() is None
    assert read_16(value("x")) is None
    assert read_16(value("AAAA", format="SignedData")) is None
    assert read_16(value(5, location="Inlet")) is None
    assert read_16(value(5, unit="kvarh")) is None


def test_units_of_2_0_1() -> None:
    told = read_201(
        {"value": 1.5, "unitOfMeasure": {"unit": "kWh"}},
        {"value": 69, "measurand": "Power.Active.Import", "unitOfMeasure": {"unit": "W", "multiplier": 2}},
        {"value": 10, "measurand": "Current.Import", "unitOfMeasure": {}, "phase": "L1"},
        {"value": 50, "measurand": "SoC"},
        {"value": 1, "measurand": "Voltage", "unitOfMeasure": {"unit": "V", "multiplier": 2_000_000_000}},
    )
    assert told is not None
    assert (told.energy_wh, told.power_w, told.current_a, told.soc) == (1500, 6900.0, (10.0, 0.0, 0.0), 0.5)
    assert told.voltage_v is None

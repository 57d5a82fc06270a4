"""What makes a session, rule by rule, with values signed here."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from tests import signed_samples as samples
from tests.signed_samples import BEGIN, ocmf, payload, reading

from chargebridge.calibration.session import judge
from chargebridge.calibration.verdict import Code, Outcome
from chargebridge.wire.signed import formats

HOUR = timedelta(hours=1)


def judged(*records: bytes) -> Any:
    return judge([one for data in records for one in formats.read(data)], samples.public())


def test_a_session_is_billed_by_the_exact_difference() -> None:
    verdict = judged(samples.session("12.345"))
    assert verdict.outcome is Outcome.VALID
    assert verdict.energy_wh == Decimal("12345")
    assert (verdict.begin, verdict.end) == (BEGIN, BEGIN + HOUR)
    assert verdict.energy_billable
    assert verdict.time_billable


def test_two_records_are_one_session() -> None:
    verdict = judged(ocmf(payload(reading("B", "1"), PG="T7")), ocmf(payload(reading("E", "3.5", BEGIN + HOUR), PG="T8")))
    assert verdict.outcome is Outcome.VALID
    assert verdict.energy_wh == 2500


BAD_ENDS: dict[Code, dict[str, Any]] = {
    Code.METER_STATUS: {"ST": "M"},
    Code.ENERGY_UNUSABLE: {"EF": "E"},
    Code.ENERGY_FALLS: {"RV": 0.5},
    Code.TIME_FALLS: {"TM": samples.time_of(BEGIN - HOUR)},
    Code.NO_END: {"TX": "C"},
    Code.SEVERAL_BEGINS: {"TX": "B"},
    Code.REGISTER_DIFFERS: {"RI": "1-b:1.8.1"},
}
BAD_HEADS: dict[Code, dict[str, Any]] = {
    Code.PAGE_FALLS: {"PG": "T7"},
    Code.PAGES_MISSING: {"PG": "T9"},
    Code.PAGE_CONTEXT: {"PG": "F8"},
    Code.METER_DIFFERS: {"MS": "M2"},
    Code.GATEWAY_DIFFERS: {"GS": "G2"},
    Code.CUSTOMER_DIFFERS: {"ID": "04AABBCD"},
    Code.POINT_DIFFERS: {"CI": "DE*ABC*E2"},
    Code.NOT_IDENTIFIED: {"IL": "MISMATCH"},
}


@pytest.mark.parametrize("code", [*BAD_ENDS, *BAD_HEADS])
def test_each_rule_is_named_when_it_is_broken(code: Code) -> None:
    end = reading("E", "3.5", BEGIN + HOUR) | BAD_ENDS.get(code, {})
    verdict = judged(ocmf(payload(reading("B", "1"), PG="T7")), ocmf(payload(end, **({"PG": "T8"} | BAD_HEADS.get(code, {})))))
    assert code in {finding.code for finding in verdict.findings if finding.fatal}
    assert verdict.outcome is Outcome.INVALID
    assert not verdict.energy_billable


@pytest.mark.parametrize(
    ("begin", "end", "energy", "time"),
    [
        ("S", "S", True, True),
        ("R", "R", True, True),
        ("I", "R", True, True),
        ("I", "I", True, False),
        ("S", "R", True, False),
        ("R", "S", False, False),
    ],
)
def test_energy_and_time_are_billed_apart(begin: str, end: str, energy: bool, time: bool) -> None:
    first = reading("B", "1", TM=samples.time_of(BEGIN, begin))
    last = reading("E", "2", TM=samples.time_of(BEGIN + HOUR, end))
    verdict = judged(ocmf(payload(first, last)))
    assert (verdict.energy_billable, verdict.time_billable) == (energy, time)


def test_from_an_exception_on_nothing_counts() -> None:
    told = [reading("B", "1"), reading("C", "2", BEGIN + HOUR / 2), reading("X", "2.5", BEGIN + HOUR / 2), reading("E", "9", BEGIN + HOUR)]
    verdict = judged(ocmf(payload(*told)))
    assert verdict.outcome is Outcome.VALID
    assert verdict.energy_wh == 1000
    assert Code.EXCEPTION in {finding.code for finding in verdict.findings}


def test_watt_hours_and_kilowatt_hours_are_one_quantity() -> None:
    told = [reading("B", "1"), reading("E", "2500", BEGIN + HOUR, RU="Wh")]
    assert judged(ocmf(payload(*told))).energy_wh == 1500


def test_the_curve_is_the_keys_not_the_records() -> None:
    verdict = judged(samples.session().replace(b'"SD"', b'"SA":"ECDSA-secp256k1-SHA256","SD"'))
    assert [finding.code for finding in verdict.findings] == [Code.CURVE_DIFFERS]


def test_without_a_key_nothing_can_be_decided_and_nothing_is_billed() -> None:
    verdict = judge(formats.read(samples.session()), None)
    assert verdict.outcome is Outcome.UNDECIDABLE
    assert not verdict.energy_billable

"""Each record comes out as its verdict file says: readable, and its signature holds or does not."""

from typing import Any

import pytest
from tests.signed_vectors import lines, needs_vectors

from chargebridge.calibration.session import leniences, signature_findings
from chargebridge.calibration.verdict import Code
from chargebridge.wire.signed import formats
from chargebridge.wire.signed.errors import SignedFormatError
from chargebridge.wire.signed.keys import PublicKey, read_key
from chargebridge.wire.signed.record import SignedRecord

COUNTS = {"ocmf": 132, "alfen": 40, "edl40": 15, "isa-edl40": 11, "mennekes": 12, "edl40-sig": 10, "pcdf": 11}


def key_of(case: dict[str, Any], record: SignedRecord) -> PublicKey | None:
    signature = record.signatures[0]
    curves = (signature.curve,) if signature.curve else signature.curves
    return read_key(case["public_key"], curves) if case["public_key"] else record.key


def verdict(case: dict[str, Any]) -> tuple[str, bool]:
    """The verdict, and whether it took a lenient reading."""
    try:
        records = formats.read(case["data"])
        key = key_of(case, records[0])
    except SignedFormatError:
        return "malformed", False
    fatal = [finding.code for finding in signature_findings(records, key) if finding.fatal]
    word = "valid" if not fatal else "undecidable" if fatal[0] is Code.NO_KEY else "malformed" if Code.CURVE_DIFFERS in fatal else "invalid"
    return word, bool(leniences(records, key))


@needs_vectors
@pytest.mark.parametrize("name", COUNTS)
def test_records(name: str) -> None:
    cases = lines(f"{name}/records.jsonl")
    assert len(cases) == COUNTS[name]
    wrong = {}
    for case in cases:
        expect = case["expect"]
        found, lenient = verdict(case)
        if found not in (expect["signature"], expect.get("also_accepted")) or (expect.get("strict_reading") and not lenient):
            wrong[case["id"]] = (found, lenient, expect)
    assert wrong == {}


@needs_vectors
def test_values_are_those_that_others_decoded() -> None:
    """Value, page, session and user, exact."""
    wrong = {}
    for name in ("alfen", "edl40", "edl40-sig"):
        for case in lines(f"{name}/records.jsonl"):
            told = case.get("decoded")
            if not told or case["kind"] != "real":
                continue
            (record,) = formats.read(case["data"])
            (reading,) = record.readings
            page = told["paging"] if "paging" in told else told["pagination"]
            if (
                reading.energy_wh != told["value"] * 10 ** told["scaler"]
                and float(reading.energy_wh or 0) != told["value"] / 10 ** -told["scaler"]
            ):
                wrong[case["id"]] = reading
            if record.page != page:
                wrong[case["id"]] = record.page
    for case in lines("ocmf/records.jsonl"):
        told = case.get("decoded")
        if told and case["kind"] == "real" and "readings" in told:
            (record,) = formats.read(case["data"])
            if record.meter != (told["ms"] or "") or len(record.readings) != len(told["readings"]):
                wrong[case["id"]] = record
            for reading, (_, value, unit, _, _, status, _) in zip(record.readings, told["readings"], strict=True):
                factor = {"kWh": 1000, "Wh": 1}.get(unit)
                same = reading.energy_wh is None if factor is None else abs(float(reading.energy_wh or 0) - float(value) * factor) < 1e-6
                if not same or reading.status != (status or reading.status):
                    wrong[case["id"]] = reading
    assert wrong == {}

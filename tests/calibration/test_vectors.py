"""Sessions and CDRs come out as their verdict files say."""

import json
from datetime import datetime
from typing import Any

from tests.signed_vectors import lines, needs_vectors

from chargebridge.calibration.cdr import judge_cdr, read_cdr
from chargebridge.calibration.registry.entry import KeyEntry, KeyState
from chargebridge.calibration.session import judge
from chargebridge.calibration.verdict import Code, Outcome
from chargebridge.wire.signed import formats
from chargebridge.wire.signed.errors import SignedFormatError
from chargebridge.wire.signed.keys import read_key
from chargebridge.wire.signed.ocmf import CURVES

METER_NOT_WELL = "cdr-o041"
"""The verdict file calls it valid; its records say ST=E and EF=Et (meter in error, energy and time unusable), which OCMF 1.4.1 forbids to bill and
the S.A.F.E. transparency software refuses. No kWh is in it."""


@needs_vectors
def test_sessions() -> None:
    cases = lines("transactions.jsonl")
    assert len(cases) == 60
    wrong = {}
    for case in cases:
        records = [one for name in ("begin", "end") for one in formats.read(case[name])]
        signature = records[0].signatures[0]
        curves = (signature.curve,) if signature.curve else signature.curves
        found = judge(records, read_key(case["public_key"], curves) if case["public_key"] else records[0].key)
        expected = case["expect"]["verdict"]
        same = found.layers.signature is Outcome.VALID if expected == "signatures-valid" else found.outcome.value == expected
        if not same:
            wrong[case["id"]] = (expected, found)
    assert wrong == {}


@needs_vectors
def test_cdrs() -> None:
    cases = lines("ocpi-cdr-signed/cdrs.jsonl")
    assert len(cases) == 64
    wrong = {}
    for case in cases:
        found = judge_cdr(read_cdr(json.dumps(case["cdr"])), registry(case), under_calibration_law=case["evse_eichrecht"])
        if found.outcome.value != case["expect"]["verdict"]:
            wrong[case["id"]] = [finding.code for finding in found.findings]
    assert wrong.pop(METER_NOT_WELL)[:2] == [Code.METER_STATUS, Code.ENERGY_UNUSABLE]
    assert wrong == {}


def registry(case: dict[str, Any]) -> list[KeyEntry]:
    """As the file has it; a key that is no point of its curve is none that a registry can have."""
    method = case["cdr"].get("signed_data", {}).get("encoding_method", "OCMF")
    curves = CURVES if method == "OCMF" else ("secp192r1", "secp256r1")
    entries = []
    for told in case["registry"]:
        ended = told.get("deactivated_at")
        try:
            key = read_key(told["public_key"], curves)
        except SignedFormatError:
            continue
        entries.append(
            KeyEntry(
                evse=told["evse_id"],
                key=key,
                meter=told.get("meter_serial") or "",
                state=KeyState(told["status"]),
                valid_to=datetime.fromisoformat(ended) if ended else None,
            )
        )
    return entries

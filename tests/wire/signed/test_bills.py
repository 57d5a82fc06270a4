"""chargeIT's container with its two kinds of values, and ChargePoint's bill with its signature beside it."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests import signed_samples as samples
from tests.signed_samples import BEGIN, bsm, chargeit, chargepoint, emh
from tests.signed_vectors import VECTORS, needs_vectors

from chargebridge.calibration.transparency import CheckedSession, check_file
from chargebridge.calibration.verdict import Code, Outcome
from chargebridge.wire.signed.container import ContainedValue, with_signatures, write_safe_xml
from chargebridge.wire.signed.errors import SignedFormatError
from chargebridge.wire.signed.keys import read_key

LATER = BEGIN + timedelta(hours=1)
BSM = chargeit(bsm(3, 0, 7), bsm(4, 123456, 8, LATER))
EMH = chargeit(emh(10_000, 1), emh(22_345, 2, LATER))


def checked(data: bytes, **more: Any) -> CheckedSession:
    (session,) = check_file(data, **more)
    return session


def test_bsm() -> None:
    session = checked(BSM)
    assert session.verdict.outcome is Outcome.VALID, session.verdict.findings
    assert float(session.verdict.energy_wh or 0) == 12345.6
    assert session.verdict.end == LATER
    assert (session.records[0].meter, session.records[0].point, session.records[0].customer) == (
        "001BZR0000000001",
        "DE*ABC*E1",
        "rfid:04AABB",
    )


@pytest.mark.parametrize(
    ("shown", "where"),
    [
        ({"measurementId": 9}, "measurementId"),
        ({"time": "2026-03-01T09:00:00+00:00"}, "time"),
        ({"contract": {"id": "04FFFF"}}, "contract"),
        ({"meterInfo": {"meterId": "other"}}, "meterId"),
        ({"value": samples.bsm_value("RCR", 9, 30, -1)}, "value"),
    ],
)
def test_what_a_snapshot_shows_is_what_it_signs(shown: dict[str, Any], where: str) -> None:
    sessions = check_file(chargeit(bsm(3, 0, 7) | shown, bsm(4, 5, 8, LATER)))
    assert any(finding.code is Code.UNREADABLE and finding.text.startswith(where) for one in sessions for finding in one.verdict.findings)


def test_names_cannot_change_places() -> None:
    """They are outside the signature: a register that calls itself the session's energy would be billed for years of charging."""
    end = bsm(4, 5, 8, LATER)
    first, second = (one["measurand"] for one in end["additionalValues"][1:3])
    end["additionalValues"][1]["measurand"], end["additionalValues"][2]["measurand"] = second, first
    end.pop("value")
    sessions = check_file(chargeit(bsm(3, 0, 7), end))
    assert any("not those of a snapshot in their order" in session.verdict.reason for session in sessions)
    assert not any(session.verdict.outcome is Outcome.VALID for session in sessions)


def test_emh() -> None:
    session = checked(EMH)
    assert session.verdict.outcome is Outcome.VALID, session.verdict.findings
    assert (session.transaction, float(session.verdict.energy_wh or 0), session.verdict.end) == ("t1", 1234.5, LATER)
    cut = emh(22_345, 2, LATER)
    cut["measuredValue"]["timestampLocal"]["timestamp"] += 1 << 32
    assert "larger than its place" in check_file(chargeit(emh(1, 1), cut))[1].verdict.reason


def test_chargepoint() -> None:
    bill, signature = chargepoint()
    session = checked(bill, key=samples.public(), signature=signature)
    assert session.verdict.outcome is Outcome.VALID, session.verdict.findings
    assert session.verdict.energy_wh == 100
    assert checked(bill.rstrip(), key=samples.public(), signature=signature).verdict.outcome is Outcome.INVALID, "the whole file is signed"
    assert checked(bill, signature=signature).verdict.outcome is Outcome.UNDECIDABLE
    assert "together" in checked(bill, key=samples.public()).verdict.reason


def test_signatures_find_their_files() -> None:
    files = [("secrrct", b"1"), ("secrrct.sign", b"s1"), ("other", b"2"), ("secrrct", b"3"), ("secrrct.sign", b"s3"), ("lone.sign", b"4")]
    assert with_signatures(files) == [
        ("secrrct", b"1", b"s1"),
        ("other", b"2", None),
        ("secrrct", b"3", b"s3"),
        ("lone.sign", b"4", None),
    ]


def test_safe_xml_has_no_place_for_them() -> None:
    with pytest.raises(SignedFormatError, match="has no place for"):
        write_safe_xml([ContainedValue(json.dumps(emh(1, 1)).encode())])


@pytest.mark.parametrize("whole", [BSM, EMH], ids=["bsm", "emh"])
@given(data=st.data())
def test_no_byte_can_be_another(whole: bytes, data: st.DataObject) -> None:
    """A changed byte is refused, or changes nothing of what is told."""
    at = data.draw(st.integers(0, len(whole) - 1))
    changed = whole[:at] + bytes([data.draw(st.integers(0, 255))]) + whole[at + 1 :]
    before = checked(whole)
    try:
        sessions = check_file(changed, before.key)
    except SignedFormatError:
        return
    if all(session.verdict.outcome is Outcome.VALID for session in sessions):
        told = [reading for session in sessions for record in session.records for reading in record.readings]
        same = [reading for record in before.records for reading in record.readings]
        if whole is BSM:
            assert told == same
        else:
            assert [(one.energy_wh, one.obis) for one in told] == [(one.energy_wh, one.obis) for one in same]
            assert [one.at and one.at.replace(tzinfo=None) for one in told] == [one.at and one.at.replace(tzinfo=None) for one in same]


@given(at=st.integers(0, len(chargepoint()[0]) - 1), value=st.integers(0, 255))
def test_no_byte_of_a_bill_can_be_another(at: int, value: int) -> None:
    bill, signature = chargepoint()
    changed = bill[:at] + bytes([value]) + bill[at + 1 :]
    if changed == bill:
        return
    try:
        sessions = check_file(changed, samples.public(), signature=signature)
    except SignedFormatError:
        return
    assert all(session.verdict.outcome is not Outcome.VALID for session in sessions)


@needs_vectors
@pytest.mark.parametrize(("name", "energy_wh"), [("bsm/bsm-ws36a-good.json", 10), ("emh-chargeit/chargeIT-Testdata-02.chargy", 648.4)])
def test_real_containers(name: str, energy_wh: float) -> None:
    """As the expected reports beside them say: both signatures hold, and these are the values, times, meters and sessions."""
    path = VECTORS / name
    session = checked(path.read_bytes())
    told = dict(line.split(": ", 1) for line in path.with_suffix(".expected.txt").read_text().splitlines())
    assert session.verdict.outcome is Outcome.VALID, session.verdict.findings
    assert float(session.verdict.energy_wh or 0) == energy_wh
    assert session.records[0].meter == told["session 1 meterId"].lower() or session.records[0].meter == told["session 1 meterId"]
    shown = [record.readings[0].at.isoformat() for record in session.records if record.readings[0].at]
    assert shown == [told["value 1.1.1 timestamp"], told["value 1.1.2 timestamp"]]


@needs_vectors
def test_real_bills() -> None:
    folder = VECTORS / "chargepoint"
    key = read_key((folder / "public_key_secp224k1.pem").read_text())
    found = {}
    for bill in sorted(folder.glob("*/secrrct")):
        session = checked(bill.read_bytes(), key=key, signature=Path(f"{bill}.sign").read_bytes())
        found[session.transaction] = (session.verdict.outcome.value, float(session.verdict.energy_wh or 0))
        wrong = checked(bill.read_bytes().replace(b"GBP", b"EUR"), key=key, signature=Path(f"{bill}.sign").read_bytes())
        assert wrong.verdict.outcome is Outcome.INVALID
    assert found == {"600": ("valid", 0), "614": ("valid", 100), "617": ("valid", 200)}


@needs_vectors
def test_a_value_without_unit_is_no_energy() -> None:
    """PTB's container: both signatures hold, but its records name no unit (OCMF's RU); Chargy takes them for Wh."""
    session = checked((VECTORS / "ptb-container" / "ptb-simple.json").read_bytes())
    assert session.verdict.layers.signature is Outcome.VALID
    assert session.verdict.findings[-1].code is Code.NO_ENERGY
    assert session.verdict.energy_wh is None


@needs_vectors
def test_sealed_values_are_refused_by_name() -> None:
    with pytest.raises(SignedFormatError, match="SAFE Seal"):
        check_file((VECTORS / "safeseal-rsa" / "test_ocmf_rsa_01.xml").read_bytes())

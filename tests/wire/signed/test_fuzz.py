"""Whatever comes, a reader gives a record or its own error, soon and in little memory; and no change of one byte goes unnoticed."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests import signed_samples as samples

from chargebridge.calibration.session import judge
from chargebridge.calibration.verdict import Outcome
from chargebridge.wire.meter.sml_transport import wrap
from chargebridge.wire.signed import formats
from chargebridge.wire.signed.der import read_der
from chargebridge.wire.signed.errors import SignedFormatError
from chargebridge.wire.signed.keys import read_key
from chargebridge.wire.signed.record import SignedFormat

SESSION = samples.session()
SEEDS = (
    SESSION,
    b"AP;0;3;AJB42AIR7NC5W5MCFWZHMIQD7SSYVIUCHYEJ7Z2E;" + base64.b32encode(bytes(82)) + b";" + base64.b32encode(bytes(48)) + b";",
    wrap(bytes.fromhex("7605000000016200620072650000070177010b0901454d4800007f9f3e010172620165000000017001010163000000")),
    b"<ChargingProcess><ServerId>0901</ServerId><CustomerIdent>04</CustomerIdent><MeasurementStart/></ChargingProcess>",
    b"<signedMeterValue><encodedMeterValue>" + base64.b64encode(bytes(320)) + b"</encodedMeterValue></signedMeterValue>",
    json.dumps(samples.bsm(3, 0, 7)).encode(),
    json.dumps(samples.emh(1, 1)).encode(),
    samples.chargepoint()[0],
    b"128.8.0(ST:200501162017)(CT:200501162025)(CD:000217)(TV:1)(BV:1)(CSC:1)(SP:1)(RV:0003.276*kWh)(SI:5*1*9)(CS:5)(HW:1)(DT:0)(PK:04)(SG:30)",
)


def refusal(read: Callable[[Any], object], data: object) -> SignedFormatError | None:
    try:
        read(data)
    except SignedFormatError as error:
        return error
    return None


def unharmed(data: bytes) -> None:
    """Read in its own format and in every other."""
    for read in [formats.read, *formats.READERS.values()]:
        error = refusal(read, data)
        assert error is None or (error.position and error.reason and error.cure)


@given(st.binary(max_size=600))
def test_noise(data: bytes) -> None:
    unharmed(data)


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: seed[:6].decode("latin-1"))
@given(data=st.data())
def test_damaged(seed: bytes, data: st.DataObject) -> None:
    harmed = bytearray(seed)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(harmed) - 1))
        cut = data.draw(st.integers(0, 8))
        harmed[at : at + cut] = data.draw(st.binary(max_size=8))
        if not harmed:
            break
    unharmed(bytes(harmed))


@given(st.text(max_size=200))
def test_keys(text: str) -> None:
    error = refusal(lambda told: read_key(told).spki(), text)
    assert error is None or error.cure


@given(st.binary(max_size=80))
def test_der(data: bytes) -> None:
    error = refusal(read_der, data)
    assert error is None or error.position == "signature"


@given(at=st.integers(0, len(SESSION) - 1), value=st.integers(0, 255))
def test_no_byte_of_a_signed_session_can_be_another(at: int, value: int) -> None:
    """Outside the payload, where nothing is signed, a change either matters nothing (the values are the same) or is refused."""
    if SESSION[at] == value:
        return
    changed = SESSION[:at] + bytes([value]) + SESSION[at + 1 :]
    try:
        records = formats.read(changed)
    except SignedFormatError:
        return
    verdict = judge(records, samples.public())
    if verdict.outcome is Outcome.VALID:
        (before,) = formats.read(SESSION)
        assert records[0].readings == before.readings
        assert records[0].signatures[0].signed == before.signatures[0].signed
        assert at > SESSION.index(b"}|{")


def test_huge() -> None:
    for format_, read in formats.READERS.items():
        with pytest.raises(SignedFormatError, match="more than"):
            read(b"<" * (5 * 1024 * 1024) if format_ is not SignedFormat.OCMF else b"OCMF|" + b"9" * (5 * 1024 * 1024))
    with pytest.raises(SignedFormatError, match="more than"):
        formats.read(b"A" * (5 * 1024 * 1024))
    with pytest.raises(SignedFormatError):
        formats.read(b"OCMF|" + b"[" * 100_000 + b"|{}")
    with pytest.raises(SignedFormatError, match="entities"):
        formats.read(b'<!DOCTYPE a [<!ENTITY b "c">]><ChargingProcess>&b;</ChargingProcess>')


def test_many_bars_cost_no_square_of_them() -> None:
    with pytest.raises(SignedFormatError):
        formats.read(b'OCMF|{"RD":"' + b"}|" * 100_000)


def test_what_fuzzing_found() -> None:
    with pytest.raises(SignedFormatError, match="encoding"):
        formats.read(b'<?xml version="1.0" encoding="UTi-8"?><ChargingProcess/>')
    with pytest.raises(SignedFormatError, match="RV"):
        formats.read(SESSION.replace(b'"RV":1000.0', b'"RV":"10\x9b0"', 1))
    with pytest.raises(SignedFormatError, match="breaks off"):
        read_key(samples.public().spki().replace(b"\x06\x08\x2a\x86\x48\xce\x3d\x03", b"\x06\x18\x2a\x86\x48\xce\x3d\x03"))

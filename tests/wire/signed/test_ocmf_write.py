"""What is written is read as it was meant, and the signature covers every byte of it."""

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given
from hypothesis import strategies as st
from tests.signed_samples import SECRET, public
from tests.signed_vectors import lines, needs_vectors

from chargebridge.calibration.session import judge
from chargebridge.calibration.verdict import Code
from chargebridge.wire.signed.errors import SignedFormatError
from chargebridge.wire.signed.ocmf import read_ocmf
from chargebridge.wire.signed.ocmf_write import Customer, MeterReading, Signer, payload, record
from chargebridge.wire.signed.record import Kind, TimeQuality

T0 = datetime(2026, 11, 21, 10, 0, 0, 250_000, tzinfo=UTC)
SIGNER = Signer(meter="M-1", gateway="G-1", evse="DE*ABC*E1")
CUSTOMER = Customer(id="04AABBCC", kind="ISO14443", level="TRUSTED")


def signed(*readings: MeterReading, page: int = 7) -> bytes:
    body = payload(SIGNER, page, CUSTOMER, readings)
    return record(body, SECRET.sign(body, ec.ECDSA(SHA256())), "secp256r1")


def reading(transaction: str, energy: str, minutes: int = 0, **more: object) -> MeterReading:
    return MeterReading(transaction=transaction, energy=Decimal(energy), at=T0 + timedelta(minutes=minutes), **more)  # type: ignore[arg-type]


def test_a_session_in_one_record_holds() -> None:
    made = read_ocmf(signed(reading("B", "12.340"), reading("C", "15.000", 30), reading("E", "22.340", 60)))
    verdict = judge([made], public())
    assert verdict.energy_billable
    assert verdict.time_billable
    assert verdict.energy_wh == 10_000
    assert verdict.step_wh == 1
    assert (verdict.begin, verdict.end) == (T0, T0 + timedelta(hours=1))
    assert made.leniences == ()
    assert (made.meter, made.gateway, made.point, made.customer, made.page, made.context, made.version) == (
        *("M-1", "G-1", "DE*ABC*E1", "04AABBCC", 7, "T", "1.0"),
    )


def test_begin_and_end_in_two_records_hold_with_the_next_page_only() -> None:
    begin, end = read_ocmf(signed(reading("B", "1"), page=7)), read_ocmf(signed(reading("L", "2", 5), page=8))
    assert judge([begin, end], public()).energy_billable
    again = read_ocmf(signed(reading("L", "2", 5), page=7))
    assert Code.PAGE_FALLS in {found.code for found in judge([begin, again], public()).findings}


def test_an_exception_keeps_what_was_before_it() -> None:
    verdict = judge([read_ocmf(signed(reading("B", "1.000"), reading("C", "1.500", 5), reading("X", "0", 6, errors="E")))], public())
    assert verdict.energy_wh == 500
    assert Code.EXCEPTION in {found.code for found in verdict.findings}


@given(
    stand=st.decimals(min_value=0, max_value=10**9, places=4),
    added=st.decimals(min_value=0, max_value=10**4, places=4),
    unit=st.sampled_from(["kWh", "Wh"]),
    clock=st.sampled_from(["S", "R", "I", "U"]),
    customer=st.text(st.characters(exclude_characters="|", exclude_categories=["Cs"]), max_size=40),
    hours=st.integers(-14, 14),
)
def test_what_is_written_is_what_is_read(stand: Decimal, added: Decimal, unit: str, clock: str, customer: str, hours: int) -> None:
    at = T0.astimezone(timezone(timedelta(hours=hours)))
    made = payload(
        SIGNER,
        3,
        Customer(id=customer),
        [
            MeterReading(transaction="B", energy=stand, at=at, unit=unit, clock=clock),  # type: ignore[arg-type]
            MeterReading(transaction="E", energy=stand + added, at=at, unit=unit, clock=clock),  # type: ignore[arg-type]
        ],
    )
    found = read_ocmf(record(made, b"\x30\x06\x02\x01\x01\x02\x01\x01", "secp256r1"))
    factor = 1000 if unit == "kWh" else 1
    assert [one.energy_wh for one in found.readings] == [stand * factor, (stand + added) * factor]
    assert [one.kind for one in found.readings] == [Kind.BEGIN, Kind.END]
    assert {one.at for one in found.readings} == {T0}
    assert {one.time_quality for one in found.readings} == {
        {"S": TimeQuality.SYNCHRONISED, "R": TimeQuality.RELATIVE, "I": TimeQuality.INFORMATIVE, "U": TimeQuality.UNKNOWN}[clock]
    }
    assert found.customer == customer
    assert found.signatures[0].signed == made


@given(place=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_no_byte_of_the_payload_can_be_changed(place: int, bit: int) -> None:
    whole = bytearray(signed(reading("B", "12.340"), reading("E", "22.340", 60)))
    end = whole.index(b"|", 5)
    whole[5 + place % (end - 5)] ^= 1 << bit
    try:
        found = read_ocmf(bytes(whole))
    except SignedFormatError:
        return
    assert not judge([found], public()).energy_billable


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        (lambda: payload(SIGNER, -1, CUSTOMER, [reading("B", "1")]), "PG"),
        (lambda: payload(SIGNER, 1, CUSTOMER, []), "RD"),
        (lambda: payload(SIGNER, 1, Customer(id="a|b"), [reading("B", "1")]), "ID"),
        (lambda: payload(SIGNER, 1, CUSTOMER, [reading("B", "-1")]), "RV"),
        (lambda: payload(SIGNER, 1, CUSTOMER, [reading("B", "NaN")]), "RV"),
        (lambda: payload(SIGNER, 1, CUSTOMER, [MeterReading(transaction="B", energy=Decimal(1), at=T0.replace(tzinfo=None))]), "TM"),
        (lambda: record(b"{}", b"", "ed25519"), "SA"),
    ],
)
def test_what_no_meter_would_sign_is_refused(wrong: object, where: str) -> None:
    with pytest.raises(SignedFormatError) as told:
        wrong()  # type: ignore[operator]
    assert told.value.position == where


@needs_vectors
def test_its_fields_are_those_that_real_stations_send() -> None:
    """Each name at the place where records of real meters have it, with a value of the same kind."""
    seen: dict[str, set[type]] = {}
    of_readings: dict[str, set[type]] = {}
    for told in lines("ocmf/records.jsonl"):
        if told["kind"] != "real" or not told["data"].startswith("OCMF|"):
            continue
        found, _ = json.JSONDecoder().raw_decode(told["data"].removeprefix("OCMF|"))
        for name, value in found.items():
            seen.setdefault(name, set()).add(type(value))
        for one in found["RD"]:
            for name, value in one.items():
                of_readings.setdefault(name, set()).add(type(value))
    ours = json.loads(payload(SIGNER, 7, CUSTOMER, [reading("B", "1.5")]))
    assert {name for name, value in ours.items() if type(value) not in seen.get(name, set())} == set()
    assert {name for name, value in ours["RD"][0].items() if type(value) not in of_readings.get(name, set())} == set()

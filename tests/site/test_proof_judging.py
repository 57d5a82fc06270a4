"""Signed values against register and ledger, as functions: each rule with the case that breaks it, and no more."""

import base64
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from chargebridge.calibration.registry.entry import KeyEntry, KeyState
from chargebridge.calibration.verdict import Code, Layer
from chargebridge.site.proof.judging import Charged, Judged, Stored, judge_session
from chargebridge.stations.port import SignedValue
from chargebridge.wire.signed.envelope import wrap_oca
from tests.signed_samples import BEGIN, ocmf, payload, public, reading

HOUR = timedelta(hours=1)
EVSE = "DE*ABC*E1"
ENTRY = KeyEntry(evse=EVSE, key=public(), meter="M1", id="e1", valid_from=BEGIN - HOUR)
CHARGED = Charged(evse=EVSE, started_at=BEGIN, ended_at=BEGIN + HOUR, energy_wh=12_500)


def value(number: int, data: bytes | str, context: str = "Transaction.End", key: str | None = None) -> Stored:
    text = data if isinstance(data, str) else base64.b64encode(data).decode()
    return Stored(number, SignedValue(at=BEGIN, data=text, context=context, public_key=key))


def begin(page: int = 7, stand: str = "1000.001", **more: Any) -> bytes:
    return ocmf(payload(reading("B", stand), PG=f"T{page}", **more))


def end(page: int = 8, stand: str = "1012.501", after: timedelta = HOUR, **more: Any) -> bytes:
    return ocmf(payload(reading("E", stand, BEGIN + after), PG=f"T{page}", **more))


def whole(page: int = 7, stand: str = "1012.501", **more: Any) -> bytes:
    return ocmf(payload(reading("B", "1000.001"), reading("E", stand, BEGIN + HOUR), PG=f"T{page}", **more))


def judged(*values: Stored, entries: tuple[KeyEntry, ...] = (ENTRY,), charged: Charged = CHARGED) -> Judged:
    return judge_session(values, entries, charged)


def code(found: Judged) -> Code | None:
    return next((one.code for one in found.verdict.findings if one.fatal), None)


def test_one_record_or_two_in_any_order_and_any_number() -> None:
    for values in (
        (value(1, whole()),),
        (value(1, begin(), "Transaction.Begin"), value(2, end())),
        (value(1, end()), value(2, begin())),
        (value(1, begin()), value(2, begin()), value(3, end()), value(4, end())),
        (value(1, begin()), value(2, whole(page=8))),
        (value(1, begin()), value(2, ocmf(payload(reading("C", "1005", BEGIN + HOUR / 2), PG="T8"))), value(3, end(page=9))),
    ):
        found = judged(*values)
        assert found.verdict.energy_billable, found.verdict.findings
        assert found.verdict.energy_wh == 12_500
        assert found.entry is ENTRY
    assert judged(value(1, begin()), value(2, whole(page=8))).counted == (2,)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((), Code.NOT_SIGNED),
        ((value(1, "nonsense"),), Code.UNREADABLE),
        ((value(1, begin()),), Code.NO_END),
        ((value(2, end()),), Code.NO_BEGIN),
        ((value(1, begin(page=7)), value(2, end(page=7))), Code.PAGE_FALLS),
        ((value(1, begin(page=7)), value(2, end(page=9))), Code.PAGES_MISSING),
        ((value(1, begin()), value(2, end(MS="M2"))), Code.METER_DIFFERS),
        ((value(1, whole(MS="M2")),), Code.METER_DIFFERS),
        ((value(1, whole(CI="DE*ABC*E2", CT="EVSEID")),), Code.POINT_DIFFERS),
        ((value(1, whole(stand="1012.601")),), Code.TOTAL_DIFFERS),
        ((value(1, begin()), value(2, end(after=3 * HOUR))), Code.TIMES_DIFFER),
        ((value(1, begin()), value(2, begin(page=8)), value(3, end(page=9))), Code.SEVERAL_BEGINS),
    ],
)
def test_what_is_wrong_is_named(values: tuple[Stored, ...], expected: Code) -> None:
    found = judged(*values)
    assert not found.verdict.energy_billable
    assert not found.verdict.time_billable
    assert code(found) is expected, found.verdict.findings


def test_a_value_that_cannot_be_read_beside_good_ones_is_told_and_does_no_harm() -> None:
    found = judged(value(1, "{}"), value(2, whole()))
    assert found.verdict.energy_billable
    assert [(one.code, one.fatal) for one in found.verdict.findings] == [(Code.UNREADABLE, False)]


def test_the_station_counts_whole_watt_hours() -> None:
    fine = whole(stand="1012.5014")
    assert judged(value(1, fine), charged=replaced(energy_wh=12_501)).verdict.energy_billable
    assert code(judged(value(1, fine), charged=replaced(energy_wh=12_502))) is Code.TOTAL_DIFFERS


def test_another_name_than_an_evse_id_says_nothing_of_the_point() -> None:
    assert judged(value(1, whole(CI="garage left"))).verdict.energy_billable
    assert judged(value(1, whole(CI="deabce1"))).verdict.energy_billable


def test_a_session_that_is_longer_than_what_was_measured_has_its_energy_and_no_billable_time() -> None:
    """It may begin with the plug and end with it."""
    for wider in ({"started_at": BEGIN - HOUR / 2}, {"ended_at": BEGIN + 5 * HOUR}):
        found = judged(value(1, whole()), charged=replaced(**wider))
        assert (found.verdict.energy_billable, found.verdict.time_billable) == (True, False)
        assert [(one.code, one.fatal) for one in found.verdict.findings] == [(Code.TIMES_DIFFER, False)]
    for shorter in ({"started_at": BEGIN + HOUR / 2}, {"ended_at": BEGIN + HOUR / 2}):
        assert code(judged(value(1, whole()), charged=replaced(**shorter))) is Code.TIMES_DIFFER
    told = judged(value(1, whole()), charged=replaced(ended_at=BEGIN + HOUR / 2, presumed=True))
    assert told.verdict.time_billable, "an end that nobody told is no time to compare with"


def test_the_key_is_that_which_counted_when_the_session_began() -> None:
    pending = KeyEntry(evse=EVSE, key=public(), id="e2", state=KeyState.PENDING)
    ended = KeyEntry(evse=EVSE, key=public(), id="e3", state=KeyState.DEACTIVATED, valid_from=BEGIN - HOUR, valid_to=BEGIN + HOUR / 2)
    later = KeyEntry(evse=EVSE, key=public(), id="e4", valid_from=BEGIN + HOUR / 2)
    for entries, expected in (((), Code.NOT_REGISTERED), ((pending,), Code.NOT_ACTIVE), ((later,), Code.NOT_ACTIVE)):
        found = judged(value(1, whole()), entries=entries)
        assert code(found) is expected
        assert found.verdict.findings[0].layer is Layer.SIGNATURE
    assert judged(value(1, whole()), entries=(ended, later)).entry is ended


def test_a_station_that_names_another_key_than_the_register_is_told_of() -> None:
    assert judged(value(1, whole(), key=wrap_oca(public()))).verdict.findings == ()
    stranger = KeyEntry(evse=EVSE, key=public(ec.derive_private_key(77, ec.SECP256R1())), meter="M1", valid_from=BEGIN - HOUR)
    found = judged(value(1, whole(), key=wrap_oca(public())), entries=(stranger,))
    assert code(found) is Code.SIGNATURE_WRONG
    assert Code.KEY_DIFFERS in {one.code for one in found.verdict.findings}


def replaced(**changes: Any) -> Charged:
    told: dict[str, Any] = {"evse": EVSE, "started_at": BEGIN, "ended_at": BEGIN + HOUR, "energy_wh": 12_500}
    return Charged(**told | changes)


GOOD = (begin().decode(), end().decode(), whole().decode())


@given(
    st.lists(st.text(max_size=60) | st.sampled_from(GOOD), max_size=5),
    st.integers(0, 20_000),
)
def test_whatever_stations_send_is_judged(texts: list[str], energy_wh: int) -> None:
    """Only what is signed by the register's key, of this energy, is billable."""
    values = tuple(value(number, text) for number, text in enumerate(texts))
    found = judged(*values, charged=Charged(evse=EVSE, started_at=BEGIN, ended_at=BEGIN + HOUR, energy_wh=energy_wh))
    if found.verdict.energy_billable:
        assert abs(Decimal(energy_wh) - 12_500) <= 1
        assert whole().decode() in texts or {begin().decode(), end().decode()} <= set(texts)
    else:
        assert code(found) is not None

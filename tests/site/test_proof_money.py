"""Payments at a point under calibration law: settled when the session is proven, released when nobody proves it."""

import asyncio
import base64
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from chargebridge.sim.ocpp_station import Faults
from chargebridge.sim.ocpp_station.signing import SigningMeter
from chargebridge.sim.payments import PaymentProvider
from chargebridge.site.money.view import PaymentRow
from chargebridge.stations.terms import Limits
from chargebridge.wire.signed.ocmf_write import MeterReading
from tests.site.proof_kit import MONEY, PLAN, text
from tests.site.test_money import T0, Till, event, till
from tests.stations.ocpp_kit import RawStation

SPEED = 60.0
BEGIN_MIN, END_MIN = 60, 65
"""After T0; by then the key of the configuration is long public."""


def configured(folder: Path, provider: PaymentProvider) -> str:
    paid = f'\n[web]\npublic_url = "https://charge.example"\n\n[payment]\nprovider_url = "{provider.url}"\n'
    return text(folder, more=MONEY + paid)


def signed(*, clock: Any = "S") -> dict[str, Any]:
    """What the meter signs of those five minutes."""
    meter = SigningMeter(PLAN, "CP-1", 1, Faults())
    begin = MeterReading(transaction="B", energy=Decimal("1.000"), at=T0 + timedelta(minutes=BEGIN_MIN), clock=clock)
    end = MeterReading(transaction="E", energy=Decimal("4.000"), at=T0 + timedelta(minutes=END_MIN), clock=clock)
    data = base64.b64encode(meter.sign("PSP-1", begin, end)).decode()
    told = {"signedMeterData": data, "signingMethod": "", "encodingMethod": "OCMF", "publicKey": ""}
    sampled = {"value": 4000, "context": "Transaction.End", "signedMeterValue": told}
    return {"meterValue": [{"timestamp": (T0 + timedelta(minutes=END_MIN)).isoformat(), "sampledValue": [sampled]}]}


async def paid_session(made: Till) -> tuple[RawStation, dict[str, Any]]:
    """A kiosk's payment, and a transaction of 3 kWh with it that ends without signed values; the answer to its end."""
    client = await made.station("ocpp2.1")
    row = await made.money.authorised("PSP-1", "CP-1", 1, Decimal("10.00"), Limits())
    assert row.state == "authorised", row
    await event(client, "Started", 0, BEGIN_MIN, 1000, token="PSP-1", by="DirectPayment")
    answer = await event(client, "Ended", 1, END_MIN, 4000)
    return client, answer


async def payment(made: Till, state: str) -> PaymentRow:
    for _ in range(400):
        (row,) = await made.money.payments()
        if row.state == state:
            return row
        await asyncio.sleep(0.02)
    raise AssertionError([row, made.site.happenings])


async def test_a_payment_waits_for_the_proof(tmp_path: Path) -> None:
    async with PaymentProvider() as provider, till(tmp_path, configured(tmp_path, provider), SPEED) as made:
        client, answer = await paid_session(made)
        assert "totalCost" not in answer, "nobody is told a cost that is not asked for"
        waiting = await payment(made, "unproven")
        assert "no signed values" in waiting.detail
        assert waiting.amount is None
        (terms,) = await made.money.terms("CP-1")
        assert (terms.cost, terms.billable) == (Decimal("1.50"), False)
        late = {
            "eventType": "Updated",
            "timestamp": (T0 + timedelta(minutes=END_MIN + 1)).isoformat(),
            "triggerReason": "SignedDataReceived",
            "seqNo": 2,
        }
        told = late | {"transactionInfo": {"transactionId": "t1"}, "evse": {"id": 1, "connectorId": 1}} | signed()
        assert (await client.call("TransactionEvent", told))[0] == 3
        settled = await payment(made, "settled")
        assert settled.amount == Decimal("1.50")
        assert provider.settlements["PSP-1"]["amount"] == "1.50"
        assert (await made.money.terms("CP-1"))[0].billable


@pytest.mark.parametrize("passed", [pytest.param(timedelta(hours=23), marks=pytest.mark.slow), timedelta(hours=25)])
async def test_what_nobody_proves_is_released_after_a_day(tmp_path: Path, passed: timedelta) -> None:
    async with PaymentProvider() as provider, till(tmp_path, configured(tmp_path, provider), SPEED) as made:
        await paid_session(made)
        await payment(made, "unproven")
        made.site.clock.skip(passed.total_seconds())
        if passed < timedelta(days=1):
            await made.site.clock.sleep(12)
            assert (await payment(made, "unproven")).amount is None
            assert provider.settlements == {}
            return
        released = await payment(made, "canceled")
        assert released.amount == 0
        assert provider.settlements["PSP-1"]["amount"] == "0.00"


@pytest.mark.parametrize(("clock", "amount"), [("S", "2.00"), ("I", "1.50")])
async def test_minutes_count_only_by_a_clock_that_is_set(tmp_path: Path, clock: str, amount: str) -> None:
    """5 minutes at 0.10, 3 kWh at 0.50."""
    async with PaymentProvider() as provider:
        priced = configured(tmp_path, provider).replace("energy = 0.50", "energy = 0.50\ncharging = 0.10")
        async with till(tmp_path, priced, SPEED) as made:
            client = await made.station("ocpp2.1")
            await made.money.authorised("PSP-1", "CP-1", 1, Decimal("10.00"), Limits())
            await event(client, "Started", 0, BEGIN_MIN, 1000, token="PSP-1", by="DirectPayment")
            end = {
                "eventType": "Ended",
                "timestamp": (T0 + timedelta(minutes=END_MIN)).isoformat(),
                "triggerReason": "StopAuthorized",
                "seqNo": 1,
            }
            told = end | {"transactionInfo": {"transactionId": "t1"}} | signed(clock=clock)
            answer = (await client.call("TransactionEvent", told))[2]
            assert answer["totalCost"] == float(amount)
            assert (await payment(made, "settled")).amount == Decimal(amount)

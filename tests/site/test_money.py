"""What charging costs and how it is paid, over real sockets, a real store and real HTTP: limits, tariffs, prepaid cards, payments, QR codes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from chargebridge.model.errors import ModelError, UnknownNameError
from chargebridge.sim.ocpp_station import EvsePlan, Faults, StationPlan, VirtualStation
from chargebridge.sim.payments import PaymentProvider
from chargebridge.site.config_file import ConfigInvalidError, parse
from chargebridge.site.money.office import QR_LENGTH, QR_VALIDITY_S, MoneyOffice
from chargebridge.site.operation import Office
from chargebridge.stations.terms import UNLIMITED, Limits
from chargebridge.wire.ocpp import totp
from tests.site.kit import CONFIG, Bench, bench, until
from tests.stations.ocpp_kit import Cars, RawStation

TEXT = (
    CONFIG.replace('name = "Test"', 'name = "Test"\ntariff = "normal"').replace('id = "TAG"', 'id = "TAG"\nname = "Ann"')
    + """
[[token]]
id = "PREPAID"
prepaid = true

[[token]]
id = "OWN"
tariff = "own"

[[token]]
id = "ONLY-B"
points = ["b"]

[[token]]
id = "ELSEWHERE"
points = ["c"]

[[token]]
id = "FAST"
current = "DC"

[[token]]
id = "PIN-4711"
kind = "KeyCode"

[[tariff]]
id = "normal"
energy = 0.50
charging = 0.01
tax = 20

[[tariff]]
id = "own"
energy = 0.10
text = "0.10 EUR a kWh for you"

[[tariff]]
id = "free"
energy = 0

[web]
public_url = "https://charge.example"
"""
)
SECOND = ["ocpp2.0.1", "ocpp2.1"]
LIMITS = "maxCost,maxEnergy,maxTime,maxSoC"


class Till:
    """A site with its office, and one station at a time that tells what it can."""

    def __init__(self, site: Bench, office: Office) -> None:
        self.site, self.office = site, office

    @property
    def money(self) -> MoneyOffice:
        return self.site.site.money

    async def station(self, version: str, **model: str) -> RawStation:
        client = await self.site.station(version)
        client.says = {"GetVariables": answers(model), "SetVariables": {"setVariableResult": []}}
        central = self.site.central.station("CP-1")
        assert central is not None
        if version != "ocpp1.6":
            assert await until(lambda: "SampledDataCtrlr.TxUpdatedInterval" in central.setup)
            if model:
                await central.get_settings(list(model))
        client.asked.clear()
        return client


def answers(model: dict[str, str]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    def answer(payload: dict[str, Any]) -> dict[str, Any]:
        results = []
        for element in payload["getVariableData"]:
            instance = element["variable"].get("instance")
            name = f"{element['component']['name']}.{element['variable']['name']}" + (f"[{instance}]" if instance else "")
            told = (
                {"attributeStatus": "Accepted", "attributeValue": model[name]} if name in model else {"attributeStatus": "UnknownVariable"}
            )
            results.append({"component": element["component"], "variable": element["variable"]} | told)
        return {"getVariableResult": results}

    return answer


@contextlib.asynccontextmanager
async def till(folder: Path, text: str = TEXT, speed: float = 1.0) -> AsyncIterator[Till]:
    config = parse(text)
    async with bench(folder, text=text, speed=speed) as site:
        office = await Office.open(
            config, site.site.live, site.central, site.database, site.site._clock, tell=site.site.tell, admit=lambda station, points: None
        )
        site.site.service.operate_by(office)
        yield Till(site, office)


T0 = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=10)


def at(minutes: float) -> str:
    return (T0 + timedelta(minutes=minutes)).isoformat()


async def event(client: RawStation, kind: str, number: int, minutes: float, wh: int = 0, **more: Any) -> dict[str, Any]:
    """The answer to a TransactionEvent of transaction t1 at EVSE 1. more: token, by (its kind), info, trigger, state."""
    payload: dict[str, Any] = {
        "eventType": kind,
        "timestamp": at(minutes),
        "triggerReason": more.get("trigger", "Trigger"),
        "seqNo": number,
        "transactionInfo": {"transactionId": "t1", "chargingState": more.get("state", "Charging"), **more.get("info", {})},
        "evse": {"id": 1, "connectorId": 1},
        "meterValue": [{"timestamp": at(minutes), "sampledValue": [{"value": wh}]}],
    }
    if "token" in more:
        payload["idToken"] = {"idToken": more["token"], "type": more.get("by", "ISO14443")}
    frame = await client.call("TransactionEvent", payload)
    assert frame[0] == 3, frame
    return dict(frame[2])


def limit(**limits: float) -> dict[str, Any]:
    return {"transactionLimit": limits}


async def authorised(client: RawStation, token: str, kind: str = "ISO14443") -> dict[str, Any]:
    return dict((await client.call("Authorize", {"idToken": {"idToken": token, "type": kind}}))[2])


# Costs


@pytest.mark.parametrize(
    "version",
    [
        pytest.param("ocpp2.0.1", marks=pytest.mark.ocpp("2.0.1", "I02.FR.01", "I03.FR.02")),
        pytest.param("ocpp2.1", marks=pytest.mark.ocpp("2.1", "I02.FR.01", "I03.FR.02", "I08.FR.34")),
    ],
)
async def test_the_cost_so_far_and_at_the_end_is_in_the_answers(tmp_path: Path, version: str) -> None:
    async with till(tmp_path) as made:
        client = await made.station(version)
        assert (await event(client, "Started", 0, 0, 1000, token="TAG"))["totalCost"] == 0.0
        assert (await event(client, "Updated", 1, 2, 3000))["totalCost"] == 1.22, "2 kWh and 2 minutes, with 20 % tax"
        assert (await event(client, "Updated", 2, 4, 3000, state="SuspendedEV"))["totalCost"] == 1.25
        ended = await event(client, "Ended", 3, 9, 5000, state="EVConnected")
        assert ended["totalCost"] == 2.45, "five minutes in which the car did not charge cost nothing here"
        assert (await event(client, "Ended", 3, 9, 5000, state="EVConnected"))["totalCost"] == 2.45, "sent again"
        (terms,) = await made.money.terms("CP-1")
        assert (terms.cost, terms.charging_s, terms.idle_s, terms.ended) == (Decimal("2.45"), 240.0, 300.0, True)


@pytest.mark.ocpp("2.0.1", "I03.FR.04")
@pytest.mark.ocpp("2.1", "I03.FR.04")
@pytest.mark.parametrize("version", SECOND)
async def test_free_is_said_and_unknown_is_not(tmp_path: Path, version: str) -> None:
    async with till(tmp_path, TEXT.replace('tariff = "normal"', 'tariff = "free"')) as made:
        client = await made.station(version)
        await event(client, "Started", 0, 0, 0, token="TAG")
        assert (await event(client, "Ended", 1, 5, 9000))["totalCost"] == 0.0
    (tmp_path / "other").mkdir()
    async with till(tmp_path / "other", TEXT.replace('tariff = "normal"\n', "\n", 1).replace("prepaid = true", "")) as made:
        client = await made.station(version)
        await event(client, "Started", 0, 0, 0, token="TAG")
        assert "totalCost" not in await event(client, "Ended", 1, 5, 9000)


@pytest.mark.ocpp("2.0.1", "I06.FR.01", "I06.FR.02")
@pytest.mark.ocpp("2.1", "I06.FR.01", "I06.FR.02")
@pytest.mark.parametrize("version", SECOND)
async def test_a_tariff_that_changes_on_the_way_is_told_with_the_next_answer(tmp_path: Path, version: str) -> None:
    async with till(tmp_path) as made:
        client = await made.station(version)
        await event(client, "Started", 0, 0, 0, token="TAG")
        await made.money.retariff("CP-1", "t1", "own", "tester")
        told = await event(client, "Updated", 1, 1, 10_000)
        assert told["updatedPersonalMessage"] == {"format": "UTF8", "content": "0.10 EUR a kWh for you"}
        assert told["totalCost"] == 1.0
        assert "updatedPersonalMessage" not in await event(client, "Updated", 2, 2, 10_000)
        with pytest.raises(UnknownNameError):
            await made.money.retariff("CP-1", "t1", "nothing", "tester")


@pytest.mark.ocpp("2.0.1", "I01.FR.02")
@pytest.mark.ocpp("2.1", "I01.FR.02")
@pytest.mark.parametrize("version", SECOND)
@pytest.mark.parametrize("shows", ["true", "false"])
async def test_a_drivers_tariff_is_told_only_where_it_can_be_shown(tmp_path: Path, version: str, shows: str) -> None:
    async with till(tmp_path) as made:
        client = await made.station(version, **{"DisplayMessageCtrlr.Available": shows})
        info = (await authorised(client, "OWN"))["idTokenInfo"]
        assert ("personalMessage" in info) == (shows == "true")
        assert "personalMessage" not in (await authorised(client, "TAG"))["idTokenInfo"], "that one has no tariff of its own"


@pytest.mark.ocpp("2.1", "I08.FR.01", "I08.FR.09")
async def test_a_driver_with_a_tariff_of_his_own(tmp_path: Path) -> None:
    async with till(tmp_path) as made:
        client = await made.station("ocpp2.1", **{"TariffCostCtrlr.Enabled[Tariff]": "true"})
        answer = await authorised(client, "OWN")
        assert answer["tariff"]["energy"] == {"prices": [{"priceKwh": 0.1}]}
        assert answer["tariff"]["tariffId"].startswith("own-")
        assert "validFrom" not in answer["tariff"]
        assert "tariff" not in await authorised(client, "TAG")
        assert (await made.money.set_default("CP-1", "normal", "tester")).outcome == "accepted"
        (sent,) = [frame[3] for frame in client.asked if frame[2] == "SetDefaultTariff"]
        assert sent["tariff"]["energy"]["taxRates"] == [{"type": "VAT", "tax": 20.0}]


@pytest.mark.ocpp("2.1", "I08.FR.08")
def test_another_content_is_another_tariff() -> None:
    first, second = (parse(TEXT.replace("energy = 0.50", f"energy = {price}")).tariff[0].tariff("EUR") for price in ("0.50", "0.51"))
    assert first.name == second.name
    assert first.id != second.id
    assert first.id == parse(TEXT).tariff[0].tariff("EUR").id


def test_what_tokens_name_must_be_there() -> None:
    for wrong in (TEXT.replace('tariff = "own"', 'tariff = "none"'), TEXT.replace('points = ["b"]', 'points = ["x"]')):
        with pytest.raises(ConfigInvalidError, match="is not there"):
            parse(wrong)


# Who may charge where


@pytest.mark.ocpp("2.0.1", "C01.FR.18", "C01.FR.19", "C01.FR.20", "C01.FR.22")
@pytest.mark.ocpp("2.1", "C01.FR.18", "C01.FR.19", "C01.FR.20", "C01.FR.22")
@pytest.mark.parametrize("version", SECOND)
async def test_where_a_card_may_charge(tmp_path: Path, version: str) -> None:
    async with till(tmp_path) as made:
        client = await made.station(version)
        assert (await authorised(client, "TAG"))["idTokenInfo"] == {"status": "Accepted"}
        assert (await authorised(client, "ONLY-B"))["idTokenInfo"] == {"status": "Accepted", "evseId": [2]}
        assert (await authorised(client, "ELSEWHERE"))["idTokenInfo"] == {"status": "NotAtThisLocation"}
        assert (await authorised(client, "FAST"))["idTokenInfo"] == {"status": "NotAllowedTypeEVSE"}
        started = await event(client, "Started", 0, 0, token="ONLY-B")
        assert started["idTokenInfo"]["status"] == "NotAtThisLocation", "EVSE 1 is not where it may charge"


@pytest.mark.ocpp("2.0.1", "C04.FR.01", "C04.FR.02", "C04.FR.04")
@pytest.mark.ocpp("2.1", "C04.FR.01", "C04.FR.02", "C04.FR.04")
@pytest.mark.parametrize("version", SECOND)
async def test_a_key_code_is_judged_and_never_logged(tmp_path: Path, version: str) -> None:
    async with till(tmp_path) as made:
        client = await made.station(version)
        assert (await authorised(client, "PIN-4711", "KeyCode"))["idTokenInfo"]["status"] == "Accepted"
        assert (await authorised(client, "PIN-0815", "KeyCode"))["idTokenInfo"]["status"] == "Invalid"
        assert (await authorised(client, "TAG"))["idTokenInfo"]["status"] == "Accepted"
        await made.office.log.flush()
        frames = "".join(row[0] for row in await made.site.rows("select frame from station_message"))
        assert "TAG" in frames
        assert "4711" not in frames
        assert "0815" not in frames


@pytest.mark.ocpp("2.1", "C17.FR.01", "C17.FR.02", "C17.FR.03")
async def test_a_prepaid_card_charges_what_is_on_it(tmp_path: Path) -> None:
    async with till(tmp_path) as made:
        client = await made.station("ocpp2.1", **{"TxCtrlr.SupportedLimits": LIMITS})
        info = (await authorised(client, "PREPAID"))["idTokenInfo"]
        assert info["status"] == "NoCredit"
        assert abs(datetime.fromisoformat(info["cacheExpiryDateTime"]) - datetime.now(UTC)) < timedelta(seconds=30)
        assert (await made.money.top_up("prepaid", Decimal("5.00"), "tester")).balance == 5
        info = (await authorised(client, "PREPAID"))["idTokenInfo"]
        assert info["status"] == "Accepted"
        assert abs(datetime.fromisoformat(info["cacheExpiryDateTime"]) - datetime.now(UTC)) < timedelta(seconds=30)
        started = await event(client, "Started", 0, 0, token="PREPAID")
        assert started["transactionLimit"] == {"maxCost": 5.0}
        assert "transactionLimit" not in await event(client, "Updated", 1, 1, 1000), "only once"
        for _ in range(2):  # an end that comes twice is paid for once
            await event(client, "Ended", 2, 1, 2000)
        assert [row.balance for row in await made.money.accounts()] == [Decimal("3.79")]
    async with till(tmp_path) as again:
        assert [row.balance for row in await again.money.accounts()] == [Decimal("3.79")], "and after a restart"


# Limits


@pytest.mark.ocpp("2.1", "E16.FR.02", "E16.FR.11", "E16.FR.12", "E16.FR.17")
async def test_a_limit_reaches_the_station_once_and_only_if_it_can_hold_it(tmp_path: Path) -> None:
    async with till(tmp_path) as made:
        client = await made.station("ocpp2.1", **{"TxCtrlr.SupportedLimits": "maxCost,maxEnergy"})
        await event(client, "Started", 0, 0, token="TAG")
        await made.money.limit("CP-1", "t1", Limits(cost=Decimal(4), energy_wh=20_000, soc=80), "tester")
        told = await event(client, "Updated", 1, 1, 1000)
        assert told["transactionLimit"] == {"maxCost": 4.0, "maxEnergy": 20_000.0}, "it cannot hold maxSoC"
        assert told["totalCost"] == 0.61, "we reckon, so the cost goes along"
        assert "transactionLimit" not in await event(client, "Updated", 2, 2, 1000, info=limit(maxCost=4.0, maxEnergy=20_000.0))
        await made.money.limit("CP-1", "t1", Limits(energy_wh=30_000), "tester")
        assert (await event(client, "Updated", 3, 3, 1000))["transactionLimit"] == {"maxEnergy": 30_000.0}
        await made.money.limit("CP-1", "t1", Limits(), "tester")
        lifted = (await event(client, "Updated", 4, 4, 1000))["transactionLimit"]
        assert lifted == {"maxCost": float(UNLIMITED.cost or 0), "maxEnergy": float(UNLIMITED.energy_wh or 0)}
        (terms,) = await made.money.terms("CP-1")
        assert terms.held == Limits(), "the station has not confirmed what it was told last"


@pytest.mark.ocpp("2.1", "E16.FR.08")
async def test_a_driver_who_asks_for_less_is_not_overruled(tmp_path: Path) -> None:
    async with till(tmp_path) as made:
        client = await made.station("ocpp2.1", **{"TxCtrlr.SupportedLimits": LIMITS})
        await event(client, "Started", 0, 0, token="TAG")
        await event(client, "Updated", 1, 1, info=limit(maxEnergy=5000.0), trigger="LimitSet")
        await made.money.limit("CP-1", "t1", Limits(energy_wh=9000, time_s=600), "tester")
        assert (await event(client, "Updated", 2, 2))["transactionLimit"] == {"maxTime": 600}
        raised = await event(client, "Updated", 3, 3, info=limit(maxEnergy=12_000.0), trigger="LimitSet")
        assert raised["transactionLimit"] == {"maxEnergy": 9000.0}, "now it is more than is allowed"


@pytest.mark.ocpp("2.1", "F07.FR.01", "F07.FR.02")
async def test_a_start_with_a_limit(tmp_path: Path) -> None:
    async with till(tmp_path) as made:
        client = await made.station("ocpp2.1", **{"TxCtrlr.SupportedLimits": LIMITS})
        assert (await made.money.start("CP-1", 1, "TAG", "Central", Limits(energy_wh=7000), "tester")).outcome == "accepted"
        (request,) = [frame[3] for frame in client.asked if frame[2] == "RequestStartTransaction"]
        assert request["idToken"] == {"idToken": "TAG", "type": "Central"}
        info = {"remoteStartId": request["remoteStartId"]}
        assert (await event(client, "Started", 0, 0, token="TAG", info=info))["transactionLimit"] == {"maxEnergy": 7000.0}


@pytest.mark.ocpp("2.0.1", "F04.FR.01")
@pytest.mark.ocpp("2.1", "F04.FR.01")
@pytest.mark.parametrize("version", ["ocpp1.6", *SECOND])
async def test_a_station_that_cannot_hold_a_limit_is_told_to_stop(tmp_path: Path, version: str) -> None:
    async with till(tmp_path, speed=10.0) as made:
        client = await made.station(version)
        if version == "ocpp1.6":
            number = str(await made.site.start(client, at=at(0), wh=0))
        else:
            number = "t1"
            await event(client, "Started", 0, 0, token="TAG")
        await made.money.limit("CP-1", number, Limits(energy_wh=3000), "tester")
        if version == "ocpp1.6":
            values = {"timestamp": at(1), "sampledValue": [{"value": "3100"}]}
            await client.call("MeterValues", {"connectorId": 1, "transactionId": int(number), "meterValue": [values]})
        else:
            await event(client, "Updated", 1, 1, 3100)
        action, field = ("RemoteStopTransaction", int(number)) if version == "ocpp1.6" else ("RequestStopTransaction", "t1")
        assert await until(lambda: any(frame[2:] == [action, {"transactionId": field}] for frame in client.asked))


# Payments


def paying(provider: PaymentProvider, **more: str) -> str:
    extra = "".join(f"\n{name} = {value}" for name, value in more.items())
    return TEXT + f'\n[payment]\nprovider_url = "{provider.url}"\nvat_url = "{provider.vat_url}"{extra}\n'


@pytest.mark.ocpp("2.1", "C24.FR.01", "C24.FR.02", "C24.FR.10")
async def test_a_payment_at_a_kiosk_from_the_start_to_its_settlement(tmp_path: Path) -> None:
    async with PaymentProvider() as provider:
        provider.broken = True
        async with till(tmp_path, paying(provider), speed=20.0) as made:
            client = await made.station("ocpp2.1", **{"TxCtrlr.SupportedLimits": LIMITS})
            payment = await made.money.authorised("PSP-1", "CP-1", 1, Decimal(20), Limits(time_s=3600))
            assert payment.state == "authorised"
            (start,) = [frame[3] for frame in client.asked if frame[2] == "RequestStartTransaction"]
            assert (start["idToken"], start["evseId"]) == ({"idToken": "PSP-1", "type": "DirectPayment"}, 1)
            assert await made.money.authorised("PSP-1", "CP-1", 1, Decimal(20), Limits()) == payment, "told twice, started once"
            started = await event(client, "Started", 0, 0, token="PSP-1", by="DirectPayment")
            assert started["idTokenInfo"]["status"] == "Accepted"
            assert started["transactionLimit"] == {"maxCost": 20.0, "maxTime": 3600}
            await event(client, "Ended", 1, 2, 10_000)
            assert await until(lambda: provider.asked > 0)
            assert [(p.state, p.amount) for p in await made.money.payments()] == [("to_settle", Decimal("6.02"))]
        provider.broken = False
        async with till(tmp_path, paying(provider), speed=20.0) as made:  # the provider was out of reach, then we were restarted
            assert await until(lambda: provider.settlements)
            assert provider.settlements["PSP-1"]["amount"] == "6.02"
            await asyncio.sleep(0.1)
            (settled,) = await made.money.payments()
            assert (settled.state, settled.receipt_url) == ("settled", "https://psp.example/receipt/PSP-1")


@pytest.mark.ocpp("2.1", "C20.FR.03", "C21.FR.05")
async def test_a_card_at_the_stations_terminal_settled_by_us(tmp_path: Path) -> None:
    async with PaymentProvider() as provider, till(tmp_path, paying(provider, terminals="true"), speed=20.0) as made:
        client = await made.station("ocpp2.1", **{"PaymentCtrlr.SettlementByCSMS": "true"})
        assert (await authorised(client, "CARD-1", "DirectPayment"))["idTokenInfo"]["status"] == "Accepted"
        await event(client, "Started", 0, 0, token="CARD-1", by="DirectPayment", info=limit(maxCost=30.0))
        assert (await event(client, "Ended", 1, 1, trigger="EVConnectTimeout", state="Idle"))["totalCost"] == 0.0
        assert await until(lambda: provider.settlements)
        assert provider.settlements["CARD-1"]["amount"] == "0.00", "the reservation is released"
        (payment,) = await made.money.payments()
        assert (payment.origin, payment.authorised) == ("terminal", Decimal("30.0"))


@pytest.mark.ocpp("2.1", "C21.FR.03")
@pytest.mark.parametrize("ours", ["true", "false"])
async def test_a_terminal_that_settles_itself_and_who_gives_the_receipt(tmp_path: Path, ours: str) -> None:
    async with PaymentProvider() as provider, till(tmp_path, paying(provider, terminals="true")) as made:
        client = await made.station("ocpp2.1", **{"PaymentCtrlr.ReceiptByCSMS": ours})
        await event(client, "Started", 0, 0, token="CARD-2", by="DirectPayment")
        await event(client, "Ended", 1, 1, 1000)
        assert [payment.state for payment in await made.money.payments()] == ["ended"], "that is the station's to settle"
        told = {"pspRef": "CARD-2", "status": "Settled", "settlementAmount": 0.61, "settlementTime": at(2), "transactionId": "t1"}
        answer = (await client.call("NotifySettlement", told))[2]
        (payment,) = await made.money.payments("CP-1")
        assert (payment.state, payment.amount, payment.transaction) == ("settled", Decimal("0.61"), "t1")
        expected = {"receiptUrl": f"https://charge.example/receipt/{payment.receipt}", "receiptId": payment.receipt}
        assert answer == (expected if ours == "true" else {})
        assert provider.asked == 0


async def test_cards_at_terminals_are_refused_where_that_is_not_wanted(tmp_path: Path) -> None:
    async with till(tmp_path) as made:
        client = await made.station("ocpp2.1")
        assert (await authorised(client, "CARD-1", "DirectPayment"))["idTokenInfo"]["status"] == "Invalid"


@pytest.mark.ocpp("2.1", "C18.FR.09", "C18.FR.10")
async def test_vat_numbers_are_checked(tmp_path: Path) -> None:
    company = {"name": "Fleet", "address1": "Way 1", "city": "Ulm", "postalCode": "89073", "country": "Germany"}
    async with PaymentProvider(vat={"DE1": company, "DE2": None}) as provider, till(tmp_path, paying(provider)) as made:
        client = await made.station("ocpp2.1")
        told = (await client.call("VatNumberValidation", {"vatNumber": "DE1", "evseId": 2}))[2]
        assert told == {"status": "Accepted", "vatNumber": "DE1", "evseId": 2, "company": company}
        assert (await client.call("VatNumberValidation", {"vatNumber": "DE2"}))[2] == {"status": "Accepted", "vatNumber": "DE2"}
        assert (await client.call("VatNumberValidation", {"vatNumber": "DE3"}))[2]["status"] == "Rejected"


@pytest.mark.ocpp("2.1", "C25.FR.07", "C25.FR.08", "C25.FR.09", "C25.FR.20", "C25.FR.23", "C25.FR.24", "C25.FR.40", "C25.FR.59")
async def test_a_qr_code_from_the_scan_to_the_settlement(tmp_path: Path) -> None:
    async with PaymentProvider() as provider, till(tmp_path, paying(provider), speed=20.0) as made:
        client = await made.station("ocpp2.1", **{"TxCtrlr.SupportedLimits": LIMITS})
        code = await made.money.set_qr("CP-1", "tester")
        values = {
            e["variable"]["name"]: e["attributeValue"] for f in client.asked if f[2] == "SetVariables" for e in f[3]["setVariableData"]
        }
        assert values["URLTemplate"] == code.url_template == "https://charge.example/pay/{chargingstationid}/{evse}/{totp}/{version}"
        records = str([record.payload for record in await made.office.commands("CP-1")])
        assert values["SharedSecret"] not in records, "the secret is not written down with the command"
        shown = totp.password(values["SharedSecret"], made.site.site._clock.now(), validity_s=QR_VALIDITY_S, length=QR_LENGTH)
        for wrong, version in (("x" * QR_LENGTH, "v1"), (shown, "v2")):
            with pytest.raises(ModelError, match="too old"):
                await made.money.scanned("CP-1", 1, wrong, version, Limits())
        assert await made.money.payments() == ()
        url = urlsplit(await made.money.scanned("CP-1", 1, shown, "v1", Limits(energy_wh=9000, time_s=1800, cost=Decimal(15))))
        assert f"{url.scheme}://{url.netloc}{url.path}" == f"{provider.url}/pay"
        asked = parse_qs(url.query)
        assert (asked["amount"], asked["currency"]) == (["15"], ["EUR"])
        assert [frame[3]["evseId"] for frame in client.asked if frame[2] == "NotifyWebPaymentStarted"] == [1]
        await made.money.authorised("PSP-7", "CP-1", 1, Decimal(15), Limits(), offer=asked["reference"][0])
        assert [frame[3]["idToken"] for frame in client.asked if frame[2] == "RequestStartTransaction"] == [
            {"idToken": "PSP-7", "type": "DirectPayment"}
        ]
        started = await event(client, "Started", 0, 0, token="PSP-7", by="DirectPayment")
        assert started["transactionLimit"] == {"maxCost": 15.0, "maxEnergy": 9000.0, "maxTime": 1800}
        await event(client, "Ended", 1, 1, 1000)
        assert await until(lambda: provider.settlements)
        assert list(provider.settlements) == ["PSP-7"]


async def test_a_station_that_will_not_start_is_told_of(tmp_path: Path) -> None:
    async with PaymentProvider() as provider, till(tmp_path, paying(provider)) as made:
        client = await made.station("ocpp2.1")
        client.says["RequestStartTransaction"] = {"status": "Rejected"}
        assert (await made.money.authorised("PSP-9", "CP-1", 1, Decimal(5), Limits())).state == "refused"
        with pytest.raises(UnknownNameError):
            await made.money.authorised("PSP-10", "NOBODY", 1, Decimal(5), Limits())


async def test_a_virtual_station_holds_the_limit_that_it_is_told(tmp_path: Path) -> None:
    """From the operator's wish over the station's confirmation to the end that the station makes by itself."""
    async with till(tmp_path, speed=60.0) as made:
        plan = StationPlan(identity="CP-1", uri=f"ws://127.0.0.1:{made.site.central.port}/ocpp", version="ocpp2.1", evses=(EvsePlan(),))
        station = VirtualStation(plan, Cars(), made.site.site._clock, Faults())  # type: ignore[arg-type]
        running = asyncio.create_task(station.run())
        central = made.site.central.station("CP-1")
        assert central is not None
        assert await until(lambda: "SampledDataCtrlr.TxUpdatedInterval" in central.setup)
        station.plug(1)
        assert await station.present(1, "TAG")
        assert await until(lambda: made.site.point("a").session is not None)
        transaction = next(iter(central.running))
        await made.money.limit("CP-1", transaction, Limits(time_s=90), "tester")

        async def held() -> Any:
            return (await made.money.terms("CP-1"))[0]

        for _ in range(200):
            terms = await held()
            if terms.ended:
                break
            await asyncio.sleep(0.02)
        assert (terms.held.time_s, terms.ended) == (90, True)
        ((reason,),) = await made.site.rows("select end_reason from session")
        assert reason == "TimeLimitReached"
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

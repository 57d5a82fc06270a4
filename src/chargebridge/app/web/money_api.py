"""The REST API for what charging costs and how it is paid."""

from decimal import Decimal
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import Field

from chargebridge.app.web.api_schema import Body, Json, gives
from chargebridge.site.money.view import AccountRow, PaymentRow, QrCode, TermsView
from chargebridge.site.operation.view import CommandRecord
from chargebridge.site.view import SiteService
from chargebridge.stations.terms import Limits

BY = "api"
Money = Annotated[Decimal, Field(ge=0, le=1_000_000, decimal_places=4)]


class LimitsBody(Body):
    """How far a transaction may go; what is left out stays as it is."""

    cost: Money | None = Field(None, description="in the site's currency, with tax")
    energy_wh: int | None = Field(None, ge=0, le=1_000_000_000)
    time_s: int | None = Field(None, ge=0, le=315_360_000, description="from the transaction's begin")
    soc: int | None = Field(None, ge=0, le=100, description="the car's state of charge in %")

    def limits(self) -> Limits:
        return Limits(cost=self.cost, energy_wh=self.energy_wh, time_s=self.time_s, soc=self.soc)


class StartBody(LimitsBody):
    token: str = Field(min_length=1, max_length=255)
    kind: Literal["Central", "ISO14443", "ISO15693", "Local", "eMAID"] = "Central"
    evse: int = Field(0, ge=0, description="0: whichever the station chooses")


class TariffBody(Body):
    name: str = Field(min_length=1, max_length=40, description="a [[tariff]] of the configuration")


class PaymentBody(LimitsBody):
    """What a payment provider or kiosk tells once it has reserved money. cost need not be given: amount bounds it."""

    reference: str = Field(min_length=1, max_length=255, description="the provider's; the same one again changes nothing")
    station: str = Field(min_length=1, max_length=48)
    evse: int = Field(0, ge=0)
    amount: Money | None = Field(None, description="reserved; the most that the transaction may cost")
    offer: str | None = Field(None, max_length=64, description="the reference that the driver was sent to pay with (QR code)")


class AmountBody(Body):
    amount: Decimal = Field(ge=-1_000_000, le=1_000_000, decimal_places=4, description="negative: paid out")


def add_money(router: APIRouter, service: SiteService) -> None:
    _transactions(router, service)
    _payments(router, service)


def _transactions(router: APIRouter, service: SiteService) -> None:
    of = "/stations/{station}/transactions/{transaction}"

    @router.get(
        "/stations/{station}/terms", responses=gives(TermsView, many=True), tags=["money"], summary="Cost and limits of its transactions"
    )
    async def terms(station: str) -> Response:
        service.stations.protocol_of(station)
        return Json(await service.money.terms(station))

    @router.post(f"{of}/limits", responses=gives(TermsView), tags=["money"], summary="Limit a running transaction")
    async def limit(station: str, transaction: str, body: LimitsBody) -> Response:
        return Json(await service.money.limit(station, transaction, body.limits(), BY))

    @router.delete(f"{of}/limits", responses=gives(TermsView), tags=["money"], summary="Take the limits away")
    async def unlimit(station: str, transaction: str) -> Response:
        return Json(await service.money.limit(station, transaction, Limits(), BY))

    @router.post(f"{of}/tariff", responses=gives(TermsView), tags=["money"], summary="Charge a running transaction by another tariff")
    async def retariff(station: str, transaction: str, body: TariffBody) -> Response:
        return Json(await service.money.retariff(station, transaction, body.name, BY))

    @router.post("/stations/{station}/tariff", responses=gives(CommandRecord), tags=["money"], summary="Have it reckon a tariff (OCPP 2.1)")
    async def tariff(station: str, body: TariffBody) -> Response:
        return Json(await service.money.set_default(station, body.name, BY))

    @router.post("/stations/{station}/start", responses=gives(CommandRecord), tags=["money"], summary="Start a transaction, limited")
    async def start(station: str, body: StartBody) -> Response:
        return Json(await service.money.start(station, body.evse, body.token, body.kind, body.limits(), BY))


def _payments(router: APIRouter, service: SiteService) -> None:
    @router.get("/payments", responses=gives(PaymentRow, many=True), tags=["money"], summary="Payments, the newest first")
    async def payments(station: str | None = None, limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> Response:
        return Json(await service.money.payments(station, limit))

    @router.post("/payments", responses=gives(PaymentRow), tags=["money"], summary="A provider or kiosk has reserved money: start charging")
    async def authorised(body: PaymentBody) -> Response:
        paid = await service.money.authorised(body.reference, body.station, body.evse, body.amount, body.limits(), offer=body.offer)
        return Json(paid)

    @router.post(
        "/stations/{station}/qr", responses=gives(QrCode), tags=["money"], summary="Give it a new secret for its QR code (OCPP 2.1)"
    )
    async def qr(station: str) -> Response:
        return Json(await service.money.set_qr(station, BY))

    @router.get("/accounts", responses=gives(AccountRow, many=True), tags=["money"], summary="Prepaid cards and what is left on them")
    async def accounts() -> Response:
        return Json(await service.money.accounts())

    @router.post("/accounts/{token}", responses=gives(AccountRow), tags=["money"], summary="Pay into a prepaid card's account")
    async def top_up(token: str, body: AmountBody) -> Response:
        return Json(await service.money.top_up(token, body.amount, BY))

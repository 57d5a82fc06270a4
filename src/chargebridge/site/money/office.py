"""Money as people and providers see it: payments and their settlement, QR codes, limits and tariffs of transactions, prepaid accounts."""

import asyncio
import os
import secrets
from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta
from decimal import Decimal
from typing import Any, Protocol

import msgspec
import structlog
from msgspec.structs import replace

from chargebridge.model.clock import Clock
from chargebridge.model.errors import ModelError, UnknownNameError
from chargebridge.site import ledger, station_book
from chargebridge.site.config import SiteConfig
from chargebridge.site.live import Live
from chargebridge.site.money import payments, records
from chargebridge.site.money.desk import DIRECT, Driver, MoneyDesk
from chargebridge.site.money.provider import Provider
from chargebridge.site.money.tariffs import Tariffs, said
from chargebridge.site.money.view import AccountRow, PaymentRow, QrCode, TermsView
from chargebridge.site.operation.view import CommandRecord
from chargebridge.site.tokens import token_key
from chargebridge.stations.events import Settled
from chargebridge.stations.port import Answer
from chargebridge.stations.terms import Limits, Receipt, VatCheck
from chargebridge.store import Database
from chargebridge.wire.ocpp import totp

log = structlog.get_logger(__name__)

SETTLE_EVERY_S = 5.0
SETTLED_AT_ONCE = 20
UNPROVEN_FOR = timedelta(days=1)
"""So long a driver's money stays reserved for a session whose signed values do not hold."""
OFFER_S = 600
"""For so long a station keeps its EVSE for somebody who has scanned its code (C25.FR.21)."""
QR_LENGTH, QR_VALIDITY_S = 8, 60
QR = "qr code "
MAX_REFERENCE = 255


class Commands(Protocol):
    """How stations are asked: with a record of it. The operator's office."""

    async def call(self, identity: str, action: str, payload: dict[str, Any], by: str) -> CommandRecord: ...

    def protocol_of(self, identity: str) -> str:
        """ "ocpp2.1"; "" when it was never heard. Raises UnknownNameError."""
        ...


class MoneyOffice:
    """accounts: token -> name of who pays beforehand. public_url: where drivers reach us; None: nothing that they could open is told."""

    def __init__(
        self,
        desk: MoneyDesk,
        provider: Provider,
        database: Database,
        clock: Clock,
        *,
        accounts: Iterable[tuple[str, str]],
        public_url: str | None,
        tell: Callable[[str, str, str], None],
    ) -> None:
        self.desk, self.provider = desk, provider
        self._database, self._clock, self._tell = database, clock, tell
        self._accounts = tuple(accounts)
        self._public_url = public_url
        self._commands: Commands | None = None

    @classmethod
    def of(
        cls,
        config: SiteConfig,
        database: Database,
        clock: Clock,
        *,
        live: Live,
        stop: Callable[[str, str], Awaitable[Answer]],
        tell: Callable[[str, str, str], None],
    ) -> "MoneyOffice":
        """As configured."""
        drivers = {token_key(token.id): Driver(token_key(token.id), token.tariff, prepaid=token.prepaid) for token in config.token}
        desk = MoneyDesk(
            Tariffs(config.tariff, config.site.currency, config.site.tariff),
            database,
            clock,
            currency=config.site.currency,
            driver=lambda token: drivers.get(token_key(token)),
            progress=live.progress,
            stop=stop,
            tell=tell,
        )
        key = config.payment.provider_token_env
        return cls(
            desk,
            Provider(config.payment.provider_url, None if key is None else os.environ.get(key), config.payment.vat_url),
            database,
            clock,
            accounts=((token.id, token.name) for token in config.token if token.prepaid),
            public_url=config.web.public_url,
            tell=tell,
        )

    def command_by(self, commands: Commands) -> None:
        self._commands = commands

    @property
    def commands(self) -> Commands:
        if self._commands is None:
            raise ModelError("stations", "this site has no Central System", "run it by `chargebridge up`")
        return self._commands

    # Transactions

    async def start(self, station: str, evse: int, token: str, kind: str, limits: Limits, by: str) -> CommandRecord:
        """Have a transaction begin, limited (2.1 F07). Raises UnknownNameError, ModelError."""
        protocol = self.commands.protocol_of(station)
        number = await self.desk.expect(station, token, limits)
        if protocol == "ocpp1.6":
            body: dict[str, Any] = {"connectorId": evse, "idTag": token} if evse else {"idTag": token}
            return await self.commands.call(station, "RemoteStartTransaction", body, by)
        kind = kind if protocol == "ocpp2.1" or kind != DIRECT else "Central"  # 2.0.1 has no word for a payment
        body = {"remoteStartId": number, "idToken": {"idToken": token, "type": kind}} | ({"evseId": evse} if evse else {})
        return await self.commands.call(station, "RequestStartTransaction", body, by)

    async def limit(self, station: str, transaction: str, limits: Limits, by: str) -> TermsView:
        """Limit a running transaction. Raises UnknownNameError, ModelError."""
        session = await self._database.read(lambda c: ledger.one(c, station, transaction))
        if session is None or session.ended_at is not None:
            raise UnknownNameError(
                f"transaction {transaction[:40]}", f"does not run at {station}", "GET /api/v1/stations names those that run"
            )
        await self.desk.open_terms(station, transaction, session.started_at, session.token)
        made = await (self.desk.limit(station, transaction, limits) if limits else self.desk.unlimit(station, transaction))
        self._tell("session", f"{station}: limits of transaction {transaction} set by {by}", station)
        return made

    async def retariff(self, station: str, transaction: str, name: str, by: str) -> TermsView:
        """Charge a running transaction by another tariff; a 2.1 station that reckons itself is told. Raises UnknownNameError."""
        tariff = await self.desk.retariff(station, transaction, name)
        if await self._reckons(station):
            await self.commands.call(station, "ChangeTransactionTariff", {"transactionId": transaction, "tariff": said(tariff)}, by)
        self._tell("session", f"{station}: transaction {transaction} is charged by {name}, set by {by}", station)
        return next(view for view in await self.desk.views(station) if view.transaction == transaction)

    async def set_default(self, station: str, name: str, by: str) -> CommandRecord:
        """Have a 2.1 station show and reckon a tariff of ours for everybody (I07). Raises UnknownNameError, ModelError."""
        tariff = self.desk.tariffs.named(name)
        if tariff is None:
            raise UnknownNameError(
                f"tariff {name[:40]}", "is not there", f"name one of {', '.join(self.desk.tariffs.names) or '(none configured)'}"
            )
        return await self.commands.call(station, "SetDefaultTariff", {"evseId": 0, "tariff": said(tariff)}, by)

    async def _reckons(self, station: str) -> bool:
        if self._commands is None or self._commands.protocol_of(station) != "ocpp2.1":
            return False
        told = await self._database.read(lambda c: station_book.value(c, station, "TariffCostCtrlr.Enabled[Tariff]"))
        return (told or "").lower() == "true"

    async def terms(self, station: str) -> tuple[TermsView, ...]:
        """The newest transactions of a station, with what holds for them."""
        return await self.desk.views(station)

    # Accounts

    async def accounts(self) -> tuple[AccountRow, ...]:
        return tuple(AccountRow(token=t, name=name, balance=self.desk.balance(token_key(t))) for t, name in self._accounts)

    async def top_up(self, token: str, amount: Decimal, by: str) -> AccountRow:
        """Raises UnknownNameError, ModelError."""
        names = {token_key(known): (known, name) for known, name in self._accounts}
        found = names.get(token_key(token))
        if found is None:
            raise UnknownNameError(f"account {token[:36]}", "is no prepaid card", "configure the token with prepaid = true")
        balance = await self.desk.top_up(token_key(token), amount, f"paid in by {by}")
        return AccountRow(token=found[0], name=found[1], balance=balance)

    # Payments

    async def payments(self, station: str | None = None, limit: int = 100) -> tuple[PaymentRow, ...]:
        return tuple(await self._database.read(lambda c: records.payments(c, station=station, limit=limit)))

    async def authorised(
        self,
        reference: str,
        station: str,
        evse: int,
        amount: Decimal | None,
        limits: Limits,
        *,
        offer: str | None = None,
        by: str = "kiosk",
    ) -> PaymentRow:
        """A provider has reserved money: the station is asked to start with its reference as token (C24.FR.01, C25.FR.23); once for each reference.

        offer: the reference that the driver was sent to pay with. Raises UnknownNameError, ModelError.
        """
        if not 0 < len(reference) <= MAX_REFERENCE:
            raise ModelError("reference", "is empty or too long", f"give 1 to {MAX_REFERENCE} characters")
        self.commands.protocol_of(station)
        known = await self._database.read(lambda c: records.payment_of(c, reference))
        if known is not None and known.state != "offered":
            return known
        offered = None if offer is None else await self._database.read(lambda c: records.payment_of(c, offer))
        now = self._clock.now()
        origin = "kiosk" if offered is None else offered.origin
        made = replace(payments.new(reference, station, evse, origin, "authorised", self.desk.currency, now), authorised=amount)
        if offered is not None and offered.detail:
            limits = limits.over(msgspec.json.decode(offered.detail, type=Limits))
        if amount is not None:
            limits = limits.lowest(Limits(cost=amount))

        def work(c: Any) -> None:
            records.keep_payment(c, made)
            if offered is not None and offered.reference != reference:
                records.drop_payment(c, offered.reference)

        await self._database.write(work)
        record = await self.start(station, evse, reference, DIRECT, limits, by)
        if record.outcome in ("rejected", "unsupported", "offline"):
            await self._change(reference, "refused", f"{record.outcome} {record.detail}".strip())
        return await self._payment(reference)

    async def _payment(self, reference: str) -> PaymentRow:
        found = await self._database.read(lambda c: records.payment_of(c, reference))
        if found is None:
            raise UnknownNameError(f"payment {reference[:60]}", "is not known", "GET /api/v1/payments lists them")
        return found

    async def _change(self, reference: str, state: Any, detail: str) -> None:
        """Where it has not gone on meanwhile."""
        now = self._clock.now()

        def work(c: Any) -> None:
            known = records.payment_of(c, reference)
            if known is not None and known.state == "authorised":
                records.keep_payment(c, replace(known, state=state, detail=detail, changed_at=now))

        await self._database.write(work)

    def accepts(self, payment: PaymentRow | None, *, terminals: bool) -> bool:
        """Whether a token of kind DirectPayment may charge: one that we know of, or of a station's own terminal where those may."""
        return terminals if payment is None else payment.state in ("authorised", "charging") or payment.origin == payments.TERMINAL

    async def known(self, reference: str) -> PaymentRow | None:
        return await self._database.read(lambda c: records.payment_of(c, reference))

    async def run(self) -> None:
        """Keep limits that stations do not hold themselves, and settle what has ended."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.desk.run(), name="limits of transactions")
            group.create_task(self._keep_settling(), name="payments")

    async def _keep_settling(self) -> None:
        """Until it is settled (C21.FR.05, C24.FR.10, C25.FR.40); it survives a restart, and is the same payment to the provider."""
        while True:
            await self._clock.sleep(SETTLE_EVERY_S)
            try:
                await self._release()
                due = await self._database.read(lambda c: records.payments(c, state="to_settle", limit=SETTLED_AT_ONCE))
                for payment in due:
                    await self._settle(payment)
            except Exception:
                log.exception("payments cannot be settled now")

    async def _release(self) -> None:
        if await self._database.read(lambda c: records.payments(c, state="unproven", limit=1)):
            now = self._clock.now()
            await self._database.write(lambda c: payments.released(c, now - UNPROVEN_FOR, now))

    async def _settle(self, payment: PaymentRow) -> None:
        if payment.amount is None:
            await self._end(payment, "failed", "nobody knows what it cost; configure a tariff", None)
            return
        outcome = await self.provider.settle(payment)
        match outcome.what:
            case "done":
                await self._end(payment, "settled" if payment.amount else "canceled", "", outcome.receipt_url)
            case "failed":
                await self._end(payment, "failed", outcome.detail, None)
            case "later" if outcome.detail != payment.detail:
                await self._end(payment, "to_settle", outcome.detail, None)

    async def _end(self, payment: PaymentRow, state: Any, detail: str, receipt_url: str | None) -> None:
        changed = replace(payment, state=state, detail=detail, receipt_url=receipt_url or payment.receipt_url, changed_at=self._clock.now())
        await self._database.write(lambda c: records.keep_payment(c, changed))
        self._tell("session", f"{payment.station}: payment {payment.reference} is {state} {detail}".rstrip(), payment.station)

    # What stations ask

    async def check_vat(self, number: str) -> VatCheck:
        return await self.provider.check_vat(number)

    async def receipt(self, station: str, event: Settled) -> Receipt | None:
        """Of a payment that a station has settled, where the station leaves receipts to us (C21.FR.03)."""
        told = await self._database.read(lambda c: station_book.value(c, station, "PaymentCtrlr.ReceiptByCSMS"))
        if (told or "").lower() != "true" or self._public_url is None:
            return None
        payment = await self._payment(event.reference)
        return Receipt(url=f"{self._public_url}/receipt/{payment.receipt}", id=payment.receipt)

    async def by_receipt(self, receipt: str) -> PaymentRow | None:
        return await self._database.read(lambda c: records.by_receipt(c, receipt))

    # QR codes

    async def set_qr(self, station: str, by: str) -> QrCode:
        """Give a 2.1 station a new secret for its dynamic QR code, and where the code leads. Raises UnknownNameError, ModelError."""
        if self._public_url is None:
            raise ModelError("web", "has no public_url, so that no driver could follow a code", "set public_url in [web]")
        secret = secrets.token_urlsafe(32)
        template = f"{self._public_url}/pay/{{chargingstationid}}/{{evse}}/{{totp}}/{{version}}"
        values = {
            "URLTemplate": template,
            "TOTPVersion": totp.VERSION,
            "ValidityTime": str(QR_VALIDITY_S),
            "SharedSecret": secret,
            "Length": str(QR_LENGTH),
            "Enabled": "true",
        }
        component = {"name": "WebPaymentsCtrlr"}
        data = [{"component": component, "variable": {"name": name}, "attributeValue": value} for name, value in values.items()]
        # Known here before the station has it: whatever becomes of the answer, a code that it shows can be checked.
        kept = await self._database.read(lambda c: ledger.setting_of(c, QR + station))
        older = msgspec.json.decode(kept, type=list[str])[:1] if kept else []
        await self._database.write(lambda c: ledger.set_setting(c, QR + station, msgspec.json.encode([secret, *older]).decode()))
        record = await self.commands.call(station, "SetVariables", {"setVariableData": data}, by)
        return QrCode(
            url_template=template, validity_s=QR_VALIDITY_S, length=QR_LENGTH, outcome=record.outcome or "unknown", detail=record.detail
        )

    async def scanned(self, station: str, evse: int, given: str, version: str, limits: Limits) -> str:
        """A driver has followed a station's code: where he is sent to pay (C25.FR.07 to C25.FR.20). Raises ModelError, UnknownNameError."""
        now = self._clock.now()
        kept = await self._database.read(lambda c: ledger.setting_of(c, QR + station))
        known = msgspec.json.decode(kept, type=list[str]) if kept else []
        valid = [totp.is_valid(given, secret, now, validity_s=QR_VALIDITY_S, length=QR_LENGTH) for secret in known]
        if version != totp.VERSION or not any(valid):
            raise ModelError("code", "is too old, or not of this station", "scan the code at the station again")
        reference = secrets.token_urlsafe(18)
        offer = payments.new(reference, station, evse, "qr", "offered", self.desk.currency, now)
        offer = replace(offer, detail=msgspec.json.encode(limits).decode() if limits else "")
        url = self.provider.pay_url(reference, limits.cost, self.desk.currency, f"{self._public_url}/receipt/{offer.receipt}")
        if url is None:
            raise ModelError("payment", "is not possible here", "no payment provider is configured")
        await self._database.write(lambda c: records.keep_payment(c, offer))
        await self._say_scanned(station, evse)
        return url

    async def _say_scanned(self, station: str, evse: int) -> None:
        """The station may show it, and keep the EVSE meanwhile (C25.FR.21); nothing hangs on it."""
        try:
            await self.commands.call(station, "NotifyWebPaymentStarted", {"evseId": evse, "timeout": OFFER_S}, "qr code")
        except ModelError as error:
            log.info("the station does not hear of the payment", station=station, reason=error.reason)

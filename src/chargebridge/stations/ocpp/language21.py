"""What OCPP 2.1 adds to 2.0.1, spoken by the Central System."""

from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

import msgspec

from chargebridge.stations.events import CostTold
from chargebridge.stations.ocpp.abilities import OF_21, OF_BOTH
from chargebridge.stations.ocpp.language201 import Language201
from chargebridge.stations.ocpp.session import Session
from chargebridge.stations.ocpp.told16 import number
from chargebridge.stations.ocpp.told21 import ASKED, TOLD, settled
from chargebridge.stations.ocpp.told201 import said
from chargebridge.stations.ocpp.words21 import WORDS
from chargebridge.stations.port import TransactionEvent
from chargebridge.stations.terms import Limits, Terms
from chargebridge.wire.ocpp import V21, v21, v201
from chargebridge.wire.ocpp.payload import Payload, given

if TYPE_CHECKING:
    from chargebridge.stations.ocpp.station import OcppStation


CHARGING_MODES: tuple[v21.EnergyTransferModeEnum, ...] = ("AC_single_phase", "AC_two_phase", "AC_three_phase", "DC", "DC_ACDP", "WPT")
DISCHARGING_MODES: tuple[v21.EnergyTransferModeEnum, ...] = ("AC_BPT", "DC_BPT", "DC_ACDP_BPT")


def limits_of(told: v21.TransactionLimitType) -> Limits:
    """What a station says that it holds to."""
    return Limits(
        cost=Decimal(repr(told.max_cost)) if isinstance(told.max_cost, int | float) else None,
        energy_wh=round(told.max_energy) if isinstance(told.max_energy, int | float) else None,
        time_s=number(told.max_time),
        soc=number(told.max_so_c),
    )


def worded(limits: Limits) -> v21.TransactionLimitType:
    return v21.TransactionLimitType(
        max_cost=given(None if limits.cost is None else float(limits.cost)),
        max_energy=given(None if limits.energy_wh is None else float(limits.energy_wh)),
        max_time=given(limits.time_s),
        max_so_c=given(limits.soc),
    )


class Language21(Language201):
    """The `Language` of OCPP 2.1."""

    dialect = V21
    tellings = TOLD
    words = WORDS
    abilities = (*OF_BOTH, *OF_21)

    async def handle(self, station: "OcppStation", session: Session, request: Payload) -> Payload:
        if isinstance(request, v21.TransactionEventRequest) and request.cost_details:
            told = CostTold(transaction=request.transaction_info.transaction_id, details=said(request.cost_details))
            await station.sink.told(station.identity, told)
        asked = ASKED.get(self.dialect.action(request))
        if asked is None:
            answer = await super().handle(station, session, request)
            if isinstance(request, v21.TransactionEventRequest) and request.trigger_reason == "TxResumed":
                station.resumed(request.transaction_info.transaction_id)
            return answer
        await station.sink.told(station.identity, asked(request))
        match request:
            case v21.PullDynamicScheduleUpdateRequest():
                return self._dynamic_values(station, request)
            case v21.NotifySettlementRequest():
                return await self._settled(station, request)
        return await self._vat(station, cast(v21.VatNumberValidationRequest, request))

    async def _authorize(self, station: "OcppStation", request: v201.AuthorizeRequest) -> Payload:
        """With the driver's own tariff, where there is one and it is to charge (I08.FR.01); such a one begins at once (I08.FR.09)."""
        answer = cast(v201.AuthorizeResponse, await super()._authorize(station, request))
        modes = self._transfers(station) if answer.id_token_info.status == "Accepted" else None
        known = station.sink.about(station.identity, request.id_token.id_token)
        own = known.tariff if known is not None and answer.id_token_info.status == "Accepted" else None
        if own is not None and not station.abilities.flag("TariffCostCtrlr.Enabled[Tariff]"):
            own = None
        if own is None and modes is None:
            return answer
        told = None if own is None else {name: part for name, part in own.items() if name != "validFrom"}
        return v21.AuthorizeResponse(
            id_token_info=cast(v21.IdTokenInfoType, answer.id_token_info),
            certificate_status=cast(Any, answer.certificate_status),
            tariff=given(None if told is None else msgspec.convert(told, type=v21.TariffType)),
            allowed_energy_transfer=given(modes),
        )

    def _transfers(self, station: "OcppStation") -> tuple[v21.EnergyTransferModeEnum, ...] | None:
        """How a car may take, and give, energy (Q01.FR.01). None: the station knows no such thing; or, as a card is not shown to one EVSE, it cannot
        be told while they differ (Q01.FR.08, Q02.FR.03)."""
        allowed = {evse.discharges for evse in station.settings.evses}
        if not station.abilities.bidirectional or len(allowed) != 1:
            return None
        return (*CHARGING_MODES, *DISCHARGING_MODES) if allowed == {True} else CHARGING_MODES

    def _event(self, station: "OcppStation", request: v201.TransactionEventRequest) -> TransactionEvent:
        event = super()._event(station, request)
        told = cast(v21.TransactionEventRequest, request).transaction_info.transaction_limit
        return msgspec.structs.replace(event, limits=limits_of(told)) if told else event

    def _takes(self, station: "OcppStation") -> frozenset[str]:
        return station.abilities.limits

    def _agreed(self, info: v201.IdTokenInfoType | None, terms: Terms | None) -> Payload:
        """With the limits that are to be set now (E16.FR.02)."""
        answer = cast(v201.TransactionEventResponse, super()._agreed(info, terms))
        if terms is None or not terms.limits:
            return answer
        return v21.TransactionEventResponse(
            total_cost=answer.total_cost,
            id_token_info=cast(Any, answer.id_token_info),
            updated_personal_message=cast(Any, answer.updated_personal_message),
            transaction_limit=worded(terms.limits),
        )

    async def _settled(self, station: "OcppStation", request: v21.NotifySettlementRequest) -> Payload:
        """With a receipt, where it is ours to give (C21.FR.03)."""
        receipt = await station.sink.receipt(station.identity, settled(request))
        if receipt is None:
            return v21.NotifySettlementResponse()
        return v21.NotifySettlementResponse(receipt_url=receipt.url, receipt_id=receipt.id)

    async def _vat(self, station: "OcppStation", request: v21.VatNumberValidationRequest) -> Payload:
        """C18.FR.09, C18.FR.10."""
        check = await station.sink.check_vat(station.identity, request.vat_number)
        company = None if check.company is None else msgspec.convert(check.company, type=v21.AddressType)
        info = None if not check.reason else v21.StatusInfoType(reason_code="Unspecified", additional_info=check.reason[:1024])
        return v21.VatNumberValidationResponse(
            status="Accepted" if check.valid else "Rejected",
            vat_number=request.vat_number,
            evse_id=request.evse_id,
            company=given(company),
            status_info=given(info),
        )

    def _dynamic_values(self, station: "OcppStation", request: v21.PullDynamicScheduleUpdateRequest) -> Payload:
        """The newest values of a dynamic profile of ours (K28.FR.07); another one is none (K28.FR.12)."""
        values = station.dynamic.get(request.charging_profile_id)
        if values is None:
            reason = v21.StatusInfoType(reason_code="InvalidProfile")
            return v21.PullDynamicScheduleUpdateResponse(status="Rejected", status_info=reason)
        return v21.PullDynamicScheduleUpdateResponse(status="Accepted", schedule_update=values)

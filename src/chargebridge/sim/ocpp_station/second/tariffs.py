"""Tariffs and cost: set, asked, cleared, changed in a transaction, and reckoned at its end (2.x part 2 I; 2.1 I07 to I12)."""

from datetime import datetime
from typing import TYPE_CHECKING

from msgspec import UnsetType

from chargebridge.sim.ocpp_station.evse import Sample, Transaction
from chargebridge.sim.ocpp_station.second.block import Answers
from chargebridge.wire.ocpp import v21
from chargebridge.wire.ocpp.payload import Payload, given

if TYPE_CHECKING:
    from chargebridge.sim.ocpp_station.second.voice import VoiceSecond
    from chargebridge.sim.ocpp_station.station import VirtualStation

CURRENCY = "EUR"


class Tariffs:
    """Default tariffs by EVSE (0: all), and those of single transactions."""

    def __init__(self) -> None:
        self.defaults: dict[int, v21.TariffType] = {}
        self.changed: dict[str, v21.TariffType] = {}

    def of(self, transaction: Transaction) -> v21.TariffType | None:
        return self.changed.get(transaction.key) or self.defaults.get(transaction.evse) or self.defaults.get(0)

    def cost(self, transaction: Transaction, sample: Sample) -> v21.CostDetailsType | None:
        """Energy, time and fixed fee by the first price of each, which holds without condition; None without a tariff."""
        tariff = self.of(transaction)
        if tariff is None:
            return None
        energy_kwh = (sample.energy_wh - transaction.meter_start_wh) / 1000
        charging_s = (sample.at - transaction.started_at).total_seconds()
        energy = energy_kwh * tariff.energy.prices[0].price_kwh if tariff.energy else None
        time = charging_s / 60 * tariff.charging_time.prices[0].price_minute if tariff.charging_time else None
        fixed = tariff.fixed_fee.prices[0].price_fixed if tariff.fixed_fee else None
        total = sum(part for part in (energy, time, fixed) if part is not None)
        kind: v21.TariffCostEnum = "NormalCost"
        if tariff.min_cost and isinstance(low := tariff.min_cost.excl_tax, int | float) and total < low:
            total, kind = low, "MinCost"
        if tariff.max_cost and isinstance(high := tariff.max_cost.excl_tax, int | float) and total > high:
            total, kind = high, "MaxCost"
        return v21.CostDetailsType(
            charging_periods=(_period(tariff, transaction.started_at, energy_kwh, charging_s),),
            total_cost=v21.TotalCostType(
                currency=tariff.currency,
                type_of_cost=kind,
                energy=_price(energy),
                charging_time=_price(time),
                fixed=_price(fixed),
                total=v21.TotalPriceType(excl_tax=round(total, 4)),
            ),
            total_usage=v21.TotalUsageType(energy=energy_kwh, charging_time=int(charging_s), idle_time=0),
        )


def _period(tariff: v21.TariffType, start: datetime, energy_kwh: float, charging_s: float) -> v21.ChargingPeriodType:
    dimensions = (v21.CostDimensionType(type="Energy", volume=energy_kwh), v21.CostDimensionType(type="ChargingTime", volume=charging_s))
    return v21.ChargingPeriodType(dimensions=dimensions, tariff_id=tariff.tariff_id, start_period=start)


def _price(amount: float | None) -> v21.PriceType | UnsetType:
    return given(None if amount is None else v21.PriceType(excl_tax=round(amount, 4)))


def _conditional(tariff: v21.TariffType) -> bool:
    """This station knows no conditions (I07.FR.07: then it says so)."""
    parts = (tariff.energy, tariff.charging_time, tariff.idle_time, tariff.fixed_fee, tariff.reservation_time, tariff.reservation_fixed)
    return any(price.conditions for part in parts if part for price in part.prices)


def _set(station: "VirtualStation", voice: "VoiceSecond", request: v21.SetDefaultTariffRequest) -> Payload:
    tariff = request.tariff
    if request.evse_id not in (0, *station.evses) or tariff.currency != CURRENCY:
        return v21.SetDefaultTariffResponse(status="Rejected")
    if _conditional(tariff):
        return v21.SetDefaultTariffResponse(status="ConditionNotSupported")
    voice.tariffs.defaults[request.evse_id] = tariff
    return v21.SetDefaultTariffResponse(status="Accepted")


def _get(station: "VirtualStation", voice: "VoiceSecond", request: v21.GetTariffsRequest) -> Payload:
    found: dict[str, list[int]] = {}
    for evse, tariff in voice.tariffs.defaults.items():
        if request.evse_id in (0, evse) or evse == 0:
            found.setdefault(tariff.tariff_id, []).extend([evse] if evse else list(station.evses))
    if not found:
        return v21.GetTariffsResponse(status="NoTariff")
    assigned = tuple(
        v21.TariffAssignmentType(tariff_id=tariff, tariff_kind="DefaultTariff", evse_ids=tuple(evses)) for tariff, evses in found.items()
    )
    return v21.GetTariffsResponse(status="Accepted", tariff_assignments=assigned)


def _clear(station: "VirtualStation", voice: "VoiceSecond", request: v21.ClearTariffsRequest) -> Payload:
    defaults = voice.tariffs.defaults
    evse = request.evse_id if isinstance(request.evse_id, int) else None
    gone = {
        place: tariff.tariff_id
        for place, tariff in defaults.items()
        if (not request.tariff_ids or tariff.tariff_id in request.tariff_ids) and evse in (None, place)
    }
    for place in gone:
        del defaults[place]
    asked = request.tariff_ids or tuple(dict.fromkeys(gone.values())) or (None,)
    return v21.ClearTariffsResponse(
        clear_tariffs_result=tuple(
            v21.ClearTariffsResultType(tariff_id=given(tariff), status="Accepted" if tariff in gone.values() else "NoTariff")
            for tariff in asked
        )
    )


def _change(station: "VirtualStation", voice: "VoiceSecond", request: v21.ChangeTransactionTariffRequest) -> Payload:
    point = next((p for p in station.evses.values() if p.transaction is not None and p.transaction.key == request.transaction_id), None)
    if point is None or point.transaction is None:
        return v21.ChangeTransactionTariffResponse(status="TxNotFound")
    if request.tariff.currency != CURRENCY:
        return v21.ChangeTransactionTariffResponse(status="NoCurrencyChange")
    if _conditional(request.tariff):
        return v21.ChangeTransactionTariffResponse(status="ConditionNotSupported")
    voice.tariffs.changed[point.transaction.key] = request.tariff
    station.later(lambda: station.transactions.update(point, "TariffChanged"))
    return v21.ChangeTransactionTariffResponse(status="Accepted")


def _cost(station: "VirtualStation", voice: "VoiceSecond", request: v21.CostUpdatedRequest) -> Payload:
    for point in station.evses.values():
        if point.transaction is not None and point.transaction.key == request.transaction_id:
            point.transaction.cost = request.total_cost
    return v21.CostUpdatedResponse()


ANSWERS: Answers = {
    v21.ChangeTransactionTariffRequest: _change,
    v21.ClearTariffsRequest: _clear,
    v21.CostUpdatedRequest: _cost,
    v21.GetTariffsRequest: _get,
    v21.SetDefaultTariffRequest: _set,
}

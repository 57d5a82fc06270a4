"""Bidirectional charging: what the car needs, what it may do, and frequency services (2.1 part 2 Q; needs: 2.x K15 to K17)."""

from datetime import datetime
from typing import TYPE_CHECKING

from msgspec.structs import replace

from chargebridge.model.phases import NOMINAL_V
from chargebridge.sim.ocpp_station.profiles import Period
from chargebridge.sim.ocpp_station.second.block import Answers
from chargebridge.sim.ocpp_station.second.der import interpolate
from chargebridge.wire.ocpp import v21
from chargebridge.wire.ocpp.payload import Payload, given

if TYPE_CHECKING:
    from chargebridge.sim.ocpp_station.second.voice import VoiceSecond
    from chargebridge.sim.ocpp_station.station import VirtualStation

SIGNAL_MODES = ("LocalFrequency", "CentralFrequency")


def needs(station: "VirtualStation", evse: int, energy_wh: float, departure: datetime | None = None, *, both_ways: bool = False) -> Payload:
    """What a car at the EVSE asks for over ISO 15118. both_ways: it offers to discharge (2.1)."""
    plan = station.evses[evse].plan
    car = v21.ACChargingParametersType(
        energy_amount=round(energy_wh), ev_min_current=6, ev_max_current=round(plan.maximum_a), ev_max_voltage=round(NOMINAL_V * 3**0.5)
    )
    most_w = plan.maximum_a * plan.phases * NOMINAL_V
    outward = v21.V2XChargingParametersType(
        max_charge_power=most_w, max_discharge_power=most_w, ev_target_energy_request=energy_wh, ev_min_energy_request=0.0
    )
    plain: v21.EnergyTransferModeEnum = "AC_three_phase" if plan.phases == 3 else "AC_single_phase"
    return v21.NotifyEVChargingNeedsRequest(
        evse_id=evse,
        charging_needs=v21.ChargingNeedsType(
            requested_energy_transfer="AC_BPT" if both_ways else plain,
            ac_charging_parameters=given(None if both_ways else car),
            v2x_charging_parameters=given(outward if both_ways else None),
            departure_time=given(departure),
        ),
    )


def _allowed(station: "VirtualStation", voice: "VoiceSecond", request: v21.NotifyAllowedEnergyTransferRequest) -> Payload:
    point = next((p for p in station.evses.values() if p.transaction is not None and p.transaction.key == request.transaction_id), None)
    done = point is not None and (point.plan.bidirectional or not any("BPT" in mode for mode in request.allowed_energy_transfer))
    return v21.NotifyAllowedEnergyTransferResponse(status="Accepted" if done else "Rejected")


def _signal(station: "VirtualStation", voice: "VoiceSecond", request: v21.AFRRSignalRequest) -> Payload:
    """A step of the automatic frequency restoration: each profile with a curve for it gets a new setpoint (Q07)."""
    done = False

    def follow(period: Period) -> Period:
        if period.mode not in SIGNAL_MODES or not period.signal_curve:
            return period
        return replace(period, setpoint=interpolate([(float(s), power) for s, power in period.signal_curve], request.signal))

    for profile in station.profiles:
        if any(period.mode in SIGNAL_MODES and period.signal_curve for period in profile.periods):
            done = station.profiles.change(profile, follow)
    station.refresh()
    return v21.AFRRSignalResponse(status="Accepted" if done else "Rejected")


ANSWERS: Answers = {
    v21.AFRRSignalRequest: _signal,
    v21.NotifyAllowedEnergyTransferRequest: _allowed,
}

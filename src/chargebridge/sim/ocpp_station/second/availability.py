"""Availability, reservation, unlocking, messages on demand, data transfer (2.x part 2 F05, F06, G, H, P)."""

from typing import TYPE_CHECKING

from chargebridge.sim.ocpp_station.dealings import reserve
from chargebridge.sim.ocpp_station.reservations import Reservation
from chargebridge.sim.ocpp_station.second.block import Answers
from chargebridge.wire.ocpp import v21
from chargebridge.wire.ocpp.payload import Payload

if TYPE_CHECKING:
    from chargebridge.sim.ocpp_station.second.voice import VoiceSecond
    from chargebridge.sim.ocpp_station.station import VirtualStation


def _change(station: "VirtualStation", voice: "VoiceSecond", request: v21.ChangeAvailabilityRequest) -> Payload:
    evse = request.evse.id if request.evse else 0
    if evse not in (0, *station.evses):
        return v21.ChangeAvailabilityResponse(status="Rejected")
    done = station.orders.set_operative(evse, operative=request.operational_status == "Operative")
    return v21.ChangeAvailabilityResponse(status="Accepted" if done else "Scheduled")


def _unlock(station: "VirtualStation", voice: "VoiceSecond", request: v21.UnlockConnectorRequest) -> Payload:
    point = station.evses.get(request.evse_id)
    if point is None or request.connector_id not in (0, 1):
        return v21.UnlockConnectorResponse(status="UnknownConnector")
    return v21.UnlockConnectorResponse(status="Unlocked" if point.transaction is None else "OngoingAuthorizedTransaction")


def _trigger(station: "VirtualStation", voice: "VoiceSecond", request: v21.TriggerMessageRequest) -> Payload:
    evse = request.evse.id if request.evse else None
    if evse not in (None, 0, *station.evses):
        return v21.TriggerMessageResponse(status="Rejected")
    sent = station.maintenance.send_now(request.requested_message, evse)
    return v21.TriggerMessageResponse(status="Accepted" if sent else "NotImplemented")


def _reserve(station: "VirtualStation", voice: "VoiceSecond", request: v21.ReserveNowRequest) -> Payload:
    evse = request.evse_id if isinstance(request.evse_id, int) else 0
    group = request.group_id_token.id_token if request.group_id_token else None
    reservation = Reservation(request.id, evse, request.id_token.id_token, request.expiry_date_time, group)
    return v21.ReserveNowResponse(status=reserve(station, reservation))


def _cancel(station: "VirtualStation", voice: "VoiceSecond", request: v21.CancelReservationRequest) -> Payload:
    done = station.reservations.cancel(request.reservation_id)
    station.later(station.show_reservations)
    return v21.CancelReservationResponse(status="Accepted" if done else "Rejected")


def _data(station: "VirtualStation", voice: "VoiceSecond", request: v21.DataTransferRequest) -> Payload:
    """It knows its own vendor's messages, and gives back what they carry."""
    if request.vendor_id != station.plan.vendor:
        return v21.DataTransferResponse(status="UnknownVendorId")
    return v21.DataTransferResponse(status="Accepted", data=request.data)


ANSWERS: Answers = {
    v21.CancelReservationRequest: _cancel,
    v21.ChangeAvailabilityRequest: _change,
    v21.DataTransferRequest: _data,
    v21.ReserveNowRequest: _reserve,
    v21.TriggerMessageRequest: _trigger,
    v21.UnlockConnectorRequest: _unlock,
}

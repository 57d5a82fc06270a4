"""Firmware and logs (2.x part 2 L, N01)."""

from typing import TYPE_CHECKING, cast

from chargebridge.sim.ocpp_station.firmware import Order
from chargebridge.sim.ocpp_station.maintenance import LogOrder
from chargebridge.sim.ocpp_station.second.block import Answers
from chargebridge.wire.ocpp import v21
from chargebridge.wire.ocpp.payload import Payload

if TYPE_CHECKING:
    from chargebridge.sim.ocpp_station.second.voice import VoiceSecond
    from chargebridge.sim.ocpp_station.station import VirtualStation


def _firmware(station: "VirtualStation", voice: "VoiceSecond", request: v21.UpdateFirmwareRequest) -> Payload:
    told = request.firmware
    order = Order(
        location=told.location,
        retrieve_at=told.retrieve_date_time,
        install_at=told.install_date_time or None,
        retries=request.retries or None,
        retry_interval_s=request.retry_interval or None,
        request_id=request.request_id,
        signing_certificate=told.signing_certificate or None,
        signature=told.signature or None,
    )
    status = cast(v21.UpdateFirmwareStatusEnum, station.maintenance.update_firmware(order))
    return v21.UpdateFirmwareResponse(status=status)


def _log(station: "VirtualStation", voice: "VoiceSecond", request: v21.GetLogRequest) -> Payload:
    order = LogOrder(
        location=request.log.remote_location,
        kind=request.log_type,
        since=request.log.oldest_timestamp or None,
        until=request.log.latest_timestamp or None,
        retries=request.retries or None,
        retry_interval_s=request.retry_interval or None,
        request_id=request.request_id,
    )
    if request.log_type == "DataCollectorLog":
        return v21.GetLogResponse(status="Rejected")
    status, name = station.maintenance.upload_log(order)
    return v21.GetLogResponse(status=cast(v21.LogStatusEnum, status), filename=name)


def _publish(station: "VirtualStation", voice: "VoiceSecond", request: v21.PublishFirmwareRequest) -> Payload:
    return v21.PublishFirmwareResponse(status="Rejected")  # for local controllers only (L03)


def _unpublish(station: "VirtualStation", voice: "VoiceSecond", request: v21.UnpublishFirmwareRequest) -> Payload:
    return v21.UnpublishFirmwareResponse(status="NoFirmware")


ANSWERS: Answers = {
    v21.GetLogRequest: _log,
    v21.PublishFirmwareRequest: _publish,
    v21.UnpublishFirmwareRequest: _unpublish,
    v21.UpdateFirmwareRequest: _firmware,
}

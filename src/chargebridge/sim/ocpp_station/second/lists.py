"""Authorisation, local list, cache, customer information and remote control (2.x part 2 C, D, F, N09)."""

from typing import TYPE_CHECKING

from chargebridge.sim.ocpp_station.knobs import Knob
from chargebridge.sim.ocpp_station.second.block import Answers
from chargebridge.sim.ocpp_station.second.schedules import profile_of
from chargebridge.sim.ocpp_station.second.words import entry_of
from chargebridge.wire.ocpp import v21
from chargebridge.wire.ocpp.payload import Payload, given

if TYPE_CHECKING:
    from chargebridge.sim.ocpp_station.second.voice import VoiceSecond
    from chargebridge.sim.ocpp_station.station import VirtualStation

PAGE = 512  # characters in one NotifyCustomerInformation


def _send_list(station: "VirtualStation", voice: "VoiceSecond", request: v21.SendLocalListRequest) -> Payload:
    changes = {
        data.id_token.id_token: entry_of(data.id_token_info) if data.id_token_info else None
        for data in request.local_authorization_list or ()
    }
    if not station.flag(Knob.LOCAL_LIST):
        return v21.SendLocalListResponse(status="Failed")
    return v21.SendLocalListResponse(status=station.local_list.update(request.version_number, request.update_type, changes))


def _list_version(station: "VirtualStation", voice: "VoiceSecond", request: v21.GetLocalListVersionRequest) -> Payload:
    return v21.GetLocalListVersionResponse(version_number=station.local_list.version if station.flag(Knob.LOCAL_LIST) else 0)


def _clear_cache(station: "VirtualStation", voice: "VoiceSecond", request: v21.ClearCacheRequest) -> Payload:
    if not station.flag(Knob.CACHE):
        return v21.ClearCacheResponse(status="Rejected")  # C11.FR.04
    station.cache.clear()
    return v21.ClearCacheResponse(status="Accepted")


def _start(station: "VirtualStation", voice: "VoiceSecond", request: v21.RequestStartTransactionRequest) -> Payload:
    evse = request.evse_id if isinstance(request.evse_id, int) else None
    profile = profile_of(evse or 0, request.charging_profile) if request.charging_profile else None
    if profile is not None and profile.purpose != "TxProfile":
        return v21.RequestStartTransactionResponse(status="Rejected")  # F01.FR.09
    point = station.orders.remote_start(evse, request.id_token.id_token, request.remote_start_id, profile)
    if point is None:
        return v21.RequestStartTransactionResponse(status="Rejected")
    running = point.transaction.key if point.transaction is not None else None
    return v21.RequestStartTransactionResponse(status="Accepted", transaction_id=given(running))


def _stop(station: "VirtualStation", voice: "VoiceSecond", request: v21.RequestStopTransactionRequest) -> Payload:
    done = station.orders.remote_stop(request.transaction_id)
    return v21.RequestStopTransactionResponse(status="Accepted" if done else "Rejected")


def _transaction_status(station: "VirtualStation", voice: "VoiceSecond", request: v21.GetTransactionStatusRequest) -> Payload:
    wanted = request.transaction_id or None
    waiting = station.uplink.outbox.about(wanted)
    if wanted is None:
        return v21.GetTransactionStatusResponse(messages_in_queue=waiting)
    running = any(p.transaction is not None and p.transaction.key == wanted for p in station.evses.values())
    return v21.GetTransactionStatusResponse(messages_in_queue=waiting, ongoing_indicator=running)


def _customer(station: "VirtualStation", voice: "VoiceSecond", request: v21.CustomerInformationRequest) -> Payload:
    """What the station keeps of a customer: entries of its lists."""
    token = request.id_token.id_token if request.id_token else request.customer_identifier or None
    if token is None and not request.customer_certificate:
        return v21.CustomerInformationResponse(status="Invalid")
    found = [
        f"{place}: {token} {entries[token].status}"
        for place, entries in (("local list", station.local_list.entries), ("cache", station.cache.entries))
        if token is not None and token in entries
    ]
    if request.clear and token is not None:
        station.cache.entries.pop(token, None)
        station.local_list.entries.pop(token, None)
    text = "\n".join(found) or "no data"
    pages = [text[start : start + PAGE] for start in range(0, len(text), PAGE)]
    now = station.now()

    def send() -> None:
        for number, page in enumerate(pages):
            station.uplink.say(
                v21.NotifyCustomerInformationRequest(
                    data=page, tbc=number < len(pages) - 1, seq_no=number, generated_at=now, request_id=request.request_id
                )
            )

    if request.report or request.clear:
        station.later(send)
    return v21.CustomerInformationResponse(status="Accepted")


ANSWERS: Answers = {
    v21.ClearCacheRequest: _clear_cache,
    v21.CustomerInformationRequest: _customer,
    v21.GetLocalListVersionRequest: _list_version,
    v21.GetTransactionStatusRequest: _transaction_status,
    v21.RequestStartTransactionRequest: _start,
    v21.RequestStopTransactionRequest: _stop,
    v21.SendLocalListRequest: _send_list,
}

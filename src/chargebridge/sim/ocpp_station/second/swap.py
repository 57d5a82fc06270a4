"""Battery swap: each EVSE is a slot (2.1 part 2 S)."""

from datetime import datetime
from typing import TYPE_CHECKING

from msgspec import Struct

from chargebridge.sim.ocpp_station.second.block import Answers
from chargebridge.sim.ocpp_station.second.words import token_of
from chargebridge.wire.ocpp import v21
from chargebridge.wire.ocpp.payload import Payload

if TYPE_CHECKING:
    from chargebridge.sim.ocpp_station.second.voice import VoiceSecond
    from chargebridge.sim.ocpp_station.station import VirtualStation


class Exchange(Struct):
    """A driver who swaps. returned: his old battery is in."""

    token: str
    request_id: int
    since: datetime
    returned: bool = False


class Swap:
    """The charged batteries that the station can give, and who is about to take one."""

    def __init__(self, charged: int) -> None:
        self.charged = charged
        self.exchange: Exchange | None = None
        self._last_id = 0

    def tick(self, station: "VirtualStation") -> None:
        """A driver who does not bring a battery in time is forgotten; one who does not take his is told of (S02.FR.05, S03.FR.06)."""
        exchange = self.exchange
        if exchange is None:
            return
        name = f"BatterySwapCtrlr.BatterySwap{'Out' if exchange.returned else 'In'}Timeout"
        if (station.clock.now() - exchange.since).total_seconds() < station.voice.variables.number(name):
            return
        self.exchange = None
        if exchange.returned:
            station.uplink.say(_told("BatteryOutTimeout", exchange, 1, "offered", 100.0))

    def begin(self, station: "VirtualStation", token: str, request_id: int | None = None) -> bool:
        """A driver is let in. False: no battery for him, or another one is at it."""
        if self.charged < 1 or self.exchange is not None:
            return False
        self._last_id = request_id if request_id is not None else self._last_id + 1
        self.exchange = Exchange(token, self._last_id, station.clock.now())
        return True

    def bring(self, station: "VirtualStation", slot: int, serial: str, soc_percent: float) -> None:
        """The driver puts his battery into a slot."""
        assert self.exchange is not None
        self.exchange.returned, self.exchange.since = True, station.clock.now()
        station.plug(slot)
        station.uplink.say(_told("BatteryIn", self.exchange, slot, serial, soc_percent))

    def take(self, station: "VirtualStation", slot: int, serial: str, soc_percent: float) -> None:
        """He takes a charged one out of a slot."""
        assert self.exchange is not None
        exchange, self.exchange = self.exchange, None
        self.charged -= 1
        station.unplug(slot)
        station.uplink.say(_told("BatteryOut", exchange, slot, serial, soc_percent))


def _told(kind: v21.BatterySwapEventEnum, exchange: Exchange, slot: int, serial: str, soc_percent: float) -> Payload:
    battery = v21.BatteryDataType(evse_id=slot, serial_number=serial, so_c=soc_percent, so_h=98.0)
    return v21.BatterySwapRequest(
        battery_data=(battery,), event_type=kind, id_token=token_of(exchange.token), request_id=exchange.request_id
    )


def _request(station: "VirtualStation", voice: "VoiceSecond", request: v21.RequestBatterySwapRequest) -> Payload:
    if voice.swap.begin(station, request.id_token.id_token, request.request_id):
        return v21.RequestBatterySwapResponse(status="Accepted")
    return v21.RequestBatterySwapResponse(status="Rejected", status_info=v21.StatusInfoType(reason_code="NoBatteryAvailable"))


ANSWERS: Answers = {v21.RequestBatterySwapRequest: _request}

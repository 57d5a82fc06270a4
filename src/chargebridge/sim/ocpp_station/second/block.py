"""What a functional block is to the voice: a table of answers."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from chargebridge.wire.ocpp.payload import Payload

if TYPE_CHECKING:
    from chargebridge.sim.ocpp_station.second.voice import VoiceSecond
    from chargebridge.sim.ocpp_station.station import VirtualStation

Answers = dict[type[Payload], Callable[["VirtualStation", "VoiceSecond", Any], Payload]]
"""Request type of 2.1 -> who answers it."""

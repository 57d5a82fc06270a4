"""Messages that are told to the site as they are: how one is read as a `StationEvent`, and what the station hears back."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from chargebridge.stations.events import DeviceReport, StationEvent
from chargebridge.wire.ocpp.payload import Payload

if TYPE_CHECKING:
    from chargebridge.stations.ocpp.station import OcppStation


class Telling(Struct, frozen=True):
    """answer: once the event is stored; yes, no: instead of it where the sink says whether it takes on what the station asks for."""

    read: Callable[[Payload], StationEvent]
    answer: Payload
    yes: Payload | None = None
    no: Payload | None = None


async def tell(station: "OcppStation", telling: Telling, request: Payload) -> Payload:
    """The answer to a told message. Raises what the sink raises; nothing is then acknowledged."""
    event = telling.read(request)
    taken = await station.sink.told(station.identity, event)
    if isinstance(event, DeviceReport):
        station.abilities.learn(event)
    if taken is None:
        return telling.answer
    if isinstance(taken, str):
        return replace(telling.answer, status=taken)
    return (telling.yes if taken else telling.no) or telling.answer

"""What cars ask for and intend, as stations tell it (2.x part 2, K15 to K20): answered by the sink, with what only the Central System knows.

A needs message undoes what was learned before: a station that refused a TxProfile because it came before the car's needs (K15.FR.17) takes it now.
"""

from datetime import timedelta
from typing import TYPE_CHECKING, cast

from msgspec.structs import replace

from chargebridge.stations.commands import UsePriorityCharging
from chargebridge.stations.events import ChargingSchedule
from chargebridge.stations.ocpp.measurements import aware
from chargebridge.stations.ocpp.standing import read_profile
from chargebridge.stations.ocpp.telling import Telling, tell
from chargebridge.stations.ocpp.told21 import TOLD as TOLD_21
from chargebridge.stations.ocpp.told201 import TOLD
from chargebridge.stations.profiles import ChargingProfile, beyond, composite
from chargebridge.wire.ocpp import v21, v201
from chargebridge.wire.ocpp.payload import Payload

if TYPE_CHECKING:
    from chargebridge.stations.ocpp.station import OcppStation


async def needs(station: "OcppStation", request: Payload) -> Payload:
    """A car says what it needs: a profile of its own follows (K15.FR.07)."""
    station.negotiates(cast(v201.NotifyEVChargingNeedsRequest, request).evse_id)
    return await tell(station, TOLD["NotifyEVChargingNeeds"], request)


async def schedule(station: "OcppStation", request: Payload) -> Payload:
    """A car says how it will charge: within what we have set, or not (K15.FR.11, K15.FR.12)."""
    telling = TOLD["NotifyEVChargingSchedule"]
    event = cast(ChargingSchedule, telling.read(request))
    checked = replace(event, outside=outside(station, event))
    return await tell(station, Telling(lambda _: checked, telling.answer, telling.yes, telling.no), request)


def outside(station: "OcppStation", event: ChargingSchedule) -> tuple[str, ...]:
    """Where a car's schedule goes beyond ours, in words. Compared as long as our grant lasts: what comes after it we have not said yet."""
    transaction = next((name for name, at in reversed(list(station.running.items())) if at == event.evse), None)
    now, theirs = station.now(), _theirs(event)
    grants = [
        profile.starts_at + timedelta(seconds=profile.duration_s)
        for at, profile in station.standing
        if at == event.evse and profile.transaction in (None, transaction) and profile.starts_at and profile.duration_s
    ]
    left_s = max((int((end - now).total_seconds()) for end in grants), default=0)
    if left_s <= 0:
        return ()
    phases, unit = station.phases(event.evse), theirs.unit
    started = None if transaction is None else station.standing.begun(transaction)
    ours = composite(station.standing, event.evse, now, left_s, unit, phases=phases, transaction=transaction, started_at=started)
    its = composite([(event.evse, theirs)], event.evse, now, left_s, unit, phases=phases)
    return tuple(beyond(ours, its, unit))


def _theirs(event: ChargingSchedule) -> ChargingProfile:
    told = {
        "id": 0,
        "stackLevel": 0,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Absolute",
        "chargingSchedule": [event.schedule | {"startSchedule": aware(event.starts_at).isoformat()}],
    }
    return read_profile(told)


async def priority(station: "OcppStation", request: Payload) -> Payload:
    """A driver has switched priority charging on: the station no longer heeds our TxProfile (2.1 K22.FR.02). Where we hold it to a grant it is told
    to heed that again, and the sink gives the driver his priority within it."""
    told = cast(v21.NotifyPriorityChargingRequest, request)
    answer = await tell(station, TOLD_21["NotifyPriorityCharging"], request)
    evse = station.running.get(told.transaction_id)
    if told.activated and any(at == evse and profile.duration_s for at, profile in station.standing):
        station.ask_later(UsePriorityCharging(transaction=told.transaction_id, activate=False))
    return answer


TAKES = {"NotifyEVChargingNeeds": needs, "NotifyEVChargingSchedule": schedule, "NotifyPriorityCharging": priority}

"""What a charging profile of ours must not say though the schema allows it (2.x part 2 K01), judged by what stands in the station already."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec

from chargebridge.stations.events import Said
from chargebridge.stations.ocpp.abilities import MAX_EXTERNAL_ID, PHASE_SWITCHING, Abilities
from chargebridge.stations.ocpp.standing import read_profile
from chargebridge.stations.profiles import ChargingProfile

FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


def refusal(standing: Iterable[tuple[int, ChargingProfile]], abilities: Abilities, action: str, payload: Said) -> str | None:
    """Why a call with a profile in it is not sent; None: it may be. OCPP 1.6 has none of these rules."""
    evse, profile = payload.get("evseId"), payload.get("chargingProfile")
    if action not in ("SetChargingProfile", "RequestStartTransaction") or not isinstance(profile, dict):
        return None
    profile = msgspec.json.decode(msgspec.json.encode(profile))  # times as they go out
    return _phases(abilities, evse, profile) or _id(abilities, profile) or _double(standing, evse, read_profile(profile))


def _phases(abilities: Abilities, evse: Any, profile: Said) -> str | None:
    for schedule in profile["chargingSchedule"]:
        for period in schedule["chargingSchedulePeriod"]:
            if period.get("phaseToUse") is None:
                continue
            if period.get("numberPhases") != 1:
                return "phaseToUse goes with numberPhases 1 only (K01.FR.19)"
            if not abilities.flag(PHASE_SWITCHING, evse):
                return "phaseToUse is for an EVSE whose ACPhaseSwitchingSupported is true (K01.FR.20)"
    return None


def _id(abilities: Abilities, profile: Said) -> str | None:
    lowest = abilities.max_external_id
    if lowest is not None and profile["id"] <= lowest:
        return f"profile ids up to {lowest} are the station's own, by its {MAX_EXTERNAL_ID}; choose a higher one (K01.FR.80)"
    return None


def _double(standing: Iterable[tuple[int, ChargingProfile]], evse: Any, profile: ChargingProfile) -> str | None:
    """Another one of the same purpose and level at the same EVSE (K01.FR.06), or transaction (K01.FR.39)."""
    for at, other in standing:
        if other.id == profile.id or (other.purpose, other.stack_level) != (profile.purpose, profile.stack_level):
            continue
        if profile.purpose == "TxProfile":
            if profile.transaction is not None and other.transaction == profile.transaction:
                return f"profile {other.id} has stack level {other.stack_level} for this transaction (K01.FR.39); replace or clear it"
        elif at == evse and _overlap(profile, other):
            return (
                f"profile {other.id} has this purpose and stack level at EVSE {at} (K01.FR.06); replace or clear it, or give another level"
            )
    return None


def _overlap(one: ChargingProfile, other: ChargingProfile) -> bool:
    return (one.valid_from or FIRST) < (other.valid_to or LAST) and (other.valid_from or FIRST) < (one.valid_to or LAST)

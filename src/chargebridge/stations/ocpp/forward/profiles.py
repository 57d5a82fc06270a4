"""A back end's charging profiles as entries of the limit book: they bind us, and through us the station; the station never sees them.

What holds at a moment is reckoned as the station would (`stations.profiles.composite`): highest stack level, TxProfile before TxDefaultProfile, the
lowest of different purposes. 0 W is a limit. A back end cannot lift another's limit: the book's lowest counts.

Not taken, and answered with Rejected: what the book has no words for (a minimum rate is ignored; discharge, set points, external
constraints, priority charging), and a limit for a whole station that has several points of ours.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, cast

from chargebridge.model.limit import Limit, LimitedCurrent, LimitedPower, LimitSource, OnNode, Unlimited
from chargebridge.stations.ocpp.measurements import aware
from chargebridge.stations.profiles import ChargingProfile, Period, Purpose, Unit, composite
from chargebridge.wire.ocpp import v16, v201
from chargebridge.wire.ocpp.payload import Payload

HORIZON_S = 86_400
"""So far ahead a schedule is written into the book; it is written anew long before (`forwarder`)."""
PURPOSES: dict[str, Purpose] = {
    "ChargePointMaxProfile": "ChargingStationMaxProfile",
    "ChargingStationMaxProfile": "ChargingStationMaxProfile",
    "TxDefaultProfile": "TxDefaultProfile",
    "TxProfile": "TxProfile",
}


def read(request: Payload) -> tuple[int, ChargingProfile] | None:
    """(EVSE, profile) of a SetChargingProfile, its transaction as the back end names it; None: it says what the book cannot."""
    if isinstance(request, v16.SetChargingProfileRequest):
        return request.connector_id, _read_16(request.cs_charging_profiles)
    told: Any = request  # 2.1's type has the same fields and more
    profile = _read_2x(told.charging_profile)
    return None if profile is None else (told.evse_id, profile)


def _read_16(profile: v16.ChargingProfile) -> ChargingProfile:
    schedule = profile.charging_schedule
    return ChargingProfile(
        id=profile.charging_profile_id,
        **_common(profile, schedule),
        transaction=str(profile.transaction_id) if isinstance(profile.transaction_id, int) else None,
    )


def _read_2x(profile: v201.ChargingProfileType) -> ChargingProfile | None:
    schedule: Any = profile.charging_schedule[0]
    limits = [getattr(period, "limit", None) for period in schedule.charging_schedule_period]
    simple = all(isinstance(limit, int | float) and limit >= 0 for limit in limits)
    plain = all((getattr(p, "operation_mode", None) or "ChargingOnly") == "ChargingOnly" for p in schedule.charging_schedule_period)
    known = profile.charging_profile_purpose in PURPOSES and profile.charging_profile_kind in ("Absolute", "Recurring", "Relative")
    if not (simple and plain and known and len(profile.charging_schedule) == 1):
        return None
    return ChargingProfile(
        id=profile.id,
        **_common(profile, schedule),
        transaction=profile.transaction_id or None,
    )


def _common(profile: Any, schedule: Any) -> dict[str, Any]:
    """What a profile and its schedule say alike in every version."""
    return {
        "purpose": PURPOSES[profile.charging_profile_purpose],
        "stack_level": profile.stack_level,
        "unit": schedule.charging_rate_unit,
        "periods": tuple(
            Period(start_s=p.start_period, limit=p.limit, phases=p.number_phases or None) for p in schedule.charging_schedule_period
        ),
        "kind": profile.charging_profile_kind,
        "starts_at": _moment(schedule.start_schedule),
        "duration_s": schedule.duration if isinstance(schedule.duration, int) else None,
        "recurrency": profile.recurrency_kind or None,
        "valid_from": _moment(profile.valid_from),
        "valid_to": _moment(profile.valid_to),
    }


def _moment(at: object) -> datetime | None:
    return aware(at) if isinstance(at, datetime) else None


def to_clear(request: Payload, standing: Sequence[tuple[int, int, ChargingProfile]]) -> list[int]:
    """The ids of the profiles that a ClearChargingProfile names; (id, EVSE, profile) are those that stand."""
    told: Any = request
    if isinstance(request, v16.ClearChargingProfileRequest):
        number, evse, level, purpose = told.id, told.connector_id, told.stack_level, told.charging_profile_purpose
    else:
        number, criteria = told.charging_profile_id, told.charging_profile_criteria or v201.ClearChargingProfileType()
        evse, level, purpose = criteria.evse_id, criteria.stack_level, criteria.charging_profile_purpose
    if isinstance(number, int):
        return [found for found, _, _ in standing if found == number]
    return [
        found
        for found, at, profile in standing
        if (not isinstance(evse, int) or at == evse)
        and (not isinstance(level, int) or profile.stack_level == level)
        and (not purpose or profile.purpose == PURPOSES.get(cast(str, purpose)))
    ]


def limits(
    backend: str,
    node: str,
    evse: int,
    standing: Sequence[tuple[int, ChargingProfile]],
    now: datetime,
    *,
    phases: int,
    transaction: str | None,
    started_at: datetime | None,
) -> list[Limit]:
    """What the profiles mean for a point, as entries of one id, by their beginnings; none when nothing limits it."""
    units = {profile.unit for _, profile in standing}
    unit: Unit = "A" if units == {"A"} else "W"
    steps = composite(standing, evse, now, HORIZON_S, unit, phases=phases, transaction=transaction, started_at=started_at)
    if all(step.limit is None for step in steps):
        return []
    return [
        Limit(
            id=limit_id(backend, node),
            source=LimitSource.BACK_END,
            scope=OnNode(node),
            bound=_bound(step.limit, unit),
            starts_at=now + timedelta(seconds=step.start_s),
            legal_basis=f"charging profile of {backend}",
            received_at=now,
        )
        for step in steps
    ]


def limit_id(backend: str, node: str) -> str:
    return f"{backend} at {node}"


def _bound(limit: float | None, unit: Unit) -> Unlimited | LimitedPower | LimitedCurrent:
    if limit is None:
        return Unlimited()
    return LimitedPower(limit) if unit == "W" else LimitedCurrent((limit, limit, limit))

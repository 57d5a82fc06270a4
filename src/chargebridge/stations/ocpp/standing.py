"""The charging profiles that stand in one station, as far as they came from us: what our own reckoning of its schedule starts from."""

from collections.abc import Iterator
from datetime import datetime
from typing import cast

import msgspec

from chargebridge.stations.events import Said
from chargebridge.stations.ocpp.measurements import aware
from chargebridge.stations.profiles import ChargingProfile, Period, Purpose
from chargebridge.wire.ocpp import Dialect
from chargebridge.wire.ocpp.payload import Payload

MAX_BEGUN = 256
OLD_PURPOSES = {"ChargePointMaxProfile": "ChargingStationMaxProfile"}


def read_profile(told: Said) -> ChargingProfile:
    """A charging profile as any version says it. Of several schedules to choose from, the first."""
    schedules = told["chargingSchedule"]
    schedule: Said = schedules[0] if isinstance(schedules, list) else schedules
    transaction = told.get("transactionId")
    purpose: str = told["chargingProfilePurpose"]
    return ChargingProfile(
        id=told["id"] if "id" in told else told["chargingProfileId"],
        purpose=cast(Purpose, OLD_PURPOSES.get(purpose, purpose)),
        stack_level=told["stackLevel"],
        unit=schedule["chargingRateUnit"],
        periods=tuple(
            Period(
                start_s=period["startPeriod"],
                limit=period.get("limit"),
                phases=period.get("numberPhases"),
                setpoint=period.get("setpoint"),
                discharge_limit=period.get("dischargeLimit"),
                mode=period.get("operationMode"),
            )
            for period in schedule["chargingSchedulePeriod"]
        ),
        kind=told["chargingProfileKind"],
        starts_at=_moment(schedule.get("startSchedule")),
        duration_s=schedule.get("duration"),
        recurrency=told.get("recurrencyKind"),
        valid_from=_moment(told.get("validFrom")),
        valid_to=_moment(told.get("validTo")),
        transaction=None if transaction is None else str(transaction),
        minimum_rate=schedule.get("minChargingRate"),
        update_every_s=told.get("dynUpdateInterval"),
    )


def _moment(text: str | None) -> datetime | None:
    return None if text is None else aware(datetime.fromisoformat(text))


class Standing:
    """By profile id, which is unique in a station: (EVSE, profile)."""

    def __init__(self) -> None:
        self._profiles: dict[int, tuple[int, ChargingProfile]] = {}
        self._begun: dict[str, datetime] = {}

    def __iter__(self) -> Iterator[tuple[int, ChargingProfile]]:
        return iter(list(self._profiles.values()))

    def note(self, dialect: Dialect, request: Payload, response: Payload) -> None:
        """Take in what a station has just agreed to."""
        action = dialect.action(request)
        if action not in ("SetChargingProfile", "ClearChargingProfile", "UpdateDynamicSchedule"):
            return
        if getattr(response, "status", None) != "Accepted":
            return
        said: Said = msgspec.json.decode(dialect.encode(request))
        if action == "SetChargingProfile":
            profile: Said = said["csChargingProfiles"] if "csChargingProfiles" in said else said["chargingProfile"]
            self._set(said["connectorId"] if "connectorId" in said else said["evseId"], read_profile(profile))
        elif action == "ClearChargingProfile":
            self._clear(said)
        else:
            self._move(said["chargingProfileId"], said["scheduleUpdate"])

    def begin(self, transaction: str, at: datetime) -> None:
        """Relative schedules count from here."""
        self._begun[transaction] = at
        while len(self._begun) > MAX_BEGUN:
            del self._begun[next(iter(self._begun))]

    def begun(self, transaction: str) -> datetime | None:
        return self._begun.get(transaction)

    def ended(self, transaction: str) -> None:
        """A TxProfile lives as long as its transaction (1.6 3.13.1, 2.x K01.FR.33)."""
        self._begun.pop(transaction, None)
        for number, (_, profile) in list(self._profiles.items()):
            if profile.transaction == transaction:
                del self._profiles[number]

    def _set(self, evse: int, profile: ChargingProfile) -> None:
        """One of the same purpose and level at the same EVSE makes room (1.6 3.13.2; 2.x K01.FR.06 demands that there is none)."""
        for number, (at, other) in list(self._profiles.items()):
            if (at, other.purpose, other.stack_level, other.transaction) == (
                evse,
                profile.purpose,
                profile.stack_level,
                profile.transaction,
            ):
                del self._profiles[number]
        self._profiles[profile.id] = (evse, profile)

    def _clear(self, said: Said) -> None:
        criteria = said | said.get("chargingProfileCriteria", {})
        number, evse = criteria.get("id", criteria.get("chargingProfileId")), criteria.get("evseId", criteria.get("connectorId"))
        purpose, level = criteria.get("chargingProfilePurpose"), criteria.get("stackLevel")
        for key, (at, profile) in list(self._profiles.items()):
            if (
                number in (None, key)
                and evse in (None, at)
                and (purpose is None or OLD_PURPOSES.get(purpose, purpose) == profile.purpose)
                and level in (None, profile.stack_level)
            ):
                del self._profiles[key]

    def _move(self, number: int, values: Said) -> None:
        known = self._profiles.get(number)
        if known is None:
            return
        evse, profile = known
        period = profile.periods[0]
        moved = Period(
            limit=values.get("limit", period.limit),
            setpoint=values.get("setpoint", period.setpoint),
            discharge_limit=values.get("dischargeLimit", period.discharge_limit),
            phases=period.phases,
            mode=period.mode,
        )
        self._profiles[number] = (evse, msgspec.structs.replace(profile, periods=(moved,)))

"""Commands about power: charging profiles, set points, the grid's curves and signals."""

from datetime import datetime

from chargebridge.stations.commands.command import Command
from chargebridge.stations.events import Said
from chargebridge.stations.profiles import ChargingProfile, Unit

# Smart charging


class SetProfile(Command, frozen=True, kw_only=True):
    evse: int
    profile: ChargingProfile


class GetProfiles(Command, frozen=True, kw_only=True):
    """Either ids, or any of the rest. sources: CSO, EMS, SO, Other."""

    request: int
    evse: int | None = None
    ids: tuple[int, ...] = ()
    purpose: str | None = None
    stack_level: int | None = None
    sources: tuple[str, ...] = ()


class ClearProfiles(Command, frozen=True, kw_only=True):
    id: int | None = None
    evse: int | None = None
    purpose: str | None = None
    stack_level: int | None = None


class GetCompositeSchedule(Command, frozen=True, kw_only=True):
    evse: int
    duration_s: int
    unit: Unit | None = None


class UsePriorityCharging(Command, frozen=True, kw_only=True):
    transaction: str
    activate: bool


class AllowEnergyTransfer(Command, frozen=True, kw_only=True):
    """modes: AC_single_phase, ..., AC_BPT, DC_BPT, AC_DER. Of a running transaction."""

    transaction: str
    modes: tuple[str, ...]


class Setpoint(Command, frozen=True, kw_only=True):
    """Have a car draw, or give, just that much: a dynamic TxProfile with operation mode CentralSetpoint, which `UpdateSetpoint` then moves.

    power_w: negative to discharge. Versions before 2.1 take it as the most to draw, and cannot discharge.
    """

    evse: int
    transaction: str
    power_w: float
    profile: int
    stack_level: int = 2
    update_every_s: int | None = None


class UpdateSetpoint(Command, frozen=True, kw_only=True):
    """New values for a dynamic profile. discharge_limit_w: 0 or less."""

    profile: int
    power_w: float | None = None
    limit_w: float | None = None
    discharge_limit_w: float | None = None


# Grid


class SetDerControl(Command, frozen=True, kw_only=True):
    """control: the type, such as FreqDroop; settings: that type's part of SetDERControl ({"freqDroop": {...}})."""

    id: str
    control: str
    settings: Said
    default: bool = False


class GetDerControl(Command, frozen=True, kw_only=True):
    request: int
    control: str | None = None
    id: str | None = None
    default: bool | None = None


class ClearDerControl(Command, frozen=True, kw_only=True):
    default: bool = False
    control: str | None = None
    id: str | None = None


class AfrrSignal(Command, frozen=True, kw_only=True):
    """signal: of the transmission system operator, for a profile with operation mode LocalFrequency or CentralFrequency (2.1 Q07)."""

    at: datetime
    signal: int

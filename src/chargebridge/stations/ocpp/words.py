"""How a version of OCPP words a command: a table of command -> (action, payload). The payload is checked against the version's schema later."""

from collections.abc import Callable, Mapping
from typing import Any

from chargebridge.stations.commands import Command, Setpoint, SetProfile, UpdateSetpoint
from chargebridge.stations.events import Said

Worded = tuple[str, Said]
Words = Mapping[type[Command], Callable[[Any], Worded]]


class NoWordError(ValueError):
    """The version cannot say this; the text says why."""


def word(words: Words, version: str, command: Command) -> Worded:
    """The action and payload of a command. Raises NoWordError."""
    say = words.get(type(command))
    if say is None:
        raise NoWordError(LACKING.get(type(command), f"{version} has no message for {type(command).__name__}"))
    return say(command)


def some(**fields: Any) -> Said:
    """A JSON object of what is given: neither None nor empty."""
    return {name: value for name, value in fields.items() if value is not None and value not in ((), {}, [])}


LACKING: dict[type[Command], str] = {
    UpdateSetpoint: "profiles of this version are not dynamic; set a new one in place of it",
}


def upper_limit(command: Setpoint) -> float:
    """A set point for a version that only knows limits. Raises NoWordError when it asks to discharge."""
    if command.power_w < 0:
        raise NoWordError("this version cannot make a car discharge")
    return command.power_w


def ours(purpose: str | None) -> None:
    """Raises NoWordError for a purpose that is not for a CSMS to set or clear (2.x K01.FR.22, K10.FR.06)."""
    if purpose == "ChargingStationExternalConstraints":
        raise NoWordError("the limits of others are not for us to set or clear")


def common_profile(command: SetProfile) -> None:
    """Raises NoWordError for what only 2.1 can say in a profile."""
    profile = command.profile
    ours(profile.purpose)
    if profile.kind == "Dynamic" or profile.purpose in ("PriorityCharging", "LocalGeneration"):
        raise NoWordError("dynamic profiles, priority charging and local generation need OCPP 2.1")
    if any(p.limit is None or p.setpoint is not None or p.discharge_limit is not None or p.mode is not None for p in profile.periods):
        raise NoWordError("set points, discharging and operation modes need OCPP 2.1; give each period a limit")

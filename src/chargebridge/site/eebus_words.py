"""What the grid asks for, in sentences. Figures are exact: it is a limit by law that they tell."""

from datetime import datetime
from zoneinfo import ZoneInfo

from chargebridge.wire.eebus.usecases.limitation import State

MINUS = "\u2212"


def standing(
    state: State,
    *,
    limit_w: float | None,
    until: datetime | None,
    heartbeat_at: datetime | None,
    since: datetime,
    now: datetime,
    zone: ZoneInfo,
    production: bool = False,
) -> str:
    """Where a Controllable System stands. limit_w: what must be kept now. heartbeat_at: the Energy Guard's last. since: when the state began."""
    kept = "" if limit_w is None else f"{'feed-in ' if production else ''}limited to {power(limit_w)}"
    match state:
        case State.LIMITED:
            return f"{kept} until {clock(until, now, zone)}" if until else f"{kept} until further notice"
        case State.CONTROLLED:
            return "unlimited, control box present"
        case State.FAILSAFE if heartbeat_at is not None and heartbeat_at > since:
            return f"failsafe, {kept}: the control box is back, but has set no limit yet"
        case State.FAILSAFE:
            silent = f"silent for {span((now - heartbeat_at).total_seconds())}" if heartbeat_at else "silent"
            return f"failsafe, {kept}: control box {silent}"
        case State.INIT:
            waits = "the control box has set no limit yet" if heartbeat_at else "waiting for a control box"
            return f"just started, {kept}: {waits}"
        case State.AUTONOMOUS:
            return "unlimited: no control box for a long time"


def written(what: str, active: bool | None, value_w: float | None, duration_s: float | None) -> str:
    """A write of an Energy Guard: "limit 4.2 kW for 1 h", "no limit", "failsafe duration 2 h"; with the sign that it wrote."""
    lasts = "" if duration_s is None else f" {span(duration_s)}" if what == "failsafe duration" else f" for {span(duration_s)}"
    if what == "limit" and active is False:
        return "no limit"
    sign = MINUS if value_w is not None and value_w < 0 else ""
    value = "" if value_w is None else f" {sign}{power(value_w)}"
    return f"{what}{value}{lasts}"


def power(value_w: float) -> str:
    """4.2 kW, 4.235 kW, 0 W; without the sign, which only says the direction."""
    size = abs(value_w)
    return f"{size / 1000:.6g} kW" if size >= 1000 else f"{size:.6g} W"


def span(seconds: float) -> str:
    """45 s, 3 min, 1 h 30 min, 2 h."""
    whole = max(0, round(seconds))
    if whole < 60 or (whole < 120 and whole % 60):
        return f"{whole} s"
    hours, minutes = divmod(round(whole / 60), 60)
    return " ".join(part for part in (f"{hours} h" if hours else "", f"{minutes} min" if minutes or not hours else "") if part)


def clock(at: datetime, now: datetime, zone: ZoneInfo) -> str:
    """14:05; with seconds where it is near; with the day where it is another."""
    local = at.astimezone(zone)
    near = abs((at - now).total_seconds()) < 120
    day = "" if local.date() == now.astimezone(zone).date() else f"{local:%a} "
    return f"{day}{local:%H:%M:%S}" if near else f"{day}{local:%H:%M}"

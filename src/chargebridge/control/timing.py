"""How long things take and how long we wait: every constant of time that the control loop uses, with where it comes from."""

from datetime import datetime

CAR_REACTS_S = 5.0
"""A car follows a lower pilot current within this time, IEC 61851-1 annex A (response to a changed duty cycle)."""
SETTLE_S = CAR_REACTS_S + 3.0
"""After a station accepted a lower offer its car counts as having followed: the car's time and as much again as a station takes to set the pilot."""
VALID_S = 60.0
"""How long an offer stands without renewal: a dead controller leaves every station on its fallback after a minute."""
RENEW_BELOW_S = VALID_S / 2
"""A standing offer is renewed when less than this remains, so one lost renewal is made good before it expires."""
EXPIRY_LEAD_S = SETTLE_S + 2.0
"""An offer that is this near its end unrenewed is reckoned with as its fallback too, so that others have made room when the station takes it."""
RETRY_S = 10.0
"""A refused or unanswered offer is repeated no sooner than this."""
DOUBT_S = 5.0
"""While an answer is this late, others make room as if the station had refused: stations answer within a second or two."""
ANSWER_S = 30.0
"""A call without an answer for this long counts as timed out, whatever the adapter says (the default call timeout of OCPP stacks)."""
RAISE_INTERVAL_S = 10.0
"""After any change of a point's offer the next raise waits this long: the car's reaction and one round of readings of both meters."""
BASE_HELD_S = 15.0
"""A lower base is believed for raises when it has held this long, up to twice as long: a car that stops is seen by the circuit's meter at once but by
its station's next sample only, and looks until then as if the house took less. Samples older than this do not count towards raises, so stations
should send theirs more often."""
RAISE_ANYWAY_S = 60.0
"""A raise smaller than the deadband goes out when the offer has stood this long."""
TURN_S = 15 * 60.0
"""A car that was given its turn keeps it at least this long while others wait: four changes an hour do a contactor no harm."""
PAUSE_S = 60.0
"""A charging that limits stopped starts again no sooner than this, so that a flickering limit does not make a contactor chatter."""
SWITCH_S = 5 * 60.0
"""Between a change of the number of phases and the next change to more phases."""
UNDERUSE_S = 30.0
"""A car that draws clearly less than offered for this long is offered less: longer than the start ramp of cars."""
ESS_INTERVAL_S = 60.0
"""The delta t of TF-EVC 3.2.6.4: a battery's reserve must last this long at the power asked of it. Far longer than the control interval."""
BATTERY_MAX_AGE_S = 60.0
"""A battery that was not heard from for this long is reckoned with as charging at full power and giving nothing."""
LOAD_MAX_AGE_S = 120.0
"""A controllable load whose heartbeat stays away for this long is silent (LPC-911), and so are we to it."""
LOAD_FAILSAFE_S = LOAD_MAX_AGE_S + 60.0
"""So long after its connection ended it has gone to its failsafe limit: its own wait for our heartbeat, and the time to follow."""
LOAD_METER_MAX_AGE_S = 60.0
"""What a load's own meter said counts for this long."""
LOAD_REACTS_S = 5.0
"""What a load says of its draw this long after it took a limit is what it draws under it: it tells changes within some seconds (MPC)."""
LOAD_SETTLE_S = 60.0
"""A load that tells nothing of its draw counts as having followed after this: a compressor needs a while to ramp down."""
LOAD_RAISE_S = 60.0
"""Between any change of a load's limit and a raise: cars that come and go must not make a compressor hunt."""
QUIET_S = 10.0
"""A base that rose is believed by the limits of loads when it has stayed up this long: meter and load do not tell a start at the same moment."""
CLOCK_SLACK_S = 5.0
"""Something received up to this far in the future is a small step of the clock; further ahead its age is unknown and it counts as lost."""
PEAK_TAIL_S = 60.0
"""The last minute of a peak window is reckoned with as a whole minute, else the power allowed would grow without bound towards its end."""


def age_s(since: datetime | None, now: datetime) -> float:
    """Seconds since then; infinite when never, or when then is impossibly far in the future."""
    if since is None:
        return float("inf")
    age = (now - since).total_seconds()
    return age if age >= -CLOCK_SLACK_S else float("inf")

"""Limits that somebody else has set in a station, past us (OCPP 2.x part 2, K11 to K14, K29, Q06): from what the station tells to the limit book.

The station obeys them by itself. In the book they keep the split from giving a point what its station will not let through, and everybody sees
why. An entry has the id ``station WB-1/0 EMS 0``: the station, the EVSE (0: all of it), the source by OCPP's name, and a number.

    NotifyChargingLimit with schedules      takes the place of what that source said before of that EVSE
    NotifyChargingLimit without schedules   says that there is one, not which: the station is asked for its profiles
    ClearedChargingLimit                    withdraws what that source said, of one EVSE or of all
    ReportChargingProfiles                  after a (re)connection, as we asked for them: what is not reported is gone

A station that is away keeps its limits; a limit that nobody has withdrawn holds. Local generation (K27) adds to what may be drawn behind the
station; it limits nothing, so it is kept in the journal only.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Connection

from chargebridge.model.circuit import ChargingPoint
from chargebridge.model.limit import Direction, Limit, LimitedCurrent, LimitedPower, LimitSource, OnGroup, OnNode, Scope, Unlimited
from chargebridge.site import journal
from chargebridge.site.config import station_group
from chargebridge.site.live import Live
from chargebridge.stations.events import ChargingLimitCleared, ChargingLimitSet, ProfilesReported, Said, StationEvent
from chargebridge.stations.ocpp.standing import read_profile
from chargebridge.stations.profiles import ChargingProfile, Period, composite

HORIZON_S = 8 * 86_400
"""So far ahead a schedule is written into the book: past a week's recurrence, and long before its end the station is asked again."""
PERIODS_MANY = 100
"""A schedule of more periods is written a day ahead only."""
STEPS_MAX = 500
LIMIT_MAX = 1e9
PURPOSE = "ChargingStationExternalConstraints"
SYSTEM_OPERATOR = "SO"
REPORTS_MAX = 1000
"""Profiles of one report, at most: a station has a few."""


class Change(msgspec.Struct, frozen=True):
    """What an event changes in the book. ask: the station has to be asked for its profiles."""

    enter: tuple[Limit, ...] = ()
    gone: tuple[str, ...] = ()
    ask: bool = False

    def keep(self, c: Connection, by: str, now: datetime) -> None:
        for name in self.gone:
            journal.withdraw_limit(c, name, now)
        for limit in self.enter:
            journal.keep_limit(c, limit, by)
        for name in {*self.gone, *(limit.id for limit in self.enter)}:
            journal.forget_withdrawn(c, name)  # what was told is in the journal of events, which is bounded


NOTHING = Change()


class _Report(msgspec.Struct):
    """What a station was asked to report. doubtful: the ids in the book that are gone unless it names them, or has told them since."""

    request: int
    doubtful: set[str]
    found: list[tuple[int, str, Said]] = []


class ForeignLimits:
    """Reads the events of all stations. ``asked`` names the report in which a station tells of all its external profiles."""

    def __init__(self, live: Live, ask: Callable[[str], None]) -> None:
        """ask: a station is to be asked for its external profiles."""
        self._live = live
        self._ask = ask
        self._reports: dict[str, _Report] = {}

    def asked(self, station: str, request: int) -> None:
        self._reports[station] = _Report(request, set(self._names(station)))

    def none_there(self, station: str) -> Change:
        """It has said that it has none; what it told after that stays."""
        report = self._reports.pop(station, None)
        return Change(gone=tuple(name for name in self._names(station) if report is not None and name in report.doubtful))

    def read(self, station: str, event: StationEvent, now: datetime) -> Change:
        match event:
            case ChargingLimitSet(local_generation=False):
                profiles = [(event.evse, event.source, _as_profile(number, schedule)) for number, schedule in enumerate(event.schedules)]
                if not profiles:
                    return Change(ask=True)
                change = self._replace(station, profiles, list(self._names(station, event.source, event.evse)), now)
                if station in self._reports:
                    self._reports[station].doubtful -= {limit.id for limit in change.enter}
                return change
            case ChargingLimitCleared():
                return Change(gone=tuple(self._names(station, event.source, event.evse or None)))
            case ProfilesReported():
                return self._reported(station, event, now)
        return NOTHING

    def apply(self, station: str, change: Change) -> None:
        """Into the book, at once."""
        for name in change.gone:
            self._live.limits.withdraw(name)
        for limit in change.enter:
            self._live.limits.enter(limit)
        if change.ask:
            self._ask(station)

    def _reported(self, station: str, event: ProfilesReported, now: datetime) -> Change:
        """Only the report that we asked for tells of all of them, and only as a whole."""
        report = self._reports.get(station)
        if report is None or report.request != event.request:
            return NOTHING
        report.found += [(event.evse, event.source, told) for told in event.profiles if told.get("chargingProfilePurpose") == PURPOSE]
        if event.more and len(report.found) < REPORTS_MAX:
            return NOTHING
        del self._reports[station]
        before = [name for name in self._names(station) if name in report.doubtful]
        return self._replace(station, report.found, before, now)

    def _replace(self, station: str, told: Iterable[tuple[int, str, Said]], before: Sequence[str], now: datetime) -> Change:
        """told: (EVSE, source, profile). An id that stays is not withdrawn first, unless entries to come hang on it."""
        counts: dict[tuple[int, str], int] = {}
        entered: list[Limit] = []
        for evse, source, said in told:
            scope = self._scope(station, evse)
            if scope is None:
                continue
            number = counts[evse, source] = counts.get((evse, source), -1) + 1
            entered += _entries(f"{_prefix(station)}{evse} {source} {number}", station, scope, source, read_profile(said), now)
        fresh = {limit.id for limit in entered}
        gone = [name for name in before if name not in fresh] + sorted(name for name in fresh if len(self._live.limits.of(name)) > 1)
        return Change(enter=tuple(entered), gone=tuple(gone))

    def _scope(self, station: str, evse: int) -> Scope | None:
        points: list[ChargingPoint] = [at.point for at in self._live.of(station) if evse in (0, at.point.evse)]
        if len(points) > 1:
            return OnGroup(station_group(station))
        return OnNode(points[0].id) if points else None

    def _names(self, station: str, source: str | None = None, evse: int | None = None) -> Iterator[str]:
        """The ids in the book that are of a station, of one source, of one EVSE."""
        prefix = _prefix(station)
        for name in dict.fromkeys(limit.id for limit in self._live.limits if limit.id.startswith(prefix)):
            at, _, rest = name.removeprefix(prefix).partition(" ")
            if source in (None, rest.rpartition(" ")[0]) and evse in (None, int(at)):
                yield name


def _prefix(station: str) -> str:
    return f"station {station}/"


def _as_profile(number: int, schedule: Said) -> Said:
    """A bare schedule of NotifyChargingLimit. Without a beginning it holds from now on."""
    kind = "Absolute" if schedule.get("startSchedule") else "Relative"
    return {
        "id": number,
        "stackLevel": 0,
        "chargingProfilePurpose": PURPOSE,
        "chargingProfileKind": kind,
        "chargingSchedule": [schedule],
    }


def _entries(name: str, station: str, scope: Scope, source: str, profile: ChargingProfile, now: datetime) -> Iterator[Limit]:
    """What a profile means from now on. What may flow out of a car is a limit of its own, on production."""
    outward = tuple(Period(start_s=p.start_s, limit=-p.discharge_limit) for p in profile.periods if p.discharge_limit is not None)
    horizon_s = HORIZON_S if len(profile.periods) <= PERIODS_MANY else HORIZON_S // 8
    ways = [(name, Direction.CONSUMPTION, profile)]
    if outward:
        ways.append((f"{name}-out", Direction.PRODUCTION, msgspec.structs.replace(profile, periods=outward)))
    for id_, direction, way in ways:
        steps = composite([(0, way)], 0, now, horizon_s, way.unit, started_at=now)[:STEPS_MAX]
        if all(step.limit is None for step in steps):
            continue
        for step in steps:
            yield Limit(
                id=id_,
                source=LimitSource.GRID_OPERATOR if source == SYSTEM_OPERATOR else LimitSource.EXTERNAL,
                scope=scope,
                bound=_bound(step.limit, way.unit),
                starts_at=now + timedelta(seconds=step.start_s),
                legal_basis=f"told by {station}: {source} limits it (OCPP 2.x K12)",
                received_at=now,
                direction=direction,
                note=f"source {source}",
            )


def _bound(limit: float | None, unit: str) -> Unlimited | LimitedPower | LimitedCurrent:
    """A set point that discharges leaves nothing to be drawn."""
    if limit is None:
        return Unlimited()
    most = min(max(limit, 0.0), LIMIT_MAX)
    return LimitedPower(most) if unit == "W" else LimitedCurrent((most, most, most))

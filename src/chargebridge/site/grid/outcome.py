"""What came of an instruction that was accepted: when each device within the limit had confirmed, and when what is measured was within it."""

import asyncio
from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from chargebridge.model.decision import Decision, Move
from chargebridge.model.limit import Direction, Limit, LimitedPower, OnGroup, Unknown
from chargebridge.model.state import OfferOutcome
from chargebridge.site.grid.view import InstructionRow
from chargebridge.site.live import Live, LivePoint

WATCHED_S = 60.0
WITHIN_W = 100.0
"""What is measured above the limit by less is the meter's and the cars' own inexactness."""


class Outcome:
    """row: the record so far. limit: what was asked for."""

    def __init__(
        self, row: InstructionRow, limit: Limit, points: Sequence[LivePoint], loads: Sequence[str], live: Live, began: float
    ) -> None:
        """points, loads: those within the limit. began: the event loop's time at which the instruction came."""
        self.row = row
        self.limit, self._points, self._loads, self._live = limit, points, loads, live
        self._began = began

    def look(self, made: Decision) -> bool:
        """Take in a decision made with the limit in the book. Returns whether there is nothing more to watch."""
        passed_s = asyncio.get_running_loop().time() - self._began
        untold = dict(self._untold(made))
        if self.row.told_ms is None and not any(untold.values()):
            self.row = replace(self.row, told_ms=round(passed_s * 1000, 1))
        if self.row.kept_ms is None and self._kept(made):
            self.row = replace(self.row, kept_ms=round(passed_s * 1000, 1))
        over = passed_s > WATCHED_S or (self.row.told_ms is not None and self.row.kept_ms is not None)
        if over:
            self.row = replace(self.row, unreached=tuple(untold))
        return over

    def _untold(self, made: Decision) -> Iterator[tuple[str, bool]]:
        """Who has not confirmed yet, and whether it can be reached."""
        moves = {point.point: point.move for point in made.points}
        for point in self._points:
            if not _told(point, moves.get(point.point.id, Move.HOLD)):
                yield point.point.id, point.online
        wanted = {load.load: load.limit_w for load in made.loads}
        for load in (self._live.loads[name] for name in self._loads):
            last = load.limits[-1] if load.limits else None
            as_wanted = (None if last is None else last.limit_w) == wanted.get(load.load)
            if not load.online or not as_wanted or (last is not None and last.outcome is not OfferOutcome.ACCEPTED):
                yield load.load, load.online

    def _kept(self, made: Decision) -> bool:
        bound, scope = self.limit.bound, self.limit.scope
        most_w = bound.power_w if isinstance(bound, LimitedPower) else bound.failsafe_w if isinstance(bound, Unknown) else None
        name = scope.group if isinstance(scope, OnGroup) else scope.node
        load_w = next((node.load_w for node in made.nodes if node.node == name), None)
        if load_w is None:
            load_w = next((p.power_w for p in self._points if p.point.id == name), None)
        if load_w is None and name in self._loads:
            load_w = self._live.loads[name].power_w
        if load_w is None or most_w is None:
            return False
        return (-load_w if self.limit.direction is Direction.PRODUCTION else load_w) <= most_w + WITHIN_W


def _told(point: LivePoint, move: Move) -> bool:
    """Nothing less is to be sent to it, and it has confirmed what was sent last."""
    if not point.online or move is Move.DECREASE:
        return False
    return not point.offers or point.offers[-1].outcome is OfferOutcome.ACCEPTED

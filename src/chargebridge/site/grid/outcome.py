"""What came of an instruction that was accepted: when every station within the limit had confirmed, and when what is measured was within it."""

import asyncio
from collections.abc import Sequence

from msgspec.structs import replace

from chargebridge.model.decision import Decision, Move
from chargebridge.model.limit import Direction, Limit, LimitedPower, OnGroup, Unknown
from chargebridge.model.state import OfferOutcome
from chargebridge.site.grid.view import InstructionRow
from chargebridge.site.live import LivePoint

WATCHED_S = 60.0
WITHIN_W = 100.0
"""What is measured above the limit by less is the meter's and the cars' own inexactness."""


class Outcome:
    """row: the record so far. points: those within the limit."""

    def __init__(self, row: InstructionRow, limit: Limit, points: Sequence[LivePoint], began: float) -> None:
        """began: the event loop's time at which the instruction came."""
        self.row = row
        self._limit = limit
        self._points = points
        self._began = began

    def look(self, made: Decision) -> bool:
        """Take in a decision made with the limit in the book. Returns whether there is nothing more to watch."""
        moves = {point.point: point.move for point in made.points}
        passed_s = asyncio.get_running_loop().time() - self._began
        untold = [p for p in self._points if not _told(p, moves.get(p.point.id, Move.HOLD))]
        reachable = [p for p in untold if p.online]
        if self.row.told_ms is None and not reachable:
            self.row = replace(self.row, told_ms=round(passed_s * 1000, 1))
        if self.row.kept_ms is None and self._kept(made):
            self.row = replace(self.row, kept_ms=round(passed_s * 1000, 1))
        over = passed_s > WATCHED_S or (self.row.told_ms is not None and self.row.kept_ms is not None)
        if over:
            self.row = replace(self.row, unreached=tuple(p.point.id for p in untold))
        return over

    def _kept(self, made: Decision) -> bool:
        bound, scope = self._limit.bound, self._limit.scope
        most_w = bound.power_w if isinstance(bound, LimitedPower) else bound.failsafe_w if isinstance(bound, Unknown) else None
        name = scope.group if isinstance(scope, OnGroup) else scope.node
        load_w = next((node.load_w for node in made.nodes if node.node == name), None)
        if load_w is None:
            load_w = next((p.power_w for p in self._points if p.point.id == name), None)
        if load_w is None or most_w is None:
            return False
        return (-load_w if self._limit.direction is Direction.PRODUCTION else load_w) <= most_w + WITHIN_W


def _told(point: LivePoint, move: Move) -> bool:
    """Nothing less is to be sent to it, and it has confirmed what was sent last."""
    if not point.online or move is Move.DECREASE:
        return False
    return not point.offers or point.offers[-1].outcome is OfferOutcome.ACCEPTED

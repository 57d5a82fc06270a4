"""Why peers are not connected, and what a person can do about each."""

from collections.abc import Callable, Iterator
from datetime import datetime

from chargebridge.links.eebus.peer import Trouble
from chargebridge.wire.eebus.ship import Cause, Closed

MAX_STRANGERS = 64
"""Peers that are not trusted of which is remembered that they have asked."""

_CURES = {
    Cause.DENIED: "confirm our SKI {ski} on the other device; it is dialled again meanwhile",
    Cause.REFUSED: "if it is yours, pair it by its SKI, or open the pairing window and confirm it",
    Cause.PEER_END: "none is needed if it was restarted or updated; it is dialled again",
    Cause.LOST: "look whether it is switched on and in the network; it is dialled again",
}
_REMOVED = "removedConnection"
_PAIR_AGAIN = "it was unpaired there: confirm our SKI {ski} on the other device again, or unpair it here too"


class Troubles:
    """The last one of each peer, until it is connected. own_ski: for what to do on the other device."""

    def __init__(self, own_ski: str, now: Callable[[], datetime], is_trusted: Callable[[str], bool]) -> None:
        self._own_ski = own_ski
        self._now = now
        self._is_trusted = is_trusted
        self._last: dict[str, Trouble] = {}
        self._causes: dict[str, Cause] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(self._last)

    def of(self, ski: str) -> Trouble | None:
        return self._last.get(ski)

    def cause(self, ski: str) -> Cause | None:
        """Why its last connection ended."""
        return self._causes.get(ski)

    def closed(self, ski: str, closed: Closed) -> None:
        """A connection has ended; not by us."""
        reason, _, cure = closed.reason.rpartition("; ") if closed.cause is Cause.PROTOCOL else closed.reason.partition(": ")
        if not reason:
            reason, _, cure = cure.partition(": ")
        if closed.cause in _CURES:
            reason = closed.reason if closed.cause is Cause.PEER_END else reason
            cure = (_PAIR_AGAIN if _REMOVED in closed.reason else _CURES[closed.cause]).format(ski=self._own_ski)
        self.note(ski, reason, cure)
        self._causes[ski] = closed.cause

    def note(self, ski: str, reason: str, cure: str) -> None:
        self._last.pop(ski, None)
        self._last[ski] = Trouble(self._now(), reason, cure)
        strangers = [one for one in self._last if not self._is_trusted(one)]
        for one in strangers[:-MAX_STRANGERS]:
            self.forget(one)

    def forget(self, ski: str) -> None:
        self._last.pop(ski, None)
        self._causes.pop(ski, None)

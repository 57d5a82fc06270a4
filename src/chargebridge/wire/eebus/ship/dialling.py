"""Who dials, when, and which of two connections to the same node stays (SHIP 1.0.1 clause 12.2.2, as the most widespread peer does it)."""

DELAYS_S = ((0.0, 3.0), (3.0, 10.0), (10.0, 20.0))
"""Both nodes may dial; each waits for a random time between these before its first, second and every later attempt, so that they seldom clash."""

REST_S = 1.0
"""The least wait after a connection has ended. The most widespread peer forgets, half a second after it has announced an end, what it knows of the
other by then: of a newer connection too, which then stays open and is dead."""


def dial_delay(attempt: int) -> tuple[float, float]:
    """The least and the longest wait before an attempt, in seconds. attempt: 0 for the first."""
    return DELAYS_S[min(attempt, len(DELAYS_S) - 1)]


def keeps_new(local_ski: str, remote_ski: str, *, incoming: bool) -> bool:
    """Whether a second connection to `remote_ski` replaces the first, which is then to be closed, or is itself to be closed.

    The connection that the node with the larger SKI dialled stays; SHIP's own text has the larger node keep the most recent one, but few do so.
    Both sides come to the same answer. SKIs: 40 hexadecimal digits in lower case. incoming: the peer dialled the second one.
    """
    return remote_ski > local_ski if incoming else local_ski > remote_ski

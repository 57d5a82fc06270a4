"""The invocation counters of enciphered telegrams: each meter's must grow, or somebody repeats what it once said."""

MAX_METERS = 64


class Counters:
    """The last accepted counter of each system title, for the ``MAX_METERS`` that spoke last.

    They outlive a connection, and so must be held by whoever opens it again. A meter that was exchanged has another system title; one whose
    counter began anew (new key, repair) is heard again when the process starts again, which is what the cure says.
    """

    def __init__(self) -> None:
        self._last: dict[bytes, int] = {}

    def grows(self, title: bytes, counter: int) -> bool:
        """Whether ``counter`` may follow what this meter sent before. Meters without system title (Poland) do not count: always."""
        return not title or counter > self._last.get(title, -1)

    def accept(self, title: bytes, counter: int) -> None:
        """``counter`` stood in a telegram that made sense."""
        self._last.pop(title, None)
        self._last[title] = counter
        if len(self._last) > MAX_METERS:
            del self._last[next(iter(self._last))]

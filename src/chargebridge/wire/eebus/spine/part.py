"""What a node tells the use cases that run on it."""

from chargebridge.wire.eebus.spine.errors import ErrorNumber
from chargebridge.wire.eebus.spine.local import FeatureId, Now


class Part:
    """A use case, as the node calls it; what it does not need it leaves out."""

    def known(self, peer: str, now: Now) -> None:
        """The peer's device and use cases are known, or have changed."""

    def changed(self, peer: str, feature: FeatureId, function: str, now: Now) -> None:
        """Data of the peer came."""

    def subscribed(self, peer: str, server: FeatureId, now: Now) -> None:
        """The peer subscribed to a feature of ours."""

    def answered(self, peer: str, counter: int, number: ErrorNumber, now: Now) -> None:
        """A write or a call of ours was answered, or was not (TIMEOUT)."""

    def gone(self, peer: str, now: Now) -> None:
        """The connection is down."""

    def due_s(self) -> float | None:
        """When ``tick`` has something to do, in seconds of ``Now.s``."""
        return None

    def tick(self, now: Now) -> None:
        """The time is ``now``; called after every other call too, so that what changed is published once, after the answer."""

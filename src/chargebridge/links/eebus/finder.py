"""How peers are found, as the hub sees it."""

from collections.abc import Callable
from typing import Protocol

from chargebridge.links.eebus.peer import Announced


class Finder(Protocol):
    """It never stops the hub: what goes wrong is logged and tried again."""

    @property
    def announced(self) -> tuple[Announced, ...]:
        """What every peer on the network said of itself last, by SKI; one that has vanished stays with its last known addresses."""
        ...

    def on_change(self, call: Callable[[], None]) -> None:
        """`call` when `announced` is another one; it must be quick and not raise."""
        ...

    async def run(self, port: int) -> None:
        """Announce a node that listens at `port`, and find others, until cancelled; then withdraw what was announced."""
        ...

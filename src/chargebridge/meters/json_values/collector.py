"""Puts the quantities of one meter together, in how many messages they may come."""

from datetime import datetime, timedelta

from chargebridge.meters.address import Address
from chargebridge.meters.map_file import load
from chargebridge.meters.port import MeterError
from chargebridge.wire.json_values import MessageError, ValueMap, check, read
from chargebridge.wire.meter import Protocol, Register, Telegram
from chargebridge.wire.meter.direction import reversed_direction

PACKAGE = "chargebridge.meters.json_values"
SETTINGS = frozenset({"map", "turned"})


class Collector:
    """``take`` each message, then ask for the ``telegram``. A quantity is carried on beside newer ones for ``keep`` s, then it is absent."""

    def __init__(self, name: str, chosen: ValueMap, *, turned: bool = False) -> None:
        self.map = chosen
        self._name = name
        self._turned = turned
        self._held: dict[str, tuple[Register, datetime]] = {}

    def take(self, part: str, message: bytes, now: datetime) -> None:
        """Raises ``MessageError`` for a message that cannot be read. What a message leaves out is no longer known."""
        for entry in self.map.values:
            if entry.part == part:
                self._held.pop(entry.code, None)
        for code, register in read(self.map, part, message).items():
            self._held[code] = (register, now)

    def telegram(self, now: datetime) -> Telegram | None:
        """All that is known and new enough; None where that is nothing, or a needed quantity is not among it."""
        for entry in self.map.values:
            _, at = self._held.get(entry.code, (None, now))
            if now - at > timedelta(seconds=entry.keep or self.map.keep):
                del self._held[entry.code]
        if not self._held or any(entry.needed and entry.code not in self._held for entry in self.map.values):
            return None
        registers = {code: register for code, (register, _) in self._held.items()}
        return Telegram(
            protocol=Protocol.JSON,
            profile=self._name,
            device=self.map.title,
            meter_id=None,
            registers=reversed_direction(registers) if self._turned else registers,
        )


def collector(address: Address) -> Collector:
    """The collector of one connection, by ``?map=`` and ``?turned=1``. Raises ``MeterError``."""
    if "@" in address.text.partition("?")[0].partition("://")[2].partition("/")[0]:
        raise MeterError(
            address.text, "user and password do not belong before the host", "write ?user= and password_file= or password_env="
        )
    if "#" in address.text:
        raise MeterError(address.text, "# cannot be in an address", "name one topic exactly: the one at which this meter publishes")
    name, chosen = load(address, PACKAGE, ValueMap, check)
    return Collector(name, chosen, turned=bool(address.number("turned", 0)))


__all__ = ["SETTINGS", "Collector", "MessageError", "collector"]

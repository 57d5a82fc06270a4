"""Asks for the registers of a map and finds out which of them the meter has."""

from chargebridge.links.modbus import Function, LinkError, ModbusLink, RefusedError
from chargebridge.meters.modbus.source import Answer
from chargebridge.model.clock import Clock
from chargebridge.wire.meter import Register
from chargebridge.wire.modbus import RegisterMap, batches, split, values
from chargebridge.wire.sunspec import Span

_WRONG_MAP = "check that map= names this meter, and its unit id"


class MapAsker:
    """Implements ``Asker``. A request that the meter refuses is asked in smaller ones; a value that it refuses alone is not asked for again."""

    def __init__(self, where: str, chosen: RegisterMap, clock: Clock) -> None:
        self._where = where
        self._clock = clock
        self._map = chosen
        # What must be there for the rest to count is asked first: a meter that starts up in between would else pass its zeros off as values.
        self._batches = sorted(batches(chosen), key=lambda batch: not any(entry.needed for entry in batch.entries))
        self._function = Function.INPUT if chosen.function == "input" else Function.HOLDING
        self._waiting = False

    async def ask(self, link: ModbusLink) -> Answer:
        """See ``Asker``."""
        found: dict[str, Register] = {}
        problems: list[tuple[str, str]] = []
        todo, self._batches = self._batches, []
        while todo:
            batch = todo.pop(0)
            if self._map.pause:
                await self._clock.sleep(self._map.pause)
            try:
                registers = await link.read(Span(batch.at, batch.count), self._function, batch.words)
            except RefusedError as no:
                if not no.not_there:
                    self._batches += [batch, *todo]
                    raise LinkError(self._where, no.reason, no.cure) from None
                todo = [*split(self._map, batch), *todo]
                if len(batch.entries) == 1:
                    problems.append((f"{no.reason}: it has no {batch.entries[0].code}", _WRONG_MAP))
                continue
            self._batches.append(batch)
            found |= values(self._map, batch, registers)
        if not self._batches:
            raise LinkError(self._where, "the meter has none of the registers of this map", _WRONG_MAP)
        return Answer(self._counted(found, problems), self._map.title, None, tuple(problems))

    def _counted(self, found: dict[str, Register], problems: list[tuple[str, str]]) -> dict[str, Register]:
        """``found``, or nothing where a needed value is not there: the meter has just started and shows zeros."""
        lacking = [entry.code for entry in self._map.registers if entry.needed and entry.code not in found]
        if lacking or not found:
            if not self._waiting:
                told = f"does not tell {', '.join(lacking)} yet" if lacking else "tells no value"
                problems.append((f"the meter {told}, so nothing of it counts", "wait until it has started; if it stays so, check the map"))
            self._waiting = True
            return {}
        self._waiting = False
        return found

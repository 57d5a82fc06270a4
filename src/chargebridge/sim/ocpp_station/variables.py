"""A station's settings: configuration keys in OCPP 1.6, variables of components in 2.x.

A name is what the version writes: `HeartbeatInterval` in 1.6, `Component.Variable` or `Component.Variable[instance]` in 2.x, with `@1`
(`@1.1`) behind it when it belongs to an EVSE (a connector).
"""

from collections.abc import Iterable, Iterator
from typing import Literal

from msgspec import Struct

Kind = Literal["string", "integer", "decimal", "boolean", "dateTime", "OptionList", "SequenceList", "MemberList"]


class Variable(Struct):
    """One setting. allowed: the values of a list; low, high: of a number, or the lengths of a string.

    takes_reboot: a new value counts from the next boot on. secret: can be written and not read.
    """

    name: str
    value: str
    kind: Kind = "string"
    readonly: bool = False
    secret: bool = False
    takes_reboot: bool = False
    unit: str = ""
    low: float | None = None
    high: float | None = None
    allowed: tuple[str, ...] = ()

    def fits(self, value: str) -> bool:
        """Whether it could have this value."""
        match self.kind:
            case "integer" | "decimal":
                return self._is_number(value)
            case "boolean":
                return value.lower() in ("true", "false")
            case "OptionList":
                return value in self.allowed
            case "MemberList" | "SequenceList":
                return not self.allowed or all(_bare(part) in self.allowed for part in value.split(",") if part)
        return (self.low is None or len(value) >= self.low) and (self.high is None or len(value) <= self.high)

    def _is_number(self, value: str) -> bool:
        try:
            number = int(value) if self.kind == "integer" else float(value)
        except ValueError:
            return value == "" and self.low is None
        return (self.low is None or number >= self.low) and (self.high is None or number <= self.high)


def _bare(member: str) -> str:
    """A measurand without its phase: 1.6 allows `Current.Import.L1`."""
    stem, dot, last = member.strip().rpartition(".")
    return stem if dot and last in ("L1", "L2", "L3") else member.strip()


Outcome = Literal["Accepted", "Rejected", "RebootRequired", "Unknown"]


class Variables:
    """All settings of a station, in the order of its factory's list."""

    def __init__(self, factory: Iterable[Variable]) -> None:
        self._all = {variable.name: variable for variable in factory}

    def __iter__(self) -> Iterator[Variable]:
        return iter(self._all.values())

    def __contains__(self, name: str) -> bool:
        return name in self._all

    def __getitem__(self, name: str) -> str:
        return self._all[name].value

    def __setitem__(self, name: str, value: str) -> None:
        """As the station itself does it: nothing is asked."""
        self._all[name].value = value

    def find(self, name: str) -> Variable | None:
        return self._all.get(name)

    def add(self, variable: Variable) -> None:
        self._all[variable.name] = variable

    def write(self, name: str, value: str) -> Outcome:
        """As the Central System does it."""
        variable = self._all.get(name)
        if variable is None:
            return "Unknown"
        if variable.readonly or not variable.fits(value):
            return "Rejected"
        variable.value = value
        return "RebootRequired" if variable.takes_reboot else "Accepted"

    def number(self, name: str) -> float:
        return float(self[name] or 0)

    def flag(self, name: str) -> bool:
        return self[name].lower() == "true"

"""One text for a variable of the device model (2.x part 1, 4): `Component[instance]@evse/connector.Variable[instance]`.

What a variable does not have is left out: `OCPPCommCtrlr.HeartbeatInterval`, `EVSE@1.Power`, `Connector@1/2.AvailabilityState`,
`LocalAuthListCtrlr.Storage[Bytes]`. Characters of a vendor's names that mean something here are written as %2E and so on.
"""

import re
from urllib.parse import unquote

from msgspec import Struct

_TEXT = re.compile(
    r"(?P<component>[^\[\]@.]+)(?:\[(?P<instance>[^\[\]]*)\])?(?:@(?P<evse>\d+)(?:/(?P<connector>\d+))?)?"
    r"\.(?P<variable>[^\[\]@.]+)(?:\[(?P<variable_instance>[^\[\]]*)\])?"
)
_MEANINGFUL = str.maketrans({character: f"%{ord(character):02X}" for character in "%.@[]"})


class VariableName(Struct, frozen=True, kw_only=True):
    component: str
    variable: str
    instance: str | None = None
    variable_instance: str | None = None
    evse: int | None = None
    connector: int | None = None

    def __str__(self) -> str:
        place = "" if self.evse is None else f"@{self.evse}" + ("" if self.connector is None else f"/{self.connector}")
        component = _written(self.component, self.instance)
        return f"{component}{place}.{_written(self.variable, self.variable_instance)}"

    @classmethod
    def read(cls, text: str) -> "VariableName":
        """Raises ValueError when it is no such name."""
        found = _TEXT.fullmatch(text)
        if found is None:
            raise ValueError(
                f"{text!r} names no variable; write Component.Variable, or Component[instance]@evse/connector.Variable[instance]"
            )
        part = found.groupdict()
        return cls(
            component=unquote(part["component"]),
            variable=unquote(part["variable"]),
            instance=None if part["instance"] is None else unquote(part["instance"]),
            variable_instance=None if part["variable_instance"] is None else unquote(part["variable_instance"]),
            evse=None if part["evse"] is None else int(part["evse"]),
            connector=None if part["connector"] is None else int(part["connector"]),
        )


def _written(name: str, instance: str | None) -> str:
    return name.translate(_MEANINGFUL) + ("" if instance is None else f"[{instance.translate(_MEANINGFUL)}]")

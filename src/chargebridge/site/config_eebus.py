"""What the owner writes of EEBUS: ``[eebus]``, its peers, and how the grid may limit the site. docs/configuration.md tells it at length."""

import re
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from chargebridge.model.limit import OnGroup, OnNode, Scope


def _ski(value: str) -> str:
    found = re.sub("[^0-9a-f]", "", value.lower())
    if len(found) != 40:
        raise ValueError("is no SKI; a SKI has 40 hexadecimal digits, as the device's own page or leaflet shows it")
    return found


Ski = Annotated[str, AfterValidator(_ski)]
"""Blanks, dashes and capitals in it mean nothing."""
Words = Annotated[str, Field(min_length=1, max_length=48, pattern=r"^[^;\[\]{}\x00-\x1f]+$")]
"""What other devices show of us: SHIP's QR code ends a value with a semicolon, and some stacks take brackets in a text for their own."""
Watts = Annotated[float, Field(ge=0, le=1e9)]
FailsafeSpan = Annotated[float, Field(ge=7_200, le=86_400)]
"""LPC-022: 2 h to 24 h."""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class EebusPeerTable(_Table):
    """A peer that is trusted from the start. host, port: where it is, for networks in which mDNS does not carry."""

    ski: Ski
    name: Annotated[str, Field(max_length=64)] = ""
    host: Annotated[str, Field(min_length=1, max_length=253)] | None = None
    port: Annotated[int, Field(ge=1, le=65535)] | None = None

    @model_validator(mode="after")
    def _place(self) -> Self:
        if (self.host is None) != (self.port is None):
            raise ValueError("give host and port together, or neither")
        return self


class ProductionTable(_Table):
    """LPP. nominal_w: the most that may be fed in by contract; failsafe_w: what holds while nobody says otherwise."""

    nominal_w: Watts
    failsafe_w: Watts = 0.0


class EebusGridTable(_Table):
    """LPC: what a control box limits. node, group: which circuit, or which group of controllable devices; one of them.

    nominal_w: the most that may be drawn by contract. failsafe_w, failsafe_duration_s: what holds while the control box is silent, and how long at
    least, until it writes others. autonomous: whether the limit may be left after that time without a control box (LPC-906, LPC-921, LPC-922).
    measure: whether what the limited devices draw is told too (MPC), beside what the grid connection carries (MGCP).
    """

    node: str | None = None
    group: str | None = None
    nominal_w: Watts
    failsafe_w: Watts = 4_200.0
    failsafe_duration_s: FailsafeSpan = 7_200.0
    autonomous: bool = False
    legal_basis: Annotated[str, Field(min_length=1, max_length=200)] = "section 14a EnWG"
    measure: bool = False
    production: ProductionTable | None = None

    @model_validator(mode="after")
    def _one_scope(self) -> Self:
        if (self.node is None) == (self.group is None):
            raise ValueError("give either node or group: what the control box limits")
        return self

    @property
    def scope(self) -> Scope:
        return OnNode(self.node) if self.node is not None else OnGroup(self.group or "")


class EebusTable(_Table):
    """folder: of our key, our certificate and whom we trust. host, port: where peers connect to. interfaces: our addresses on which mDNS announces us
    and looks for others; none: not at all. ship_id, brand, model, serial: what others see of us, as it was when the folder was made: none of serial
    is one by chance, none of ship_id is made of the others. trace_file: where all that peers and we say is written too.
    """

    folder: Path = Path("data/eebus")
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 4712
    interfaces: tuple[str, ...] = ()
    ship_id: Words | None = None
    brand: Words = "chargebridge"
    model: Words = "chargebridge"
    serial: Words | None = None
    trace_file: Path | None = None
    peer: tuple[EebusPeerTable, ...] = ()
    grid: EebusGridTable | None = None


def contradictions(table: EebusTable, nodes: set[str], groups: set[str]) -> list[tuple[str, str, str]]:
    """(key, reason, cure) of what does not fit the rest of the file. nodes, groups: its ids."""
    found = []
    grid = table.grid
    if grid is not None and grid.node is not None and grid.node not in nodes:
        found.append(("grid.node", f"{grid.node} is not there", f"name a circuit or a point: {', '.join(sorted(nodes))}"))
    if grid is not None and grid.group is not None and grid.group not in groups:
        found.append(
            ("grid.group", f"{grid.group} is not there", "add a [[group]] with that id and the devices that the grid operator limits")
        )
    if grid is not None and grid.failsafe_w > grid.nominal_w:
        found.append(("grid.failsafe_w", "is above nominal_w", "give what holds without a control box, at most nominal_w"))
    skis = [peer.ski for peer in table.peer]
    found += [("peer", f"{ski} is there twice", "name each peer once") for ski in sorted({ski for ski in skis if skis.count(ski) > 1})]
    return found

"""What virtual stations do, as a live table or as JSON lines."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
from rich.table import Table

from chargebridge.app.commands.output import json_line, out
from chargebridge.sim.ocpp_station import VirtualStation
from chargebridge.sim.ocpp_station.signing import keys_of

ROWS = 30
"""So many stations fit on the screen; the others are counted."""
EVERY_S = 10.0
"""With JSON, so often the state of each EVSE."""
WIRE = ("sent", "received")


class Board:
    """Collects what the stations tell."""

    def __init__(self, *, as_json: bool, frames: bool) -> None:
        self._stations: dict[str, VirtualStation] = {}
        self._in: set[str] = set()
        self._last: dict[str, str] = {}
        self._messages = 0
        self._as_json, self._frames = as_json, frames
        self._told_at = time.monotonic()

    @property
    def all_in(self) -> bool:
        """Each station was let in at least once."""
        return len(self._in) == len(self._stations)

    def add(self, name: str, station: VirtualStation) -> None:
        """Also tells the public keys of its meters, where they sign."""
        self._stations[name] = station
        for key in keys_of(station):
            if self._as_json:
                json_line({"event": "key", **msgspec.structs.asdict(key)})
            else:
                out.print(f"{key.station} EVSE {key.evse} signs as meter {key.meter} with the key\n{key.public_key}", soft_wrap=True)

    def listener(self, name: str) -> Callable[[str, dict[str, Any]], None]:
        def listen(kind: str, facts: dict[str, Any]) -> None:
            self._messages += kind in WIRE
            if kind == "online":
                self._in.add(name)
            if kind not in WIRE:
                self._last[name] = f"{kind} {' '.join(str(value) for value in facts.values())}"
            if self._as_json and (self._frames or kind not in WIRE):
                json_line({"station": name, "event": kind, **facts})

        return listen

    def due(self) -> bool:
        if time.monotonic() - self._told_at < EVERY_S:
            return False
        self._told_at = time.monotonic()
        return True

    def rows(self) -> Iterator[dict[str, Any]]:
        """One for each EVSE."""
        for name, station in self._stations.items():
            for number, point in station.evses.items():
                sample = point.sample(station.now())
                yield {
                    "station": name,
                    "event": "state",
                    "online": station.online,
                    "evse": number,
                    "status": point.state.value,
                    "offered_a": round(point.offered_a, 1),
                    "power_w": round(sample.power_w),
                    "energy_wh": sample.energy_wh,
                    "soc": sample.soc,
                    "waiting": len(station.uplink.outbox),
                }

    def table(self) -> Table:
        online = sum(station.online for station in self._stations.values())
        title = f"{online} of {len(self._stations)} online, {self._messages} messages"
        table = Table("station", "line", "EVSE", "status", "A", "W", "kWh", "%", "queue", "last", title=title, title_justify="left")
        for row in list(self.rows())[:ROWS]:
            soc = "" if row["soc"] is None else f"{row['soc'] * 100:.0f}"
            line = "[green]up[/green]" if row["online"] else "[red]down[/red]"
            table.add_row(
                row["station"], line, str(row["evse"]), row["status"], f"{row['offered_a']:g}", str(row["power_w"]),
                f"{row['energy_wh'] / 1000:.2f}", soc, str(row["waiting"]), self._last.get(row["station"], "")[:60],
            )  # fmt: skip
        return table

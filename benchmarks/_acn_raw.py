"""Raw ACN-Data records (2021, with what drivers said) as stays, laid over another garage's wires."""

import gzip
import json
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import msgspec

from chargebridge.planning.replay.stays import Case, Stay

MAX_W = 32 * 208.0


def laid_over(case: Case, records: Path, *, as_told: bool) -> Case:
    """Each space of the records at a station of ``case`` of its own, in the order of their names. as_told: strategies go by the departure that the
    driver entered (where he did), else by the true one. A car that comes while its space is still taken comes when it is free.
    """
    with gzip.open(records) as file:
        found: list[dict[str, Any]] = sorted(json.load(file), key=lambda record: parsedate_to_datetime(record["connectionTime"]))
    begin = parsedate_to_datetime(found[0]["connectionTime"])
    spaces = {name: number for number, name in enumerate(sorted({record["spaceID"] for record in found}))}
    assert len(spaces) <= len(case.network.stations)

    def step(at: datetime) -> int:
        return int((at - begin).total_seconds() // case.step_s)

    stays, free = [], dict.fromkeys(spaces.values(), 0)
    for record in found:
        station = spaces[record["spaceID"]]
        arrives = max(step(parsedate_to_datetime(record["connectionTime"])), free[station])
        departs = step(parsedate_to_datetime(record["disconnectTime"]))
        if departs <= arrives:
            continue
        free[station] = departs
        said = record["userInputs"][-1]["requestedDeparture"] if as_told and record["userInputs"] else None
        told = None if said is None else max(arrives + 1, step(parsedate_to_datetime(said)))
        energy = 1000 * record["kWhDelivered"]
        stays.append(
            Stay(
                id=record["sessionID"], station=station, arrives=arrives, departs=departs, departs_told=told, energy_wh=energy, max_w=MAX_W
            )
        )
    return msgspec.structs.replace(case, name="2021", starts_at=begin, stays=tuple(stays))

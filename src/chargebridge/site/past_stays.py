"""A site's past as a case to be replayed: its sessions, and what the rest of the property did meanwhile."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import Connection, select

from chargebridge.model.circuit import Topology
from chargebridge.model.errors import ModelError
from chargebridge.model.session import Session
from chargebridge.planning.replay.network import NOMINAL_V, of_topology
from chargebridge.planning.replay.stays import Case, Stay
from chargebridge.site import ledger
from chargebridge.store.tables import sample, topology

STEP_S = 300.0
NEVER_A = 0.5
"""Sessions whose mean current was below this charged nothing that is worth a replay (a car that was full when it came)."""

HELD_STEPS = 12


class PastError(ModelError):
    """There is nothing to replay."""


def past_case(c: Connection, since: datetime, until: datetime) -> Case:
    """All sessions that began in [since, until) and have ended, at the points of the newest topology that was in use by then.

    What a car wanted is taken to be what it got, or the driver's minimum where that is more; when it left, the end of its session; when it said it
    would leave, the driver's target. The base is the house less PV and battery, as sampled; 0 where nothing was. Raises PastError.
    """
    place = _topology(c, until)
    index = {point.id: number for number, point in enumerate(place.points)}
    found = [s for s in ledger.sessions_between(c, since, until) if s.point in index and s.ended_at is not None]
    stays = [stay for s in found if (stay := _stay(s, index, place, since)) is not None]
    if not stays:
        raise PastError(
            f"{since:%Y-%m-%d %H:%M} to {until:%Y-%m-%d %H:%M}", "no session that charged began and ended", "choose another period"
        )
    stays = _one_a_station(stays)
    steps = max(stay.departs for stay in stays)
    base = _base(c, since, steps)
    each = [(watts / 3 / NOMINAL_V,) * 3 for watts in base]
    network = of_topology(place, {place.circuits[0].id: each})
    return Case(name="the site", starts_at=since, step_s=STEP_S, network=network, stays=tuple(stays), base_w=tuple(base), topology=place)


def _topology(c: Connection, until: datetime) -> Topology:
    query = select(topology.c.payload).where(topology.c.first_used_at < until).order_by(topology.c.first_used_at.desc()).limit(1)
    payload = c.execute(query).scalar()
    if payload is None:
        raise PastError(f"before {until:%Y-%m-%d %H:%M}", "the site had not run", "choose a later period")
    return msgspec.json.decode(payload, type=Topology)


def _stay(session: Session, index: dict[str, int], place: Topology, since: datetime) -> Stay | None:
    assert session.ended_at is not None
    point = place.points[index[session.point]]
    arrives = int((session.started_at - since).total_seconds() // STEP_S)
    departs = max(arrives + 1, int((session.ended_at - since).total_seconds() // STEP_S))
    energy = max(float(session.energy_wh), session.preference.energy_min_wh)
    volts = NOMINAL_V * len(point.phases)
    if energy < NEVER_A * volts * (departs - arrives) * STEP_S / 3600:
        return None
    told = None if session.preference.target_at is None else int((session.preference.target_at - since).total_seconds() // STEP_S)
    return Stay(
        id=session.id,
        station=index[session.point],
        arrives=arrives,
        departs=departs,
        departs_told=told if told is not None and told > arrives else None,
        energy_wh=energy,
        max_w=point.maximum_a * volts,
        price_cap=session.preference.price_cap_min,
    )


def _one_a_station(stays: Sequence[Stay]) -> list[Stay]:
    """A session that began in the step in which the one before it ended begins one step later."""
    free: dict[int, int] = {}
    kept = []
    for stay in sorted(stays, key=lambda s: s.arrives):
        arrives = max(stay.arrives, free.get(stay.station, 0))
        if arrives < stay.departs:
            kept.append(msgspec.structs.replace(stay, arrives=arrives))
            free[stay.station] = stay.departs
    return kept


def _base(c: Connection, since: datetime, steps: int) -> list[float]:
    """Mean of each step, W; steps without a sample are as the one before them for an hour, then 0."""
    sums, counts = [0.0] * steps, [0] * steps
    columns = (sample.c.at, sample.c.house_w, sample.c.pv_w, sample.c.battery_w)
    for at, house, pv, battery in c.execute(select(*columns).where(sample.c.at >= since).order_by(sample.c.at)):
        step = int((at - since).total_seconds() // STEP_S)
        if step >= steps:
            break
        sums[step] += (house or 0.0) - (pv or 0.0) + (battery or 0.0)
        counts[step] += 1
    base, last, since_last = [], 0.0, HELD_STEPS
    for total, count in zip(sums, counts, strict=True):
        since_last = 0 if count else since_last + 1
        last = total / count if count else last if since_last <= HELD_STEPS else 0.0
        base.append(last)
    return base

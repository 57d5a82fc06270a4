"""Stations as files: JSON, or CSV with a line for each charging point. Passwords go in and never come out.

Stations that were taken in are kept in the store beside those of the configuration file, and let in at once; their points are part of what is
decided about from the next start of the site, when the fuses are checked with them.
"""

import csv
import io
import secrets
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct
from pydantic import ValidationError
from sqlalchemy import Connection, delete, insert, select

from chargebridge.control.topology import check
from chargebridge.model.errors import ModelError
from chargebridge.site.config import PointTable, SiteConfig, StationTable
from chargebridge.store.operation_tables import added_station

STATION_FIELDS = ("id", "open", "rate_unit", "fallback_setting")
POINT_FIELDS = (
    "id",
    "name",
    "circuit",
    "evse",
    "phases",
    "maximum_a",
    "minimum_a",
    "fallback_a",
    "can_switch_phases",
    "priority",
    "weight",
)
COLUMNS = ("id", "password", *STATION_FIELDS[1:], "point", *POINT_FIELDS[1:])
"""Of a CSV file; those of a station stand in its first line, and may be repeated."""
MAX_STATIONS = 5000


class Added(Struct, frozen=True, kw_only=True):
    """What is kept of a station that was taken in: rows as the configuration would have them."""

    station: dict[str, Any]
    points: tuple[dict[str, Any], ...] = ()


def exported(config: SiteConfig) -> list[dict[str, Any]]:
    """Each station with its points, as `taken` takes them. Those that speak EEBUS are paired, not taken in."""
    rows = []
    for station in config.station:
        if station.eebus is not None:
            continue
        about = station.model_dump(mode="json", include=set(STATION_FIELDS), exclude_defaults=True)
        points = [
            p.model_dump(mode="json", include=set(POINT_FIELDS), exclude_defaults=True) for p in config.point if p.station == station.id
        ]
        rows.append({**about, "points": points})
    return rows


def as_csv(rows: Iterable[dict[str, Any]]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    for row in rows:
        about = {name: _cell(value) for name, value in row.items() if name != "points"}
        for point in row.get("points") or [{}]:
            told = {("point" if name == "id" else name): _cell(value) for name, value in point.items()}
            writer.writerow(about | told)
    return out.getvalue()


def from_csv(text: str) -> list[dict[str, Any]]:
    """The same as JSON has it. Raises ModelError."""
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), strict=True)
    unknown = set(reader.fieldnames or ()) - set(COLUMNS)
    if unknown or "id" not in (reader.fieldnames or ()):
        reason = f"the column {min(unknown)!r} is not known" if unknown else "there is no column id"
        raise ModelError("line 1", reason, f"the columns are: {', '.join(COLUMNS)}")
    stations: dict[str, dict[str, Any]] = {}
    try:
        for line, row in enumerate(reader, 2):
            if None in row or not row["id"]:
                raise ModelError(f"line {line}", "it has no id, or more cells than the first line", "mend the line")
            station = stations.setdefault(row["id"], {"id": row["id"], "points": []})
            given = {name: _read(name, value) for name, value in row.items() if value not in (None, "")}
            station |= {name: given[name] for name in ("password", *STATION_FIELDS[1:]) if name in given}
            if "point" in given:
                station["points"].append({"id": given["point"]} | {name: given[name] for name in POINT_FIELDS[1:] if name in given})
    except csv.Error as error:
        raise ModelError(f"line {reader.line_num}", f"it is no CSV: {error}", "mend the line") from None
    return list(stations.values())


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(str(item) for item in value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _read(name: str, value: str) -> Any:
    """The typed tables read the numbers; lists and truth are ours."""
    if name == "phases":
        return [int(part) if part.isdecimal() else part for part in value.split()]
    return value == "true" if value in ("true", "false") else value


class Taken(Struct, frozen=True):
    """A station that can be taken in. password: in clear, to be hashed; None: it goes without (open)."""

    station: StationTable
    points: tuple[PointTable, ...]
    password: str | None
    made: bool


def taken(row: dict[str, Any], config: SiteConfig) -> Taken:
    """Check one station against the site as it is. Raises ModelError with what is wrong."""
    name = str(row.get("id", ""))[:60]
    where = f"station {name}"
    if not isinstance(row.get("points", []), list) or not all(isinstance(point, dict) for point in row.get("points", [])):
        raise ModelError(where, "points are no list of objects", 'give "points": [{"id": ..., "circuit": ...}]')
    unknown = set(row) - {*STATION_FIELDS, "password", "points"}
    if unknown:
        raise ModelError(where, f"{min(unknown)!r} is not known", f"give {', '.join((*STATION_FIELDS, 'password', 'points'))}")
    password = row.get("password")
    if password is not None and (not isinstance(password, str) or not 16 <= len(password) <= 40):
        # OCPP 2.0.1 part 2 A00.FR.205: 16 to 40 characters; the 1.6 security whitepaper allows 20 bytes.
        raise ModelError(where, "the password does not have 16 to 40 characters", "give such a one, or none: then one is made")
    about = {key: value for key, value in row.items() if key in STATION_FIELDS}
    try:
        station = StationTable.model_validate(about)
        given = [{"name": point.get("id", "")} | point | {"station": station.id} for point in row.get("points", [])]
        points = tuple(PointTable.model_validate(point) for point in given)
    except ValidationError as error:
        first = error.errors()[0]
        raise ModelError(f"{where}: {'.'.join(str(p) for p in first['loc'])}", first["msg"], "mend the value") from None
    problems = list(check(with_points(config, station, points).topology()))
    if problems:
        raise ModelError(f"{where}: {problems[0].where}", problems[0].reason, problems[0].cure)
    made = password is None and not station.open
    # 1.6 security whitepaper: 16 to 20 characters fit every station.
    return Taken(station, points, secrets.token_hex(10) if made else password, made)


def with_points(config: SiteConfig, station: StationTable, points: Sequence[PointTable]) -> SiteConfig:
    return config.model_copy(update={"station": (*config.station, station), "point": (*config.point, *points)})


def keep(c: Connection, one: Taken, password_hash: str | None, now: datetime, by: str) -> None:
    station = one.station.model_dump(mode="json", exclude_defaults=True) | ({"password_hash": password_hash} if password_hash else {})
    points = tuple(point.model_dump(mode="json", exclude_defaults=True) for point in one.points)
    payload = msgspec.json.encode(Added(station=station, points=points)).decode()
    c.execute(insert(added_station).values(station=one.station.id, added_at=now, by=by, payload=payload))


def forget(c: Connection, identity: str) -> bool:
    return c.execute(delete(added_station).where(added_station.c.station == identity)).rowcount > 0


def kept(c: Connection) -> list[Added]:
    return [
        msgspec.json.decode(row, type=Added)
        for row in c.execute(select(added_station.c.payload).order_by(added_station.c.station)).scalars()
    ]


def joined(config: SiteConfig, added: Iterable[Added]) -> SiteConfig:
    """The configuration with the stations that were taken in. What the file itself has by now goes before.

    Raises ModelError when they no longer fit together.
    """
    stations, points = {s.id for s in config.station}, {p.id for p in config.point}
    for one in added:
        if one.station["id"] in stations:
            continue
        fresh = [PointTable.model_validate(point) for point in one.points if point["id"] not in points]
        config = with_points(config, StationTable.model_validate(one.station), fresh)
    problems = list(check(config.topology()))
    if problems:
        cure = f"{problems[0].cure}; or remove the station that was taken in: chargebridge stations remove"
        raise ModelError(problems[0].where, f"{problems[0].reason} (with the stations that were taken in)", cure)
    return config
